// The declarations of the built-in dispatch kernels. Arguments stand in the order of the handler's parameters, in
// include/ringway/kernels.
#include <algorithm>

#include "core/dispatch.h"
#include "ringway/kernels/matrix_multiply.h"

namespace ringway {
namespace {

using Argument = DispatchArgument;

u64 threads(const SizeOf& of) {
  return count_of(of.grid.threads);
}
u64 groups(const SizeOf& of) {
  return count_of(of.grid.groups);
}
u64 one(const SizeOf&) {
  return 1;
}
template <u32 Position>
u64 scalar(const SizeOf& of) {
  return of.words[Position];
}
u64 group_threads(const SizeOf& of) {
  return count_of(of.grid.group);
}
u64 per_thread(const SizeOf& of, u32 element) {
  return group_threads(of) * element;
}

Argument buffer(const char* name, Access access, u64 (*least)(const SizeOf&), const char* text,
                std::optional<DType> dtype = {}) {
  return {name, dtype, access, least, text};
}
Argument each_thread(const char* name, Access access) {
  return buffer(name, access, &threads, "threads of the grid");
}
Argument scalar_of(const char* name, std::optional<DType> dtype) {
  return {name, dtype, Access::kRead, nullptr, {}};
}

std::vector<DType> numbers() {
  return {DType::kF32, DType::kI32, DType::kU32, DType::kF64, DType::kI64, DType::kU64};
}

// Arguments of matrix_multiply: a, b, out, inner.
u64 elements_of_a(const SizeOf& of) {
  return of.grid.threads[1] * of.words[3];
}
u64 elements_of_b(const SizeOf& of) {
  return of.words[3] * of.grid.threads[0];
}
u64 tiles(const SizeOf& of, u32 element) {
  return (of.grid.group[0] + of.grid.group[1]) * kTile * element;
}
// Of histogram: values, counts, n, bins.
u64 bins_and_one(const SizeOf& of) {
  return of.words[3] + 1;
}

std::vector<DispatchKernel> declare() {
  return {
      {.name = "thread_id",
       .types = {DType::kU32, DType::kU64},
       .arguments = {each_thread("out", Access::kWrite)}},
      {.name = "vector_add",
       .types = numbers(),
       .arguments = {each_thread("a", Access::kRead), each_thread("b", Access::kRead),
                     each_thread("out", Access::kWrite)},
       .in_place = true},
      {.name = "vector_scale",
       .types = numbers(),
       .arguments = {each_thread("a", Access::kRead), each_thread("out", Access::kWrite),
                     scalar_of("factor", {})},
       .in_place = true},
      {.name = "double_in_place",
       .types = numbers(),
       .arguments = {each_thread("values", Access::kReadWrite)}},
      {.name = "matrix_multiply",
       .types = numbers(),
       .arguments = {buffer("a", Access::kRead, &elements_of_a, "rows × inner"),
                     buffer("b", Access::kRead, &elements_of_b, "inner × columns"),
                     buffer("out", Access::kWrite, &threads, "rows × columns"),
                     scalar_of("inner", DType::kU32)},
       .axes = 2,
       .group_bytes = &tiles},
      {.name = "reduce_sum",
       .types = numbers(),
       .arguments = {buffer("values", Access::kRead, &scalar<2>, "n"),
                     buffer("total", Access::kReadWrite, &one, "one sum"), scalar_of("n", DType::kU64)},
       .group_bytes = &per_thread,
       .work = &scalar<2>},
      {.name = "inclusive_scan",
       .types = numbers(),
       .arguments = {buffer("values", Access::kRead, &scalar<3>, "n"),
                     buffer("out", Access::kWrite, &scalar<3>, "n"),
                     buffer("group_sums", Access::kWrite, &groups, "groups of the grid"),
                     scalar_of("n", DType::kU64)},
       .passes = {"inclusive_scan_sums", "inclusive_scan"},
       .axes = 1,
       .group_bytes = [](const SizeOf& of, u32 element) { return 2 * per_thread(of, element); },
       .work = &scalar<3>},
      {.name = "histogram",
       .types = {DType::kU8, DType::kU16, DType::kI32, DType::kU32, DType::kI64, DType::kU64},
       .arguments = {buffer("values", Access::kRead, &scalar<2>, "n"),
                     buffer("counts", Access::kReadWrite, &bins_and_one, "bins + 1", DType::kU32),
                     scalar_of("n", DType::kU64), scalar_of("bins", DType::kU32)},
       .group_bytes = [](const SizeOf& of, u32) { return bins_and_one(of) * u32(sizeof(u32)); },
       .work = &scalar<2>},
  };
}

}  // namespace

bool DispatchKernel::has(DType element) const {
  return std::find(types.begin(), types.end(), element) != types.end();
}

std::vector<std::string> DispatchKernel::entry_points(DType element) const {
  std::vector<std::string> all = passes.empty() ? std::vector{name} : passes;
  for (std::string& one : all) one += std::string("_") + name_of(element);
  return all;
}

const std::vector<DispatchKernel>& dispatch_kernels() {
  static const auto* all = new std::vector<DispatchKernel>(declare());
  return *all;
}

const DispatchKernel& dispatch_kernel(const std::string& name) {
  std::string names;
  for (const DispatchKernel& kernel : dispatch_kernels()) {
    if (kernel.name == name) return kernel;
    names += (names.empty() ? "" : ", ") + kernel.name;
  }
  throw Error(ErrorKind::kNotFound, "there is no dispatch kernel '" + name + "'; kernels: " + names);
}

}  // namespace ringway
