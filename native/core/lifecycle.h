// The states of a kernel and what may follow what: one table.
#pragma once
#include <string>

#include "ringway/config.h"

namespace ringway {

enum class State : u32 { kLaunched, kActive, kInactive, kTerminated, kFailed };
enum class Event : u32 { kActivate, kDeactivate, kTerminate, kReplace, kFail };

const char* name_of(State state);

// The state after `event`; throws kInvalidState, naming the kernel, when the table has none.
State after(State state, Event event, const std::string& kernel);

}  // namespace ringway
