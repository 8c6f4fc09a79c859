// What kernels did and when, kept while somebody takes a trace: turns, and messages whose latency was measured.
//
// One track for each worker, whose turns follow each other; a ring on each, so that the last events are kept. While no
// trace is taken a turn costs one relaxed load.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ringway/atomics_runtime.h"

namespace ringway {

class Tracer {
 public:
  static constexpr u32 kHost = ~0U;  // instead of a kernel: a message came from the host

  struct Turn {
    std::int64_t began, ended;  // of now_ns()
    u32 kernel;                 // its endpoint
    u32 messages;               // that left its inputs
    u32 sent;
    u32 depth;  // of its mailbox, afterwards
  };
  struct Passage {
    std::int64_t sent, handled;  // of now_ns()
    u32 from, to;                // endpoints
  };
  template <class Event>
  struct Kept {
    std::vector<Event> events;  // in order
    u64 dropped = 0;            // older ones that there was no place for
  };
  struct Track {
    Kept<Turn> turns;
    Kept<Passage> passages;
  };
  using Names = std::map<u32, std::string>;
  struct Trace {
    std::vector<Track> tracks;
    Names kernels;  // that were there meanwhile, by endpoint
  };

  bool on() const { return atomic::load_relaxed(&on_) != 0; }
  // Keeps the last `events` of each kind and track. Throws kInvalidState when a trace is taken already.
  void start(u32 tracks, u32 events, Names kernels);
  Trace stop();
  void launched(u32 kernel, const std::string& name);

  // By who runs the worker's kernels, within a turn that began while on(). A track beyond those of start() is made when it
  // is first written to.
  void turn(u32 track, const Turn& turn);
  void passage(u32 track, const Passage& passage);

 private:
  template <class Event>
  struct Ring {
    std::vector<Event> events;
    u64 count = 0;

    void put(const Event& event, u32 most) {
      if (events.size() < most) {
        events.push_back(event);
      } else {
        events[count % most] = event;
      }
      ++count;
    }
    Kept<Event> taken();
  };
  struct Rings {
    std::mutex mutex;  // held for one event
    u32 most = 0;      // events of each kind
    Ring<Turn> turns;
    Ring<Passage> passages;
  };
  template <class Write>
  void write(u32 track, Write put);

  u32 on_ = 0;
  u32 most_ = 0;             // as Rings::most
  Rings* tracks_ = nullptr;  // made by the first start(), and kept
  std::unique_ptr<Rings[]> owned_;
  u32 count_ = 0;
  std::map<u32, Rings> others_;
  std::mutex changing_;  // of all but the events on the first tracks
  Names kernels_;
};

}  // namespace ringway
