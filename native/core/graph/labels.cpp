#include "core/graph/labels.h"

#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/graph/limits.h"

namespace ringway {
namespace {

std::uint32_t hash_of(std::string_view name) {
  std::uint64_t state = 0x9E3779B97F4A7C15U ^ name.size();
  const char* at = name.data();
  std::size_t left = name.size();
  const auto mix = [&state](std::uint64_t word) {
    state = (state ^ word) * 0xD6E8FEB86659FD93U;
    state ^= state >> 32;
  };
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    mix(word);
  }
  std::uint64_t word = 0;
  if (left > 0) std::memcpy(&word, at, left);
  mix(word);
  mix(state >> 29);
  return static_cast<std::uint32_t>(state);
}

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (RFC 3629: no surrogates, no
// overlong forms).
std::size_t sequence_length(const unsigned char* at, std::size_t left) {
  const auto continues = [at](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return at[i] >= low && at[i] <= high;
  };
  if (at[0] < 0x80) return 1;
  if (at[0] >= 0xC2 && at[0] <= 0xDF) return left >= 2 && continues(1) ? 2 : 0;
  if (at[0] >= 0xE0 && at[0] <= 0xEF) {
    const unsigned low = at[0] == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = at[0] == 0xED ? 0x9F : 0xBF;
    return left >= 3 && continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (at[0] >= 0xF0 && at[0] <= 0xF4) {
    const unsigned low = at[0] == 0xF0 ? 0x90 : 0x80;
    const unsigned high = at[0] == 0xF4 ? 0x8F : 0xBF;
    return left >= 4 && continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(at + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace

Labels::Labels(std::vector<std::uint64_t> offsets, std::string bytes) : Labels() {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != bytes.size() ||
      offsets.size() - 1 > kMaxNodes) {
    throw Error(ErrorKind::kGraph, "the label offsets do not match the label bytes");
  }
  offsets_.reserve(offsets.size());
  bytes_.reserve(bytes.size());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i + 1] < offsets[i] || offsets[i + 1] > bytes.size()) {
      throw Error(ErrorKind::kGraph, "the label offsets are out of order at label " + std::to_string(i));
    }
    const std::string_view name = std::string_view(bytes).substr(offsets[i], offsets[i + 1] - offsets[i]);
    if (intern(name) != i) {
      throw Error(ErrorKind::kGraph,
                  "two nodes have the label '" + std::string(name) + "'; labels must be unique");
    }
  }
}

std::size_t Labels::slot_of(std::string_view name, std::uint32_t hash) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = hash & mask;
  while (table_[slot].node != kFree && (table_[slot].hash != hash || (*this)[table_[slot].node] != name)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

std::optional<std::uint32_t> Labels::find(std::string_view name) const {
  if (table_.empty()) return std::nullopt;
  const std::uint32_t node = table_[slot_of(name, hash_of(name))].node;
  if (node == kFree) return std::nullopt;
  return node;
}

std::uint32_t Labels::intern(std::string_view name) {
  if ((std::size_t{size()} + 1) * 4 > table_.size() * 3) grow();
  const std::uint32_t hash = hash_of(name);
  const std::size_t slot = slot_of(name, hash);
  if (table_[slot].node != kFree) return table_[slot].node;
  if (!is_utf8(name)) throw Error(ErrorKind::kGraph, "a label is not UTF-8 text");
  if (size() >= kMaxNodes)
    throw Error(ErrorKind::kGraph, "more than " + std::to_string(kMaxNodes) + " labels");
  const std::uint32_t node = size();
  bytes_.append(name);
  offsets_.push_back(bytes_.size());
  table_[slot] = {hash, node};
  return node;
}

void Labels::grow() {
  std::vector<Entry> old(table_.empty() ? 64 : table_.size() * 2, Entry{0, kFree});
  std::swap(old, table_);
  const std::size_t mask = table_.size() - 1;
  for (const Entry& entry : old) {
    if (entry.node == kFree) continue;
    std::size_t slot = entry.hash & mask;
    while (table_[slot].node != kFree) slot = (slot + 1) & mask;
    table_[slot] = entry;
  }
}

}  // namespace ringway
