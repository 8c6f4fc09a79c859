// What a dispatch kernel sees on the CPU (the contract is in ringway/grid.h).
#pragma once
#include "backends/cpu/group.h"
#include "core/dispatch.h"

namespace ringway::cpu {

// A group of a grid, and a walk from one to the next, x fastest.
struct GroupPlace {
  GroupPlace(const Grid& of, u64 number) : grid(of) {
    at[0] = number % grid.groups[0];
    at[1] = number / grid.groups[0] % grid.groups[1];
    at[2] = number / grid.groups[0] / grid.groups[1];
    measure();
  }
  void next() {
    for (u32 axis = 0; axis < 3; ++axis) {
      if (++at[axis] < grid.groups[axis]) break;
      at[axis] = 0;
    }
    measure();
  }
  void measure() {
    for (u32 axis = 0; axis < 3; ++axis) {
      origin[axis] = at[axis] * grid.group[axis];
      const u64 left = grid.threads[axis] - origin[axis];
      size[axis] = left < grid.group[axis] ? left : grid.group[axis];
    }
  }

  const Grid grid;
  Extent at{};
  Extent origin{};  // position of its first thread in the grid
  Extent size{};    // threads; fewer at the edges
};

// A thread of a kernel without barriers. Holds values only, so that a loop over x vectorizes.
class LoopContext {
 public:
  LoopContext(const GroupPlace& place, u8* memory) : place_(place), memory_(memory) {}
  RW_FN void stand(u64 x, u64 y, u64 z) {
    x_ = x;
    y_ = y;
    z_ = z;
  }

  RW_FN u64 thread_in_grid(u32 axis) const { return place_.origin[axis] + in_group(axis); }
  RW_FN u32 thread_in_group(u32 axis) const { return u32(in_group(axis)); }
  RW_FN u32 group_in_grid(u32 axis) const { return u32(place_.at[axis]); }
  RW_FN u64 grid_size(u32 axis) const { return place_.grid.threads[axis]; }
  RW_FN u32 group_size(u32 axis) const { return u32(place_.size[axis]); }
  RW_FN u32 group_room(u32 axis) const { return u32(place_.grid.group[axis]); }
  RW_FN u32 groups(u32 axis) const { return u32(place_.grid.groups[axis]); }
  RW_FN u8* group_memory() const { return memory_; }

 private:
  RW_FN u64 in_group(u32 axis) const { return axis == 0 ? x_ : axis == 1 ? y_ : z_; }

  const GroupPlace place_;
  u8* const memory_;
  u64 x_ = 0, y_ = 0, z_ = 0;
};

// A thread that may meet barriers, on a fiber of its group's runner.
class FiberContext : public LoopContext {
 public:
  FiberContext(const GroupPlace& place, GroupRunner* runner)
      : LoopContext(place, runner->memory()), runner_(runner) {}
  // The line of the call tells barriers apart.
  void barrier(u32 line = u32(__builtin_LINE())) { runner_->barrier(line); }

 private:
  GroupRunner* const runner_;
};

}  // namespace ringway::cpu
