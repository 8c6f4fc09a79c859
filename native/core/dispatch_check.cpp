// A caller's grid and bindings against a kernel's declaration. Whatever does not fit is named here, so that backends run
// only what fits.
#include <algorithm>

#include "core/dispatch.h"

namespace ringway {
namespace {

constexpr u64 kMostThreads = u64(1) << 62;       // of a grid
constexpr u64 kMostOnAxis = (u64(1) << 32) - 1;  // threads of a grid on one axis
constexpr Extent kMostInGroup = {kMostGroupThreads, kMostGroupThreads, 64};

[[noreturn]] void refuse(const DispatchKernel& kernel, const std::string& what) {
  throw Error(ErrorKind::kDispatch, kernel.name + ": " + what);
}

std::string text_of(const Extent& extent) {
  std::string text(1, '(');
  for (const u64 number : extent) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(number);
  }
  return text + ")";
}

// By the number of axes that the caller named.
Extent default_group(u32 axes) {
  constexpr Extent kDefault[] = {{256, 1, 1}, {16, 16, 1}, {8, 8, 4}};
  return kDefault[axes - 1];
}

void check_group(const DispatchKernel& kernel, const Extent& group) {
  for (u32 axis = 0; axis < 3; ++axis) {
    if (group[axis] == 0) refuse(kernel, "group is " + text_of(group) + "; each axis has at least 1 thread");
    if (group[axis] > kMostInGroup[axis]) {
      refuse(kernel, "group is " + text_of(group) + "; the most on the axes is " + text_of(kMostInGroup));
    }
  }
  if (count_of(group) > kMostGroupThreads) {
    refuse(kernel, "group is " + text_of(group) + ", " + std::to_string(count_of(group)) +
                       " threads; a group has at most " + std::to_string(kMostGroupThreads));
  }
}

void check_axes(const DispatchKernel& kernel, const char* what, const Extent& extent) {
  for (u32 axis = kernel.axes; axis < 3; ++axis) {
    if (extent[axis] != 1) {
      refuse(kernel, std::string(what) + " is " + text_of(extent) + "; this kernel's grid has " +
                         std::to_string(kernel.axes) + (kernel.axes == 1 ? " axis" : " axes"));
    }
  }
}

Grid grid_of(const DispatchKernel& kernel, const GridRequest& asked) {
  if (asked.threads.has_value() == asked.groups.has_value()) {
    refuse(kernel, asked.threads
                       ? "threads and groups are both given; give one of them"
                       : "neither threads nor groups is given; give threads=, the total, or groups=");
  }
  Grid grid;
  grid.group = asked.group.value_or(default_group(asked.axes));
  const Extent& named = asked.threads ? *asked.threads : *asked.groups;
  check_axes(kernel, asked.threads ? "threads" : "groups", named);
  check_group(kernel, grid.group);
  check_axes(kernel, "group", grid.group);
  u64 all = 1;
  for (u32 axis = 0; axis < 3; ++axis) {
    if (named[axis] > kMostOnAxis) {
      refuse(kernel, std::string(asked.threads ? "threads" : "groups") + " is " + text_of(named) +
                         "; an axis has at most " + std::to_string(kMostOnAxis) + " threads");
    }
    const u64 group = grid.group[axis];
    grid.threads[axis] = asked.threads ? named[axis] : named[axis] * group;
    grid.groups[axis] = (grid.threads[axis] + group - 1) / group;
    if (grid.threads[axis] > kMostOnAxis || (grid.threads[axis] && all > kMostThreads / grid.threads[axis])) {
      refuse(kernel, "the grid is too large: at most " + std::to_string(kMostOnAxis) +
                         " threads on an axis and 2^62 in all");
    }
    all *= grid.threads[axis];
  }
  return grid;
}

u32 group_bytes_of(const DispatchKernel& kernel, DType element, const GridRequest& asked, const SizeOf& of) {
  const u64 needed = kernel.group_bytes ? kernel.group_bytes(of, size_of(element)) : 0;
  const u64 given = asked.group_bytes.value_or(needed);
  if (given < needed) {
    refuse(kernel, "threadgroup memory of " + std::to_string(given) + " bytes is given; groups of " +
                       text_of(of.grid.group) + " need " + std::to_string(needed));
  }
  if (given > kMostGroupBytes) {
    refuse(kernel, "groups of " + text_of(of.grid.group) + " with these arguments need " +
                       std::to_string(given) + " bytes of threadgroup memory; a group has at most " +
                       std::to_string(kMostGroupBytes));
  }
  return u32(given);
}

void check_buffer(const DispatchKernel& kernel, const DispatchArgument& argument, const BoundBuffer& buffer,
                  const SizeOf& of) {
  const u64 least = argument.least(of);
  if (buffer.elements < least) {
    refuse(kernel, "buffer '" + argument.name + "' has " + std::to_string(buffer.elements) +
                       " elements; it needs " + std::to_string(least) + " (" + argument.least_text + ")");
  }
  if (argument.access != Access::kRead && !buffer.writable) {
    refuse(kernel, "buffer '" + argument.name + "' is read-only; the kernel writes it");
  }
  if (reinterpret_cast<std::uintptr_t>(buffer.data) % size_of(buffer.dtype)) {
    refuse(kernel, "buffer '" + argument.name + "' does not begin at a multiple of " +
                       std::to_string(size_of(buffer.dtype)) + " bytes, the size of a " +
                       name_of(buffer.dtype));
  }
}

bool overlap(const BoundBuffer& a, const BoundBuffer& b) {
  return a.data < b.data + b.elements * size_of(b.dtype) && b.data < a.data + a.elements * size_of(a.dtype);
}

// What one thread writes, no other may read or write.
void check_overlap(const DispatchKernel& kernel, const std::vector<std::optional<BoundBuffer>>& buffers) {
  for (u32 i = 0; i < buffers.size(); ++i) {
    for (u32 j = 0; j < buffers.size(); ++j) {
      if (i == j || !buffers[i] || !buffers[j] || kernel.arguments[i].access == Access::kRead) continue;
      if (!overlap(*buffers[i], *buffers[j])) continue;
      if (kernel.in_place && buffers[i]->data == buffers[j]->data) continue;
      refuse(kernel, "buffer '" + kernel.arguments[i].name + "', which the kernel writes, lies over '" +
                         kernel.arguments[j].name + "'" +
                         (kernel.in_place ? "; they may be the same, but not shifted" : ""));
    }
  }
}

}  // namespace

std::string names_of(const std::vector<DType>& types) {
  std::string names;
  for (const DType type : types) names += (names.empty() ? "" : ", ") + std::string(name_of(type));
  return names;
}

DType element_type(const DispatchKernel& kernel, const std::vector<std::optional<BoundBuffer>>& buffers) {
  std::optional<DType> element;
  std::string first;
  for (u32 i = 0; i < kernel.arguments.size(); ++i) {
    const DispatchArgument& argument = kernel.arguments[i];
    if (argument.scalar()) continue;
    if (!buffers[i]) refuse(kernel, "buffer '" + argument.name + "' is missing");
    const std::string given = "buffer '" + argument.name + "' has dtype " + name_of(buffers[i]->dtype);
    if (argument.dtype) {
      if (*argument.dtype != buffers[i]->dtype)
        refuse(kernel, given + "; it needs " + name_of(*argument.dtype));
    } else if (element) {
      if (*element != buffers[i]->dtype) {
        refuse(kernel, given + "; it needs " + name_of(*element) + ", that of '" + first + "'");
      }
    } else {
      element = buffers[i]->dtype;
      first = argument.name;
      if (std::find(kernel.types.begin(), kernel.types.end(), *element) == kernel.types.end()) {
        refuse(kernel, given + "; the kernel has " + names_of(kernel.types));
      }
    }
  }
  return *element;
}

PerArgument<ArgumentMemory> memory_of(const DispatchRequest& request) {
  PerArgument<ArgumentMemory> all;
  const SizeOf of{request.grid, request.words};
  for (u32 i = 0; i < request.kernel->arguments.size(); ++i) {
    const DispatchArgument& argument = request.kernel->arguments[i];
    if (argument.scalar()) continue;
    all.push_back({i, reinterpret_cast<u8*>(request.words[i]),
                   argument.least(of) * size_of(argument.dtype.value_or(request.element)),
                   argument.access != Access::kWrite, argument.access != Access::kRead});
  }
  return all;
}

DispatchRequest check_dispatch(const DispatchKernel& kernel, DType element, const GridRequest& asked,
                               const std::vector<std::optional<BoundBuffer>>& buffers,
                               const ArgumentWords& words) {
  DispatchRequest request;
  request.kernel = &kernel;
  request.element = element;
  request.words = words;
  request.grid = grid_of(kernel, asked);
  const SizeOf of{request.grid, words};
  for (u32 i = 0; i < kernel.arguments.size(); ++i) {
    if (kernel.arguments[i].scalar()) continue;
    check_buffer(kernel, kernel.arguments[i], *buffers[i], of);
    request.words[i] = reinterpret_cast<u64>(buffers[i]->data);
    if (buffers[i]->on_gpu) request.on_gpu |= 1U << i;
  }
  check_overlap(kernel, buffers);
  request.group_bytes = group_bytes_of(kernel, element, asked, of);
  if (count_of(request.grid.threads) == 0 && kernel.work && kernel.work(of)) {
    refuse(kernel, "the grid has no threads, and there are " + std::to_string(kernel.work(of)) +
                       " elements of work (n)");
  }
  return request;
}

std::string text_of(const DispatchRequest& request) {
  return request.kernel->name + "<" + name_of(request.element) + ">: threads " +
         text_of(request.grid.threads) + " in groups of " + text_of(request.grid.group) + ", " +
         std::to_string(request.group_bytes) + " bytes of threadgroup memory";
}

}  // namespace ringway
