#include "engine/host_view.h"

#include <algorithm>
#include <cstring>

namespace softmetal {
namespace {

constexpr size_t kStretch = 1024;  // words, of which most often none has changed

}  // namespace

HostView::HostView(char* shared, size_t length)
    : shared_(shared),
      length_(length),
      copy_(length, false),
      seen_((length + sizeof(Word) - 1) / sizeof(Word)) {
  std::memcpy(seen_.data(), shared, length);
  std::memcpy(copy_.data(), seen_.data(), length);
}

bool HostView::holds(const volatile void* in_copy) const {
  const auto* at = static_cast<const volatile char*>(in_copy);
  return at >= copy_.data() && at < copy_.data() + length_ / sizeof(Word) * sizeof(Word);
}

void HostView::see(const volatile void* in_copy) {
  const size_t i =
      static_cast<size_t>(static_cast<const volatile char*>(in_copy) - copy_.data()) / sizeof(Word);
  const Word now = __atomic_load_n(shared_word(i), __ATOMIC_ACQUIRE);
  if (now == seen_[i]) return;
  seen_[i] = now;
  __atomic_store_n(copied_word(i), now, __ATOMIC_RELAXED);
}

void HostView::see_all() {
  const size_t words = length_ / sizeof(Word);
  for (size_t first = 0; first < words; first += kStretch) {
    const size_t last = std::min(first + kStretch, words);
    if (!std::memcmp(shared_word(first), &seen_[first], (last - first) * sizeof(Word))) continue;
    for (size_t i = first; i < last; ++i) see(copied_word(i));
  }
}

void HostView::show() {
  const size_t words = length_ / sizeof(Word);
  for (size_t i = 0; i < words; ++i) {
    const Word now = *copied_word(i);
    if (now != seen_[i]) __atomic_store_n(shared_word(i), now, __ATOMIC_RELEASE);
  }
  const char* const seen = reinterpret_cast<const char*>(seen_.data());
  for (size_t at = words * sizeof(Word); at < length_; ++at)
    if (copy_.data()[at] != seen[at]) shared_[at] = copy_.data()[at];
}

void HostViews::add(char* shared, size_t length) {
  for (const auto& view : views_)
    if (view->is_of(shared)) return;
  views_.push_back(std::make_unique<HostView>(shared, length));
}

char* HostViews::copy_of(char* shared) const {
  for (const auto& view : views_)
    if (view->is_of(shared)) return view->copy_of(shared);
  return shared;
}

void HostViews::see(const volatile void* in_copy) {
  for (const auto& view : views_)
    if (view->holds(in_copy)) return view->see(in_copy);
}

void HostViews::see_all() {
  for (const auto& view : views_) view->see_all();
}

void HostViews::show() {
  for (const auto& view : views_) view->show();
}

}  // namespace softmetal
