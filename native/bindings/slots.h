// Slots of a queue that Python holds in place, as NumPy arrays over the ring's memory.
//
// The slots go back (published, or released) only when no array over them is left: an array, what derives from it, a
// scalar of it or a memoryview keeps a capsule alive, and the capsules are counted.
#pragma once
#include <pybind11/numpy.h>

#include <memory>
#include <vector>

#include "bindings/bindings.h"
#include "core/named_queue.h"

namespace ringway::bindings {

class Slots : public std::enable_shared_from_this<Slots> {
 public:
  // Room for what is said of up to `n` slots: before they are claimed, so that no claim is lost for want of memory.
  Slots(std::shared_ptr<NamedQueue> queue, NamedQueue::Side side, u32 n);
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // Until it holds some; false: there are none.
  bool hold(SlotClaim claim);
  u32 count() const { return claim_.count; }
  bool open() const { return open_; }
  // Records of `dtype`, of the queue's fixed size; None: rows of bytes. Of slots to read: read-only.
  py::array array(const py::object& dtype);
  // Bytes of each message.
  py::array_t<u32> sizes() const;
  void set_sizes(const py::array_t<u32, py::array::c_style | py::array::forcecast>& sizes);
  // Publishes the first `sent` and gives up the others; of slots to read, releases all. Throws kInvalidState while
  // arrays are left, and then gives all up as soon as they are gone.
  void end(u32 sent);
  // As end(0), but does not throw while arrays are left.
  void give_up();

 private:
  struct Hold;
  void finish(u32 sent);
  void array_gone();

  const std::shared_ptr<NamedQueue> queue_;
  const NamedQueue::Side side_;
  SlotClaim claim_{};
  std::vector<u32> sizes_;  // empty: all of the queue's fixed size
  u32 arrays_ = 0;          // guarded by the GIL, as all of this
  bool open_ = false;
  bool given_up_ = false;
};

}  // namespace ringway::bindings
