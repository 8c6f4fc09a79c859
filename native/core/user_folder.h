// Where the system cannot lock or list its shared memory: a folder of this user, one folder in it for each memory.
#pragma once
#include <string>

namespace ringway {

// Both are made when they are missing. Throw kInvalidState when this user's folder is another's or open to others.
std::string user_folder();
std::string user_folder(const std::string& name);
// With the files in it.
void remove_user_folder(const std::string& name);

}  // namespace ringway
