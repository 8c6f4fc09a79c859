#pragma once
#include <string>
#include <vector>

#include "engine/dispatch.h"

namespace softmetal {

// Threadgroup memory of one threadgroup: 0xFF bytes (NaN, -1) at first, with gaps around each allocation that are looked
// at when the threadgroup has ended.
class GroupMemory {
 public:
  GroupMemory();
  ~GroupMemory();
  GroupMemory(const GroupMemory&) = delete;
  GroupMemory& operator=(const GroupMemory&) = delete;

  void lay_out(const Dispatch& dispatch, sm_group* group);
  // What was written to between the allocations, or nothing.
  std::string damage() const;
  bool holds(const volatile void* p) const;

 private:
  struct Region {
    char* data;
    size_t size;
    std::string name;
  };
  char* place(size_t size, std::string name);

  char* memory_;
  char* top_ = nullptr;
  std::vector<Region> regions_;
};

}  // namespace softmetal
