// A buffer of a device as Python holds it: memory of the pool, or another object's, used in place.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "core/dispatch.h"

namespace ringway::bindings {

// Where memory is, by DLPack's numbers.
struct MemoryPlace {
  i32 type = kOnCpu;
  i32 number = 0;

  static constexpr i32 kOnCpu = 1, kOnCuda = 2, kCudaHost = 3, kCudaManaged = 13;
  bool on_gpu() const { return type == kOnCuda; }  // the host does not see it
};

class DeviceBuffer {
 public:
  using Shape = std::vector<py::ssize_t>;

  // `owner` keeps `data` alive; elements lie in C order without gaps.
  DeviceBuffer(std::shared_ptr<void> owner, u8* data, Shape shape, DType dtype, bool writable,
               MemoryPlace place = {});
  // The memory of an object with the buffer protocol; throws kDispatch when it cannot be used in place.
  static DeviceBuffer wrap(const py::buffer& object);

  // Memory that only that device sees; `address` names it.
  static DeviceBuffer hidden(const void* device, std::shared_ptr<u8> address, Shape shape, DType dtype);
  // Null where the host sees the memory.
  const void* seen_by() const { return seen_by_; }
  u64 bytes() const { return elements_ * size_of(dtype_); }

  const std::shared_ptr<void>& owner() const { return owner_; }
  u8* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  const Shape& strides() const { return strides_; }  // bytes
  DType dtype() const { return dtype_; }
  bool writable() const { return writable_; }
  u64 elements() const { return elements_; }
  MemoryPlace place() const { return place_; }
  // Throws kDispatch, naming the remedy, where the host does not see the memory.
  void check_on_host() const;
  BoundBuffer bound() const { return {data_, elements_, dtype_, writable_, place_.on_gpu()}; }

 private:
  std::shared_ptr<void> owner_;
  u8* data_;
  Shape shape_;
  Shape strides_;
  DType dtype_;
  bool writable_;
  MemoryPlace place_;
  u64 elements_ = 1;
  const void* seen_by_ = nullptr;
};

// By NumPy's name or anything that numpy.dtype takes; throws kDispatch for what no buffer holds.
DType dtype_from(const py::object& name);

// __dlpack__: a capsule that shares the memory. Throws BufferError as the protocol asks.
py::capsule to_dlpack(const DeviceBuffer& buffer, const py::object& stream, const py::object& max_version,
                      const py::object& dl_device, const py::object& copy);
// The memory of an object with __dlpack__ and __dlpack_device__, used in place; of NVIDIA's GPUs with `cuda` only.
DeviceBuffer from_dlpack(const py::object& object, bool cuda);
// The memory of an object with __cuda_array_interface__, used in place; it does not say of which GPU.
DeviceBuffer from_cuda_array(const py::object& object, i32 gpu);

void init_device_buffer(py::module_& module);

}  // namespace ringway::bindings
