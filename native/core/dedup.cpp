#include "core/dedup.h"

#include <bit>
#include <random>

namespace ringway {
namespace {

constexpr DedupWindow::Id kNil{};

}  // namespace

DedupWindow::DedupWindow(u32 window) : window_(window) {
  if (!window) return;
  const u32 places = std::bit_ceil(2 * window_);
  ring_.assign(window_, kNil);
  table_.assign(places, 0);
  mask_ = places - 1;
  std::random_device random;
  seed_ = u64(random()) << 32 | random();
}

u32 DedupWindow::home(const Id& id) const {
  // Odd constants without structure; the high half of a product depends on every bit below.
  constexpr u64 kFirst = 0x9e3779b97f4a7c15;
  constexpr u64 kSecond = 0xc2b2ae3d27d4eb4f;
  u64 mixed = ((u64(id[1]) << 32 | id[0]) ^ seed_) * kFirst;
  mixed = ((u64(id[3]) << 32 | id[2]) ^ std::rotl(mixed, 32)) * kSecond;
  return u32(mixed >> 32) & mask_;
}

u32 DedupWindow::find(const Id& id) const {
  u32 place = home(id);
  while (table_[place] && ring_[table_[place] - 1U] != id) place = (place + 1) & mask_;
  return place;
}

void DedupWindow::erase(u32 place) {
  // What follows moves up, so that every id is found by walking from its home to the first empty place.
  u32 hole = place;
  for (u32 next = (hole + 1) & mask_; table_[next]; next = (next + 1) & mask_) {
    const u32 distance = (next - home(ring_[table_[next] - 1U])) & mask_;
    if (distance < ((next - hole) & mask_)) continue;
    table_[hole] = table_[next];
    hole = next;
  }
  table_[hole] = 0;
}

bool DedupWindow::add(const Id& id) {
  if (!window_ || id == kNil) return true;
  if (table_[find(id)]) return false;
  Id& oldest = ring_[next_];
  if (oldest != kNil) erase(find(oldest));
  oldest = id;
  table_[find(id)] = u16(next_ + 1);
  next_ = next_ + 1 == window_ ? 0 : next_ + 1;
  return true;
}

void DedupWindow::remove(const Id& id) {
  if (!window_ || id == kNil) return;
  const u32 place = find(id);
  if (!table_[place]) return;
  ring_[table_[place] - 1U] = kNil;
  erase(place);
}

}  // namespace ringway
