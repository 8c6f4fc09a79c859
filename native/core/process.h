// Which of a family of processes this is: threads, locks and wake-ups of a parent are not in its child.
#pragma once
#include "ringway/config.h"

namespace ringway {

// Forks on the way from the first process to this one.
u32 process_number();

}  // namespace ringway
