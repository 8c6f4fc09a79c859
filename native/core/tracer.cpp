#include "core/tracer.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace ringway {

template <class Event>
Tracer::Kept<Event> Tracer::Ring<Event>::taken() {
  Kept<Event> kept;
  kept.dropped = count - events.size();
  if (kept.dropped) {
    const auto oldest = static_cast<std::ptrdiff_t>(count % events.size());
    std::rotate(events.begin(), events.begin() + oldest, events.end());
  }
  kept.events = std::exchange(events, {});
  count = 0;
  return kept;
}

void Tracer::start(u32 tracks, u32 events, Names kernels) {
  const std::lock_guard lock(changing_);
  if (on()) {
    throw Error(ErrorKind::kInvalidState,
                "a trace of this runtime is being taken already; stop that one first");
  }
  if (!owned_) {
    owned_ = std::make_unique<Rings[]>(tracks);
    count_ = tracks;
  }
  kernels_ = std::move(kernels);
  most_ = events;
  others_.clear();
  for (u32 i = 0; i < count_; ++i) {
    const std::lock_guard track(owned_[i].mutex);
    owned_[i].most = events;
    owned_[i].turns.taken();  // a turn that outlasted the last trace
    owned_[i].passages.taken();
  }
  // SYNC: partner load_acquire in turn() and passage(): the rings. `on_` itself orders nothing.
  atomic::store_release(&tracks_, owned_.get());
  atomic::store_relaxed(&on_, 1U);
}

Tracer::Trace Tracer::stop() {
  const std::lock_guard lock(changing_);
  Trace trace;
  atomic::store_relaxed(&on_, 0U);  // relaxed: a turn that saw it on is kept, or given up by the next start()
  for (u32 i = 0; i < count_; ++i) {
    const std::lock_guard track(owned_[i].mutex);
    trace.tracks.push_back({owned_[i].turns.taken(), owned_[i].passages.taken()});
  }
  for (auto& [track, rings] : others_) {
    trace.tracks.resize(std::max<std::size_t>(trace.tracks.size(), track + 1));
    trace.tracks[track] = {rings.turns.taken(), rings.passages.taken()};
  }
  others_.clear();
  trace.kernels = std::exchange(kernels_, {});
  return trace;
}

void Tracer::launched(u32 kernel, const std::string& name) {
  const std::lock_guard lock(changing_);
  if (on()) kernels_[kernel] = name;
}

template <class Write>
void Tracer::write(u32 track, Write put) {
  Rings* const rings = atomic::load_acquire(&tracks_);  // SYNC: partner store_release in start()
  if (!rings) return;
  if (track < atomic::load_relaxed(&count_)) {  // relaxed: written once, before the rings
    const std::lock_guard lock(rings[track].mutex);
    return put(rings[track]);
  }
  const std::lock_guard lock(changing_);
  Rings& other = others_[track];
  other.most = most_;
  put(other);
}

void Tracer::turn(u32 track, const Turn& turn) {
  write(track, [&](Rings& rings) { rings.turns.put(turn, rings.most); });
}

void Tracer::passage(u32 track, const Passage& passage) {
  write(track, [&](Rings& rings) { rings.passages.put(passage, rings.most); });
}

}  // namespace ringway
