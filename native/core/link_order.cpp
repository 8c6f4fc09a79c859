#include "core/link_order.h"

#include <algorithm>

namespace ringway {
namespace {

// Tarjan's strongly connected components, without recursion: a chain may be as long as memory allows.
class Components {
 public:
  Components(u32 nodes, const std::vector<std::pair<u32, u32>>& links) : nodes_(nodes) {
    for (const auto& [source, target] : links) nodes_[source].targets.push_back(target);
  }

  // Targets before sources.
  std::vector<std::vector<u32>> find() {
    for (u32 root = u32(nodes_.size()); root--;) {
      if (!nodes_[root].order) walk_from(root);
    }
    return std::move(found_);
  }

 private:
  struct Node {
    std::vector<u32> targets;
    std::size_t looked_at = 0;  // targets
    u32 order = 0;              // in which it was entered; 0 = not yet
    u32 lowest = 0;             // order of the first node that it is known to reach
    bool open = false;          // its component is not complete
  };

  void enter(u32 node) {
    nodes_[node].order = nodes_[node].lowest = ++entered_;
    nodes_[node].open = true;
    path_.push_back(node);
    open_.push_back(node);
  }

  void walk_from(u32 root) {
    for (enter(root); !path_.empty();) {
      Node& node = nodes_[path_.back()];
      if (node.looked_at < node.targets.size()) {
        const u32 target = node.targets[node.looked_at++];
        if (!nodes_[target].order) {
          enter(target);
        } else if (nodes_[target].open) {
          node.lowest = std::min(node.lowest, nodes_[target].order);
        }
        continue;
      }
      leave(path_.back());
    }
  }

  void leave(u32 number) {
    const Node& node = nodes_[number];
    path_.pop_back();
    if (!path_.empty()) nodes_[path_.back()].lowest = std::min(nodes_[path_.back()].lowest, node.lowest);
    if (node.lowest != node.order) return;
    const auto first = std::find(open_.begin(), open_.end(), number);
    std::vector<u32>& group = found_.emplace_back(first, open_.end());
    open_.erase(first, open_.end());
    for (const u32 member : group) nodes_[member].open = false;
    std::sort(group.begin(), group.end());
  }

  std::vector<Node> nodes_;
  u32 entered_ = 0;
  std::vector<u32> path_, open_;
  std::vector<std::vector<u32>> found_;
};

}  // namespace

std::vector<std::vector<u32>> in_link_order(u32 nodes, const std::vector<std::pair<u32, u32>>& links) {
  auto groups = Components(nodes, links).find();
  std::reverse(groups.begin(), groups.end());
  return groups;
}

}  // namespace ringway
