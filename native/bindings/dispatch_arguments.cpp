#include "bindings/dispatch_arguments.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "bindings/device_buffer.h"

namespace ringway::bindings {
namespace {

[[noreturn]] void refuse(const DispatchKernel& kernel, const std::string& what) {
  throw Error(ErrorKind::kDispatch, kernel.name + ": " + what);
}

std::string shown(const py::object& value) {
  auto text = py::repr(value).cast<std::string>();
  constexpr std::size_t kMost = 60;
  if (text.size() > kMost) text.replace(kMost, std::string::npos, "...");
  return text;
}

std::string names_of(const DispatchKernel& kernel) {
  std::string names;
  for (const DispatchArgument& argument : kernel.arguments)
    names += (names.empty() ? "" : ", ") + argument.name;
  return names;
}

// A whole number of Python's or NumPy's; false when it is none, or out of range, which `wide` then tells.
template <class T>
bool whole(const py::object& value, T* number) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!index) {
    PyErr_Clear();
    return false;
  }
  if constexpr (std::is_signed_v<T>) {
    int over = 0;
    const long long read = PyLong_AsLongLongAndOverflow(index.ptr(), &over);
    if (over || read < std::numeric_limits<T>::min() || read > std::numeric_limits<T>::max()) return false;
    *number = T(read);
  } else {
    const unsigned long long read = PyLong_AsUnsignedLongLong(index.ptr());
    if (PyErr_Occurred()) {
      PyErr_Clear();
      return false;
    }
    if (read > std::numeric_limits<T>::max()) return false;
    *number = T(read);
  }
  return true;
}

template <class T>
bool store_whole(const py::object& value, u64* word) {
  T number = 0;
  if (!whole(value, &number)) return false;
  *word = 0;
  std::memcpy(word, &number, sizeof(T));
  return true;
}

template <class T>
bool store_float(const py::object& value, u64* word) {
  const double wide = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  if (std::isfinite(wide) && std::abs(wide) > double(std::numeric_limits<T>::max())) return false;
  const T number = T(wide);
  *word = 0;
  std::memcpy(word, &number, sizeof(T));
  return true;
}

bool store_scalar(DType dtype, const py::object& value, u64* word) {
  switch (dtype) {
    case DType::kI8: return store_whole<signed char>(value, word);
    case DType::kU8: return store_whole<u8>(value, word);
    case DType::kI16: return store_whole<short>(value, word);
    case DType::kU16: return store_whole<u16>(value, word);
    case DType::kI32: return store_whole<i32>(value, word);
    case DType::kU32: return store_whole<u32>(value, word);
    case DType::kI64: return store_whole<i64>(value, word);
    case DType::kU64: return store_whole<u64>(value, word);
    case DType::kF32: return store_float<float>(value, word);
    case DType::kF64: return store_float<double>(value, word);
    case DType::kF16: break;
  }
  return false;
}

// One to three whole numbers, x first; `axes` becomes the larger of itself and their count.
std::optional<Extent> extent_from(const DispatchKernel& kernel, const char* name, const py::object& value,
                                  u32* axes) {
  if (value.is_none()) return {};
  const bool one = PyIndex_Check(value.ptr());
  const bool several = py::isinstance<py::tuple>(value) || py::isinstance<py::list>(value);
  const auto all = one ? py::make_tuple(value) : several ? py::tuple(value) : py::tuple();
  Extent extent{1, 1, 1};
  bool good = !all.empty() && all.size() <= extent.size();
  for (std::size_t axis = 0; good && axis < all.size(); ++axis) good = whole(all[axis], &extent[axis]);
  if (!good) {
    refuse(kernel, std::string(name) + " is " + shown(value) +
                       "; it must be a whole number of at least 0, or one to three of them, x first");
  }
  *axes = std::max(*axes, u32(all.size()));
  return extent;
}

// The kernel's arguments by position; empty objects where none was given.
std::vector<py::object> by_position(const DispatchKernel& kernel, const py::tuple& positional,
                                    const py::dict& named) {
  std::vector<py::object> all(kernel.arguments.size());
  if (positional.size() > all.size()) {
    refuse(kernel, std::to_string(positional.size()) + " arguments are given; it takes " +
                       std::to_string(all.size()) + ": " + names_of(kernel));
  }
  for (std::size_t i = 0; i < positional.size(); ++i) all[i] = positional[i];
  for (const auto& [key, value] : named) {
    const auto name = key.cast<std::string>();
    const auto found = std::find_if(kernel.arguments.begin(), kernel.arguments.end(),
                                    [&](const DispatchArgument& argument) { return argument.name == name; });
    if (found == kernel.arguments.end()) {
      refuse(kernel, "it has no argument '" + name + "'; those are " + names_of(kernel));
    }
    auto& place = all[std::size_t(found - kernel.arguments.begin())];
    if (place) refuse(kernel, "argument '" + name + "' is given twice");
    place = py::reinterpret_borrow<py::object>(value);
  }
  return all;
}

// The object as a buffer; `value` becomes what holds the memory.
BoundBuffer bind_buffer(const void* device, const DispatchKernel& kernel, const std::string& name, i32 gpu,
                        py::object* value) {
  if (!py::isinstance<DeviceBuffer>(*value)) {
    try {
      if (PyObject_CheckBuffer(value->ptr())) {
        *value = py::cast(DeviceBuffer::wrap(py::reinterpret_borrow<py::buffer>(*value)));
      } else if (py::hasattr(*value, "__dlpack__")) {
        *value = py::cast(from_dlpack(*value, gpu >= 0));
      } else if (gpu >= 0 && py::hasattr(*value, "__cuda_array_interface__")) {
        *value = py::cast(from_cuda_array(*value, gpu));
      } else {
        refuse(kernel,
               "buffer '" + name + "' is " + shown(*value) + "; give a buffer of the device or an array");
      }
    } catch (const py::error_already_set& error) {
      refuse(kernel, "buffer '" + name + "': " + error.what());
    } catch (const Error& error) {
      if (std::string(error.what()).starts_with(kernel.name + ": ")) throw;
      refuse(kernel, "buffer '" + name + "': " + error.what());
    }
  }
  const auto& buffer = value->cast<const DeviceBuffer&>();
  if (buffer.seen_by() && buffer.seen_by() != device)
    refuse(kernel, "buffer '" + name + "' is a private one of another device");
  if (buffer.place().on_gpu() && gpu < 0) {
    refuse(kernel, "buffer '" + name + "' is memory of a GPU, which kernels of this device do not use");
  }
  return buffer.bound();
}

}  // namespace

ReadArguments read_arguments(const void* device, const DispatchKernel& kernel, const py::tuple& positional,
                             const py::dict& named, const GridArguments& grid, i32 gpu) {
  ReadArguments read;
  std::vector<py::object> all = by_position(kernel, positional, named);
  std::vector<std::optional<BoundBuffer>> buffers(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const DispatchArgument& argument = kernel.arguments[i];
    if (argument.scalar() || !all[i] || all[i].is_none()) continue;
    buffers[i] = bind_buffer(device, kernel, argument.name, gpu, &all[i]);
    read.kept.push_back(all[i]);
  }
  const DType element = element_type(kernel, buffers);
  ArgumentWords words{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const DispatchArgument& argument = kernel.arguments[i];
    if (!argument.scalar()) continue;
    if (!all[i] || all[i].is_none()) refuse(kernel, "scalar '" + argument.name + "' is missing");
    const DType dtype = argument.dtype.value_or(element);
    if (!store_scalar(dtype, all[i], &words[i])) {
      refuse(kernel,
             "scalar '" + argument.name + "' is " + shown(all[i]) + ", which is no " + name_of(dtype));
    }
  }
  GridRequest asked;
  asked.threads = extent_from(kernel, "threads", grid.threads, &asked.axes);
  asked.groups = extent_from(kernel, "groups", grid.groups, &asked.axes);
  asked.group = extent_from(kernel, "group", grid.group, &asked.axes);
  if (!grid.threadgroup_memory.is_none()) {
    u64 bytes = 0;
    if (!whole(grid.threadgroup_memory, &bytes)) {
      refuse(kernel, "threadgroup_memory is " + shown(grid.threadgroup_memory) +
                         "; it must be a whole number of bytes, at least 0");
    }
    asked.group_bytes = bytes;
  }
  read.request = check_dispatch(kernel, element, asked, buffers, words);
  return read;
}

std::string signature(const DispatchKernel& kernel) {
  std::string text = kernel.name + "(";
  for (const DispatchArgument& argument : kernel.arguments) {
    if (text.back() != '(') text += ", ";
    text += argument.name;
    text += ": ";
    text += argument.dtype ? name_of(*argument.dtype) : "T";
    if (!argument.scalar()) text.append("[").append(argument.least_text).append("]");
  }
  return text + ")";
}

}  // namespace ringway::bindings
