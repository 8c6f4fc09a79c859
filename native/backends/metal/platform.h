// What differs between a Mac and the software Metal device of tools/softmetal, CMake takes one of two files; and signposts.
#pragma once
#include <string>

namespace ringway::metal {

// Why Metal may not be used although it is built; empty when it may.
std::string why_switched_off();

// A multiple of what newBufferWithBytesNoCopy asks of address and length.
unsigned long page_bytes();

// An interval in Instruments, from a dispatch's commit to its end.
void signpost_begin(unsigned long long id, const char* what);
void signpost_end(unsigned long long id);

}  // namespace ringway::metal
