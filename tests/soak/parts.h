// What runs beside a round, each for some thousands of messages on kernels and queues of its own.
#pragma once
#include "check.h"
#include "core/runtime.h"

namespace ringway::soak {

struct Part {
  const char* name;
  u64 (*run)(const Plan& plan, Runtime& runtime, Random& random);  // how many messages were checked
};

// mailbox_parts.cpp: a kernel with an option of its mailbox; half of them over a pumped bridge.
u64 pumped(const Plan& plan, Runtime& runtime, Random& random);    // messages, and requests among them
u64 lanes(const Plan& plan, Runtime& runtime, Random& random);     // four priorities: in order within each
u64 replicas(const Plan& plan, Runtime& runtime, Random& random);  // of several senders: each once
u64 duplicates(const Plan& plan, Runtime& runtime,
               Random& random);  // sent again with the same id: refused, counted
u64 expiries(const Plan& plan, Runtime& runtime,
             Random& random);  // too late: set aside and counted, others handled
// drop_parts.cpp: a kernel that is too slow; each message is received or set aside and counted, in order
u64 drop_new(const Plan& plan, Runtime& runtime, Random& random);
u64 drop_oldest(const Plan& plan, Runtime& runtime, Random& random);
// queue_part.cpp: a named queue between threads, with each policy
u64 named_queue(const Plan& plan, Runtime& runtime, Random& random);
// process_part.cpp: a shared queue between processes, of which senders and holders are killed
u64 processes(const Plan& plan, Runtime& runtime, Random& random);
// What a process does that processes() started; its exit status.
int run_child(int count, char** arguments);

inline constexpr Part kParts[] = {
    {"pumped", &pumped},           {"lanes", &lanes},
    {"replicas", &replicas},       {"duplicates", &duplicates},
    {"expired", &expiries},        {"drop_new", &drop_new},
    {"drop_oldest", &drop_oldest}, {"named queues", &named_queue},
    {"processes", &processes},
};

}  // namespace ringway::soak
