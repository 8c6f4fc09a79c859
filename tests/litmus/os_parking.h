// The system's own parking under other names, for programs that put functions of their own before the library's.
#pragma once
#include "core/wait.h"

namespace ringway {
void os_park(const u32* word, u32 expected, std::int64_t timeout_ns);
void os_unpark_one(const u32* word);
void os_unpark_all(const u32* word);
}  // namespace ringway

#define park os_park
#define unpark_one os_unpark_one
#define unpark_all os_unpark_all
#include RINGWAY_PARKING
#undef park
#undef unpark_one
#undef unpark_all
