#pragma once
#include <cstddef>
#include <cstring>
#include <vector>

#include "engine/abi.h"
#include "engine/random.h"

namespace softmetal {

// Atomic stores that only their thread sees yet. Relaxed stores to different places may become visible in any order, and
// late; a fence, or the end of the dispatch, is the latest moment.
class LateStores {
 public:
  void add(sm_thread* by, volatile void* to, const void* value, unsigned size) {
    for (Store& store : stores_) {
      if (store.by != by || store.to != to) continue;
      std::memcpy(store.value, value, size);
      return;
    }
    Store store{by, to, {}, size};
    std::memcpy(store.value, value, size);
    stores_.push_back(store);
    ++by->pending;
  }
  bool own(const sm_thread* by, const volatile void* from, void* value, unsigned size) const {
    for (const Store& store : stores_) {
      if (store.by != by || store.to != from) continue;
      std::memcpy(value, store.value, size);
      return true;
    }
    return false;
  }
  // Shows the thread's store to that place, or all of them.
  void settle(sm_thread* by, const volatile void* of) {
    for (size_t i = 0; i < stores_.size();) {
      if (stores_[i].by == by && (!of || stores_[i].to == of)) {
        show(i);
      } else {
        ++i;
      }
    }
  }
  void settle_one(sm_thread* by, Random& random) {
    const size_t first = random.below(stores_.size());
    for (size_t k = 0; k < stores_.size(); ++k) {
      const size_t i = (first + k) % stores_.size();
      if (stores_[i].by == by) return show(i);
    }
  }
  // Of a thread that has ended: others may see them as late as the end of the dispatch.
  void leave(sm_thread* by) {
    for (Store& store : stores_)
      if (store.by == by) store.by = nullptr;
    by->pending = 0;
  }
  void settle_all() {
    while (!stores_.empty()) show(0);
  }

 private:
  struct Store {
    sm_thread* by;
    volatile void* to;
    unsigned char value[8];
    unsigned size;
  };
  void show(size_t i) {
    const Store store = stores_[i];
    stores_.erase(stores_.begin() + static_cast<std::ptrdiff_t>(i));
    if (store.by) --store.by->pending;
    if (store.size == 4) {
      unsigned value;
      std::memcpy(&value, store.value, 4);
      __atomic_store_n(static_cast<volatile unsigned*>(store.to), value, __ATOMIC_RELAXED);
    } else {
      __atomic_store_n(static_cast<volatile unsigned char*>(store.to), store.value[0], __ATOMIC_RELAXED);
    }
  }

  std::vector<Store> stores_;
};

}  // namespace softmetal
