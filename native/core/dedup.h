// The window of ringway/dedup_window.h with memory of its own.
#pragma once
#include <array>
#include <vector>

#include "ringway/dedup_window.h"

namespace ringway {

class DedupWindow {
 public:
  using Id = std::array<u32, 4>;

  explicit DedupWindow(u32 window);  // 0: remembers nothing

  u32 window() const { return window_; }
  bool add(const Id& id) { return !window_ || ids_.add(id.data()); }
  void remove(const Id& id) {
    if (window_) ids_.remove(id.data());
  }

 private:
  const u32 window_;
  std::vector<u64> memory_;
  DedupIds ids_{};
};

}  // namespace ringway
