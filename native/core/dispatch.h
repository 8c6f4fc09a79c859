// The dispatch level: what a kernel declares, what a caller asks for, the check of one against the other, and what a
// backend does with the result. See docs/dispatch.md for the user's side and ringway/grid.h for the kernel's.
#pragma once
#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/buffer_pool.h"
#include "core/completion.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/wait.h"
#include "ringway/grid.h"

namespace ringway {

using Extent = std::array<u64, 3>;  // x, y, z

inline u64 count_of(const Extent& extent) {
  return extent[0] * extent[1] * extent[2];
}

// A grid of threads, cut into groups.
struct Grid {
  Extent threads{1, 1, 1};  // of the grid
  Extent group{1, 1, 1};    // threads of a group that is not at an edge
  Extent groups{1, 1, 1};
};

constexpr u32 kMostArguments = 8;

// Arguments as a kernel gets them: addresses, and scalars in the low bytes.
using ArgumentWords = std::array<u64, kMostArguments>;

// kWrite: the kernel writes all of the least number of elements, and reads none.
enum class Access { kRead, kWrite, kReadWrite };

// What a size may depend on.
struct SizeOf {
  const Grid& grid;
  const ArgumentWords& words;  // of integer scalars, by position
};

struct DispatchArgument {
  std::string name;
  std::optional<DType> dtype;  // none: the kernel's element type
  Access access = Access::kRead;
  // Of a buffer: least number of elements, and that in words. Null for a scalar.
  u64 (*least)(const SizeOf&) = nullptr;
  std::string least_text;

  bool scalar() const { return !least; }
};

struct DispatchKernel {
  std::string name;
  std::vector<DType> types;  // element types it has
  std::vector<DispatchArgument> arguments;
  // Entry points that a GPU runs one after another, less the element type; empty: one, of the kernel's name.
  std::vector<std::string> passes = {};
  u32 axes = 3;  // most axes of its grid
  // Threadgroup memory that a group needs, bytes; null: none. `element` is the size of the element type.
  u64 (*group_bytes)(const SizeOf&, u32 element) = nullptr;
  // (optional) Work that does not depend on the number of threads, so that an empty grid would leave it undone.
  u64 (*work)(const SizeOf&) = nullptr;
  // Whether a written buffer may be the same memory as another argument: each thread touches its own element only.
  bool in_place = false;

  bool has(DType element) const;
  // As they are called in a GPU's image: "vector_add_float32".
  std::vector<std::string> entry_points(DType element) const;
};

// A buffer as it was bound; `dtype` and `elements` as the caller sees them.
struct BoundBuffer {
  u8* data = nullptr;
  u64 elements = 0;
  DType dtype = DType::kU8;
  bool writable = true;
  bool on_gpu = false;  // an address of CUDA's, which the host may not follow
};

// What a caller asks for. Exactly one of `threads` and `groups`.
struct GridRequest {
  std::optional<Extent> threads, groups, group;
  u32 axes = 1;  // that the caller named, the most of the three
  std::optional<u64> group_bytes;
};

struct DispatchRequest {
  const DispatchKernel* kernel = nullptr;
  DType element = DType::kF32;
  Grid grid;
  ArgumentWords words{};
  u32 on_gpu = 0;  // bits of buffers, by position
  u32 group_bytes = 0;
};

// The memory behind an argument.
struct ArgumentMemory {
  u32 index = 0;  // of the argument
  u8* data = nullptr;
  u64 bytes = 0;
  bool read = false;
  bool written = false;
};

// One for each argument, or for some of them, without an allocation.
template <class T>
class PerArgument {
 public:
  void push_back(T one) { all_[count_++] = std::move(one); }
  u32 size() const { return count_; }
  T* begin() { return all_.data(); }
  T* end() { return all_.data() + count_; }
  const T* begin() const { return all_.data(); }
  const T* end() const { return all_.data() + count_; }

 private:
  std::array<T, kMostArguments> all_{};
  u32 count_ = 0;
};

// Of each argument that is a buffer, in their order.
PerArgument<ArgumentMemory> memory_of(const DispatchRequest& request);

// The kernels that ringway has; a backend has a function for each and for each element type that it can do.
const std::vector<DispatchKernel>& dispatch_kernels();
// Throws kNotFound.
const DispatchKernel& dispatch_kernel(const std::string& name);

// The element type that the buffers bring, by position; entries of scalars are not looked at. Throws kDispatch.
DType element_type(const DispatchKernel& kernel, const std::vector<std::optional<BoundBuffer>>& buffers);
// Grid, threadgroup memory and buffers against the declaration; `words` holds the scalars. Throws kDispatch with the
// argument's name, what was wanted and what was given.
DispatchRequest check_dispatch(const DispatchKernel& kernel, DType element, const GridRequest& grid,
                               const std::vector<std::optional<BoundBuffer>>& buffers,
                               const ArgumentWords& words);
// For texts: "float32, int32".
std::string names_of(const std::vector<DType>& types);
// For texts: "vector_add: threads (1000, 1, 1) in groups of (256, 1, 1)".
std::string text_of(const DispatchRequest& request);

// A dispatch that was started. Backends derive what they need besides.
class DispatchJob {
 public:
  explicit DispatchJob(const DispatchRequest& asked) : request(asked) {}
  virtual ~DispatchJob() = default;

  const DispatchRequest request;

  bool done() const;
  // Throws what the dispatch failed with; only when done.
  void check() const;
  // Pushes `token` on `port` when done; false when it is already.
  bool listen(CompletionPort* port, u64 token);
  // True when that token will not come.
  bool withdraw(CompletionPort* port, u64 token);
  // False at the deadline.
  bool wait(const Wait& until);

  // By the backend, once; an empty text means that all went well.
  void finish(ErrorKind kind, const std::string& failure);

 private:
  mutable std::mutex changing_;
  Signal finished_;
  std::list<Completion> listeners_;
  u32 done_ = 0;
  ErrorKind kind_ = ErrorKind::kHandler;
  std::string failure_;
};

// What a backend does on the dispatch level. Dispatches of one dispatcher run in the order in which they were started,
// each after the one before has ended.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  virtual std::string device() const = 0;  // what it runs on, for people
  virtual u32 workers() const = 0;         // groups that can run at a time; 0 when nobody knows
  virtual bool offers(const DispatchKernel& kernel, DType element) const = 0;
  // (optional) Pages for buffers that the device uses where they lie; may outlive the dispatcher.
  virtual std::shared_ptr<PageSource> pages() { return std::make_shared<PageSource>(); }
  // (optional) Memory that only the device sees, zero: its address stands for it in requests, and must not be followed.
  // Null where the device has none; throws kOutOfMemory.
  virtual std::shared_ptr<u8> take_private(u64) { return nullptr; }
  // (optional, with take_private) Copies between such memory, from its begin, and the host's. In the line of dispatches.
  virtual std::shared_ptr<DispatchJob> start_copy(u8*, const u8*, u64) { return nullptr; }
  // (optional) CUDA's number of the GPU whose memory buffers may be, by its address; below 0: of none.
  virtual i32 cuda_device() const { return -1; }
  // The grid is not empty. `assisted`: the caller goes on to assist(), so that no other thread need be woken for it.
  virtual std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool assisted) = 0;
  // (optional) Takes part in the work until the job is done or `until` is over; throws what until.check does.
  virtual void assist(DispatchJob& job, const Wait& until) { job.wait(until); }
  // Groups that have not begun are not run; the job is done, kClosed, once those that have begun have ended.
  virtual void cancel(DispatchJob& job) = 0;
  virtual void stop() = 0;  // cancels everything; called once, last
};

}  // namespace ringway
