// What systems do differently with shared memory: its names are read from the system where it lists them
// (shared_system_linux.cpp), else noted in a folder (shared_system_portable.cpp).
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace ringway {

// The system's name for a shared queue's memory.
inline std::string shared_object(const std::string& name) {
  return "/rw." + name;
}

// Gives new memory its size, and the pages where the system could later find that it has none left, which would end the
// process that writes. 0, or the system's error number.
int size_memory(int descriptor, std::size_t bytes);
// How much there is, as the end of an error's text; empty when the system does not say.
std::string memory_left();
// Whether processes of other users can take the locks too.
bool shares_with_others();
std::vector<std::string> noted_names();
void note_name(const std::string& name);
void forget_name(const std::string& name);

}  // namespace ringway
