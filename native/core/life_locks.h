// Locks that last as long as the process that took them: proof of life for others. The system drops them when the process
// ends, however it ends; a stopped process keeps them; process ids, which are used again, prove nothing.
//
// They belong to an open file, not to a process (life_locks_ofd.cpp: byte ranges of one descriptor of the shared memory;
// life_locks_files.cpp: small files beside it). Classic fcntl locks would not do: closing any descriptor of the file,
// another attachment's or another library's, drops every lock that the process has on it, and two attachments of one
// process would not see each other's. What an open file has against it is that a child inherits it by fork() and would
// hold the parent's locks beyond its death; so a child closes them first of all, close-on-exec does the rest, and the
// memory is mapped by another open file, because a mapping keeps its own open.
#pragma once
#include <memory>
#include <string>

#include "core/inherited.h"
#include "ringway/config.h"

namespace ringway {

class LifeLocks {
 public:
  // `memory` is a descriptor of the shared memory, now this object's; `name` is the memory's.
  LifeLocks(int memory, const std::string& name);
  ~LifeLocks();
  LifeLocks(const LifeLocks&) = delete;
  LifeLocks& operator=(const LifeLocks&) = delete;

  // False when another open file has it, in another way than shared, and in a child after fork().
  bool take(u32 number);
  bool share(u32 number);
  void drop(u32 number);
  // Whether somebody has it, taken or shared; not of a lock that this object has.
  bool held(u32 number);

 private:
  std::string folder_;  // where the locks are files
  std::unique_ptr<Inherited> opened_;
};

}  // namespace ringway
