// Runs a recording's messages again on a new runtime, which is recorded too: what came out is then compared
// (core/record/compare.h).
//
// One thread puts the messages in, each queue's in the order of their tickets, and takes out what comes, so that no full
// queue stops it. Kernels get their recorded options but for what lies in time: they are active from their launch on, a
// full mailbox blocks, no message expires, a restart does not pause. Which messages expired, were dropped or left over is
// taken from the recording, and these are not put in.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/record/history.h"
#include "core/record/recorder.h"

namespace ringway {

struct ReplayOptions {
  std::string backend;   // empty: as recorded
  u32 workers = 0;       // 0: as recorded
  double speed = 0;      // times as fast as recorded; 0: as fast as possible
  double timeout = 10;   // seconds without any progress after which it gives up
  RecordOptions record;  // where its own recording goes
  // What to launch where the recording has a kernel of a program's own, whose fields these are, and the bytes of its first
  // state.
  struct Given {
    std::shared_ptr<const UserKernel> kernel;
    std::vector<u8> state;
  };
  std::function<Given(const RecordFields&)> give;
  void (*check)() = nullptr;
};

struct Played {
  std::string backend;
  std::vector<u32> fed;                 // inputs of the recording, in the order in which they were put in
  std::vector<u32> refused;             // that could not be put in
  std::map<u32, std::string> refusals;  // why, the first of each kernel
  std::map<u32, u32> kernels;           // by their numbers in the recording
  std::map<u32, u32> queues;
  std::map<u32, std::vector<u64>> fed_to_queues;  // tickets of the recording
  std::string stalled;                            // what made it give up; empty: it did not
  double seconds = 0;
};

Played replay(const History& history, const ReplayOptions& options);

}  // namespace ringway
