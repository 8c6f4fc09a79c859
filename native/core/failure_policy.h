// What LaunchOptions.on_error asks for when a handler breaks, and its texts. Nothing here allocates but the log: it is
// for where an allocation has failed, too.
#pragma once
#include <string>

#include "core/backend.h"

namespace ringway {

using ErrorText = char[512];

// Of an error number that a handler reported.
void text_of_error(const KernelType& type, u32 number, ErrorText& text);
// Whether a kernel that broke starts again, after so many restarts in a row; else `added` is what its reason ends with.
bool may_restart(const LaunchOptions& options, u64 restarts_in_row, ErrorText& added);
// Seconds to the restart: doubled each time, up to a bound. Said in the log.
double restart_pause(const LaunchOptions& options, u64 restarts_before, const std::string& kernel,
                     const std::string& runtime);

}  // namespace ringway
