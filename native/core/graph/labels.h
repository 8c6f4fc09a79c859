// The names of a graph's nodes: one blob of UTF-8 bytes, offsets into it, and a hash table from name to node.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringway {

class Labels {
 public:
  Labels() { offsets_.push_back(0); }

  // Takes a stored table; offsets has one entry more than there are names, begins at 0 and ends at
  // bytes.size(). Throws Error(kGraph) when the offsets are not such, a name is not UTF-8, or two names are
  // equal.
  Labels(std::vector<std::uint64_t> offsets, std::string bytes);

  std::uint32_t size() const { return static_cast<std::uint32_t>(offsets_.size() - 1); }
  std::string_view operator[](std::uint32_t node) const {
    return std::string_view(bytes_).substr(offsets_[node], offsets_[node + 1] - offsets_[node]);
  }
  std::optional<std::uint32_t> find(std::string_view name) const;

  // The node of that name; a new name gets the next node. Throws Error(kGraph) when the name is not UTF-8 or
  // the table is full.
  std::uint32_t intern(std::string_view name);

  const std::vector<std::uint64_t>& offsets() const { return offsets_; }
  const std::string& bytes() const { return bytes_; }

 private:
  struct Entry {
    std::uint32_t hash;
    std::uint32_t node;  // kFree: nothing here
  };
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};

  std::size_t slot_of(std::string_view name, std::uint32_t hash) const;
  void grow();

  std::vector<std::uint64_t> offsets_;
  std::string bytes_;
  std::vector<Entry> table_;
};

}  // namespace ringway
