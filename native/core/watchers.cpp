#include "core/watchers.h"

#include <algorithm>

#include "ringway/atomics_runtime.h"

namespace ringway {

void Watchers::add(Completion* node) {
  std::lock_guard lock(changing_);
  nodes_.push_back(node);
  // SYNC: partner tell(): it sees the count, or the watcher's look afterwards sees what was published.
  atomic::exchange_seq_cst(&waiting_, u32(nodes_.size()));
}

bool Watchers::remove(Completion* node) {
  std::lock_guard lock(changing_);
  const auto found = std::find(nodes_.begin(), nodes_.end(), node);
  if (found == nodes_.end()) return false;
  nodes_.erase(found);
  atomic::store_relaxed(&waiting_, u32(nodes_.size()));  // relaxed: too many only costs a look at the list
  return true;
}

void Watchers::tell() {
  // SYNC: partner add(): see there.
  if (!atomic::load_seq_cst(&waiting_)) return;
  std::lock_guard lock(changing_);
  for (Completion* node : nodes_) node->port->push(node);
  nodes_.clear();
  atomic::store_relaxed(&waiting_, 0U);  // relaxed: changed under the lock only
}

}  // namespace ringway
