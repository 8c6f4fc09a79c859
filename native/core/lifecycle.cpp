#include "core/lifecycle.h"

#include <array>

#include "core/error.h"

namespace ringway {
namespace {

constexpr std::array<const char*, 5> kStates = {"launched", "active", "inactive", "terminated", "failed"};
constexpr std::array<const char*, 5> kEvents = {"activate", "deactivate", "terminate", "replace", "fail"};

constexpr int kNo = -1;
constexpr int kLaunched = 0, kActive = 1, kInactive = 2, kTerminated = 3, kFailed = 4;
static_assert(kLaunched == int(State::kLaunched) && kFailed == int(State::kFailed));

// clang-format off
constexpr int kTable[5][5] = {
    //              activate  deactivate  terminate    replace    fail
    /* launched   */ {kActive, kNo,        kTerminated, kLaunched, kFailed},
    /* active     */ {kActive, kInactive,  kTerminated, kActive,   kFailed},
    /* inactive   */ {kActive, kInactive,  kTerminated, kInactive, kFailed},
    /* terminated */ {kNo,     kNo,        kNo,         kNo,       kNo},
    /* failed     */ {kNo,     kNo,        kTerminated, kActive,   kFailed},  // or what it was before
};
// clang-format on

}  // namespace

const char* name_of(State state) {
  return kStates[std::size_t(state)];
}

State after(State state, Event event, const std::string& kernel) {
  const int next = kTable[std::size_t(state)][std::size_t(event)];
  if (next != kNo) return static_cast<State>(next);
  std::string allowed;
  for (std::size_t i = 0; i < std::size_t(Event::kFail); ++i) {
    if (kTable[std::size_t(state)][i] != kNo)
      allowed += (allowed.empty() ? "" : ", ") + std::string(kEvents[i]);
  }
  throw Error(ErrorKind::kInvalidState,
              "kernel '" + kernel + "' is " + name_of(state) + "; " + kEvents[std::size_t(event)] +
                  "() is not possible then (possible: " + (allowed.empty() ? "nothing" : allowed) + ")");
}

}  // namespace ringway
