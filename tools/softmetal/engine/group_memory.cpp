#include "engine/group_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "engine/asan.h"
#include "engine/tsan.h"

namespace softmetal {
namespace {

constexpr size_t kGap = 64;
constexpr size_t kAlign = 256;
// Room for everything that validation lets through, and the gaps.
constexpr size_t kRoom = 2 * SM_GROUP_BYTES + 256 * 1024;
constexpr unsigned char kFilling = 0xA5;

char* map(void* at) {
  const int fixed = at ? MAP_FIXED : 0;
  void* p = mmap(at, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(p);
}

}  // namespace

GroupMemory::GroupMemory() : memory_(map(nullptr)) {}

GroupMemory::~GroupMemory() {
  permit(memory_, kRoom);
  munmap(memory_, kRoom);
}

char* GroupMemory::place(size_t size, std::string name) {
  const auto after = reinterpret_cast<uintptr_t>(top_) + kGap + kAlign - 1;
  char* p = reinterpret_cast<char*>(after & ~(kAlign - 1));
  regions_.push_back({p, size, std::move(name)});
  top_ = p + size;
  return p;
}

void GroupMemory::lay_out(const Dispatch& dispatch, sm_group* group) {
  const Kernel& kernel = *dispatch.kernel;
  regions_.clear();
  bool any = !kernel.variables.empty();
  for (const unsigned bytes : dispatch.group_bytes) any |= bytes != 0;
  if (!any) return;
  permit(memory_, kRoom);
  if (tsan::kActive) map(memory_);  // forgets who touched it
  top_ = memory_;
  for (unsigned i = 0; i < SM_BUFFERS; ++i) {
    if (dispatch.group_bytes[i])
      group->group_memory[i] =
          place(dispatch.group_bytes[i], "threadgroup memory at index " + std::to_string(i));
  }
  if (!kernel.variables.empty()) {
    group->variables = place(kernel.variables[0].size, "a threadgroup variable of the kernel");
    group->variables -= kernel.variables[0].offset;
    for (size_t i = 1; i < kernel.variables.size(); ++i) {
      const Extent& extent = kernel.variables[i];
      regions_.push_back(
          {group->variables + extent.offset, extent.size, "a threadgroup variable of the kernel"});
      top_ = group->variables + extent.offset + extent.size;
    }
  }
  const auto used = static_cast<size_t>(top_ + kGap - memory_);
  std::memset(memory_, kFilling, used);
  for (const Region& region : regions_) std::memset(region.data, 0xFF, region.size);
  forbid(memory_, used);
  for (const Region& region : regions_) permit(region.data, region.size);
}

std::string GroupMemory::damage() const {
  if (kAsan || regions_.empty()) return "";
  const char* p = memory_;
  for (size_t i = 0; i <= regions_.size(); ++i) {
    const char* end = i < regions_.size() ? regions_[i].data : top_ + kGap;
    for (; p < end; ++p) {
      if (static_cast<unsigned char>(*p) == kFilling) continue;
      if (i == 0) return "write before the begin of " + regions_[0].name;
      const Region& before = regions_[i - 1];
      return "write " + std::to_string(p - (before.data + before.size)) + " bytes past the end of " +
             before.name + " (" + std::to_string(before.size) + " bytes)";
    }
    if (i < regions_.size()) p = regions_[i].data + regions_[i].size;
  }
  return "";
}

bool GroupMemory::holds(const volatile void* p) const {
  const auto at = reinterpret_cast<uintptr_t>(p), begin = reinterpret_cast<uintptr_t>(memory_);
  return at >= begin && at < begin + kRoom;
}

}  // namespace softmetal
