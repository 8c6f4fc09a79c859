#include "core/dedup.h"

#include <random>

namespace ringway {

DedupWindow::DedupWindow(u32 window) : window_(window) {
  if (!window) return;
  memory_.assign((dedup_bytes(window) + 7) / 8, 0);
  std::random_device random;
  ids_.create(reinterpret_cast<u8*>(memory_.data()), window, u64(random()) << 32 | random());
}

}  // namespace ringway
