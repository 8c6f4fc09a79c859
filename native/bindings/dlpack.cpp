// DLPack, the exchange of arrays between libraries: https://dmlc.github.io/dlpack/latest/. The structures below are its
// binary interface, versions 0 and 1.
#include <pybind11/stl.h>

#include <optional>
#include <utility>

#include "bindings/device_buffer.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

enum TypeCode : u8 { kInt = 0, kUInt = 1, kFloat = 2 };
constexpr u64 kReadOnly = 1;

struct ElementType {
  u8 code;
  u8 bits;
  u16 lanes;
};
struct Tensor {
  void* data;
  MemoryPlace device;
  i32 axes;
  ElementType type;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null = C order
  u64 byte_offset;
};
struct Managed {
  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};
struct ManagedVersioned {
  u32 major, minor;
  void* context;
  void (*deleter)(ManagedVersioned*);
  u64 flags;
  Tensor tensor;
};

template <class M>
constexpr const char* kName = "dltensor";
template <>
constexpr const char* kName<ManagedVersioned> = "dltensor_versioned";
template <class M>
constexpr const char* kUsed = "used_dltensor";
template <>
constexpr const char* kUsed<ManagedVersioned> = "used_dltensor_versioned";

ElementType type_of(DType dtype) {
  const TypeCode code = is_float(dtype) ? kFloat : is_signed(dtype) ? kInt : kUInt;
  return {code, u8(8 * size_of(dtype)), 1};
}

// What an exported tensor points to.
template <class M>
struct Exported {
  M managed{};
  std::shared_ptr<void> owner;
  std::vector<std::int64_t> shape, strides;

  static void free(M* managed) { delete static_cast<Exported*>(managed->context); }
};

template <class M>
py::capsule export_as(const DeviceBuffer& buffer) {
  auto* exported = new Exported<M>;
  exported->owner = buffer.owner();
  exported->shape.assign(buffer.shape().begin(), buffer.shape().end());
  for (const py::ssize_t stride : buffer.strides())
    exported->strides.push_back(stride / size_of(buffer.dtype()));
  M& managed = exported->managed;
  managed.context = exported;
  managed.deleter = &Exported<M>::free;
  managed.tensor = {buffer.data(),
                    buffer.place(),
                    i32(buffer.shape().size()),
                    type_of(buffer.dtype()),
                    exported->shape.data(),
                    exported->strides.data(),
                    0};
  if constexpr (std::is_same_v<M, ManagedVersioned>) {
    managed.major = 1;
    managed.minor = 0;
    managed.flags = buffer.writable() ? 0 : kReadOnly;
  }
  // A capsule that nobody took frees the tensor; who takes it renames it.
  return {py::reinterpret_steal<py::capsule>(PyCapsule_New(&managed, kName<M>, [](PyObject* capsule) {
    if (!PyCapsule_IsValid(capsule, kName<M>)) return;
    auto* left = static_cast<M*>(PyCapsule_GetPointer(capsule, kName<M>));
    left->deleter(left);
  }))};
}

[[noreturn]] void refuse_export(const char* why) {
  PyErr_SetString(PyExc_BufferError, why);
  throw py::error_already_set();
}
[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::kDispatch, "from_dlpack: " + what);
}

void check_place(i32 type, bool cuda) {
  using Place = MemoryPlace;
  if (type == Place::kOnCpu ||
      (cuda && (type == Place::kOnCuda || type == Place::kCudaHost || type == Place::kCudaManaged)))
    return;
  refuse("the memory is on a device of type " + std::to_string(type) +
         "; kernels of this one use memory of the CPU, type 1" +
         (cuda ? ", and of CUDA, types 2, 3 and 13" : ""));
}

bool in_c_order(const Tensor& tensor) {
  if (!tensor.strides) return true;
  std::int64_t wanted = 1;
  for (i32 axis = tensor.axes; axis-- > 0;) {
    if (tensor.shape[axis] == 0) return true;
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != wanted) return false;
    wanted *= tensor.shape[axis];
  }
  return true;
}

DType dtype_of_tensor(const ElementType& type) {
  for (u32 number = 0; number < kDTypes; ++number) {
    const ElementType known = type_of(DType(number));
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1) return DType(number);
  }
  refuse("elements of type code " + std::to_string(type.code) + " with " + std::to_string(type.bits) +
         " bits are none that a buffer holds");
}

template <class M>
DeviceBuffer take(const py::object& capsule, bool cuda) {
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule.ptr(), kName<M>));
  if (!managed) throw py::error_already_set();
  bool writable = true;
  if constexpr (std::is_same_v<M, ManagedVersioned>) {
    if (managed->major != 1)
      refuse("version " + std::to_string(managed->major) + " of DLPack; 1 is understood");
    writable = !(managed->flags & kReadOnly);
  }
  const Tensor& tensor = managed->tensor;
  check_place(tensor.device.type, cuda);
  // What the host sees too is to it as its own.
  const MemoryPlace place = tensor.device.on_gpu() ? tensor.device : MemoryPlace{};
  const DType dtype = dtype_of_tensor(tensor.type);
  if (!in_c_order(tensor)) refuse("the memory is not C-contiguous; make it so first");
  DeviceBuffer::Shape shape(tensor.shape, tensor.shape + tensor.axes);
  PyCapsule_SetName(capsule.ptr(), kUsed<M>);
  const std::shared_ptr<void> owner(managed, [](void* held) {
    py::gil_scoped_acquire locked;
    auto* done = static_cast<M*>(held);
    if (done->deleter) done->deleter(done);
  });
  return {owner, static_cast<u8*>(tensor.data) + tensor.byte_offset, std::move(shape), dtype, writable,
          place};
}

}  // namespace

py::capsule to_dlpack(const DeviceBuffer& buffer, const py::object& stream, const py::object& max_version,
                      const py::object& dl_device, const py::object& copy) {
  const MemoryPlace place = buffer.place();
  // On a GPU, dispatches that have ended are seen by every stream.
  if (!stream.is_none() && !place.on_gpu()) refuse_export("stream must be None for memory of the CPU");
  if (!dl_device.is_none() &&
      dl_device.cast<std::pair<i32, i32>>() != std::make_pair(place.type, place.number)) {
    const std::string where = "(" + std::to_string(place.type) + ", " + std::to_string(place.number) + ")";
    refuse_export(("the memory is on " + std::string(place.on_gpu() ? "a GPU, " : "the CPU, ") + where +
                   ", and is not moved")
                      .c_str());
  }
  if (!copy.is_none() && copy.cast<bool>()) refuse_export("the memory is shared; copy the array instead");
  if (!max_version.is_none() && max_version.cast<std::pair<u32, u32>>().first >= 1) {
    return export_as<ManagedVersioned>(buffer);
  }
  if (!buffer.writable()) refuse_export("a read-only buffer needs DLPack 1.0: pass max_version=(1, 0)");
  return export_as<Managed>(buffer);
}

DeviceBuffer from_dlpack(const py::object& object, bool cuda) {
  if (!py::hasattr(object, "__dlpack__")) refuse("the object has no __dlpack__");
  check_place(object.attr("__dlpack_device__")().cast<std::pair<i32, i32>>().first, cuda);
  py::object capsule;
  try {
    try {
      capsule = object.attr("__dlpack__")(py::arg("max_version") = py::make_tuple(1, 0));
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_TypeError)) throw;
      capsule = object.attr("__dlpack__")();  // of a library older than version 1
    }
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_BufferError)) throw;
    refuse(error.what());
  }
  if (PyCapsule_IsValid(capsule.ptr(), kName<ManagedVersioned>)) return take<ManagedVersioned>(capsule, cuda);
  if (PyCapsule_IsValid(capsule.ptr(), kName<Managed>)) return take<Managed>(capsule, cuda);
  refuse("__dlpack__ gave no capsule of DLPack, or one that was taken before");
}

}  // namespace ringway::bindings
