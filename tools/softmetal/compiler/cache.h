// The folder of compiled kernels: one entry for each source and set of options.
#pragma once
#include <string>

namespace softmetal {

// SOFTMETAL_CACHE, else softmetal in the user's cache folder; made where missing. Throws std::runtime_error.
std::string cache_folder();

// An entry: KEY.so, KEY.log with warnings, and KEY.key, whose text is compared, so that no two sources share an entry.
std::string cache_path(const std::string& folder, const std::string& key);
bool cache_holds(const std::string& path, const std::string& key);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace softmetal
