// The ids of the last messages that a kernel took for handling: exact, not probabilistic. A ring of ids in the order in
// which they came, and a hash table of places in it. Belongs to one thread at a time.
#pragma once
#include <array>
#include <vector>

#include "ringway/config.h"

namespace ringway {

class DedupWindow {
 public:
  using Id = std::array<u32, 4>;

  explicit DedupWindow(u32 window);  // 0: remembers nothing

  u32 window() const { return window_; }
  // False when the id is among the last `window` ones. The nil id stands for no id, and is never found.
  bool add(const Id& id);
  // So that a message of this id may come again; it keeps its place among the last ones.
  void remove(const Id& id);

 private:
  u32 home(const Id& id) const;
  u32 find(const Id& id) const;  // its place in the table, or the empty one where it would go
  void erase(u32 place);

  const u32 window_;
  u32 next_ = 0;            // place in the ring of the next id
  u32 mask_ = 0;            // places in the table, a power of two of at least twice the window, less 1
  u64 seed_ = 0;            // so that nobody can choose ids that meet in one place
  std::vector<Id> ring_;    // nil: unused
  std::vector<u16> table_;  // place in the ring + 1; 0: empty; linear probing
};

}  // namespace ringway
