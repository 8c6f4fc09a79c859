#include "backends/cuda/stream_job.h"

#include "backends/cuda/errors.h"
#include "backends/cuda/grid_layout.h"
#include "core/log.h"

namespace ringway::cuda {

// What other libraries have put into the default stream comes before what is put into this one later: so arrays of theirs are
// complete when a kernel reads them.
StreamParts::StreamParts(const CudaContext& of) : context(of), kernels(of), copies(of) {
  ensure(of.driver, of.driver.cuStreamCreate(&stream, CU_STREAM_DEFAULT),
         "backend 'cuda': making a stream on " + of.gpu.name);
}

StreamParts::~StreamParts() {
  context.driver.cuStreamDestroy(stream);
}

StreamJob::StreamJob(const DispatchRequest& asked, StreamParts& parts)
    : DispatchJob(asked),
      parts_(parts),
      driver_(parts.context.driver),
      passes_(parts.kernels.passes(*asked.kernel, asked.element)),
      label_(text_of(asked)) {
  check_limits();
  bind_arguments();
}

StreamJob::~StreamJob() {
  const Current current(parts_.context);
  if (began_) driver_.cuEventDestroy(began_);
  if (ended_) driver_.cuEventDestroy(ended_);
}

void StreamJob::check_limits() const {
  const CudaGpu& gpu = parts_.context.gpu;
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::kDispatch, request.kernel->name + ": " + what);
  };
  for (u32 axis = 0; axis < 3; ++axis) {
    if (request.grid.groups[axis] <= gpu.most_groups[axis]) continue;
    refuse("the grid has " + std::to_string(request.grid.groups[axis]) + " groups on axis " +
           std::to_string(axis) + "; " + gpu.name + " has at most " + std::to_string(gpu.most_groups[axis]) +
           " there: use larger groups, or another axis");
  }
  const u64 threads = count_of(request.grid.group);
  for (const CudaEntry& pass : passes_) {
    if (threads > pass.most_threads) {
      refuse("groups have " + std::to_string(threads) + " threads; on " + gpu.name +
             " this kernel has at most " + std::to_string(pass.most_threads));
    }
    const u64 bytes = u64(request.group_bytes) + pass.group_bytes;
    if (bytes > gpu.most_group_bytes) {
      refuse("groups need " + std::to_string(bytes) + " bytes of threadgroup memory; on " + gpu.name +
             " there are " + std::to_string(gpu.most_group_bytes));
    }
  }
}

void StreamJob::bind_arguments() {
  for (const ArgumentMemory& memory : memory_of(request)) {
    Bound bound{memory, 0, false};
    if (bound.bytes) {
      const DevicePlace place = device_place(driver_, bound.data);
      check_place(bound.index, place);
      bound.address = place.address;
      bound.copied = bound.address == 0;
      if (bound.copied) in_place_ = false;
    }
    bounds_.push_back(bound);
  }
}

void StreamJob::check_place(u32 index, const DevicePlace& place) const {
  const std::string name = request.kernel->name + ": buffer '" + request.kernel->arguments[index].name + "' ";
  if ((request.on_gpu >> index & 1) && !place.address)
    throw Error(ErrorKind::kDispatch, name + "says that it is on a GPU, and CUDA knows of no memory there");
  const int own = parts_.context.gpu.device;
  if (place.on_device && place.device != own) {
    throw Error(ErrorKind::kDispatch, name + "is on GPU " + std::to_string(place.device) +
                                          ", and this device is GPU " + std::to_string(own) +
                                          ": copy it there, or set RINGWAY_CUDA_DEVICE");
  }
}

void StreamJob::take_copies() {
  for (Bound& bound : bounds_) {
    if (!bound.copied) continue;
    for (Bound& other : bounds_) {
      if (&other == &bound) break;
      if (!other.copied || other.data != bound.data || other.bytes != bound.bytes) continue;
      other.read |= bound.read;
      other.written |= bound.written;
      bound.address = other.address;
      bound.copied = false;
      break;
    }
    if (bound.copied) {
      bound.address = parts_.copies.take(
          bound.bytes, parts_.stream,
          label_ + ": no memory for a copy of '" + request.kernel->arguments[bound.index].name + "'");
    }
  }
}

void StreamJob::put_back_copies() {
  for (Bound& bound : bounds_) {
    if (bound.copied && bound.address) parts_.copies.put_back(bound.address, parts_.stream);
    bound.address = 0;
  }
}

void StreamJob::submit() {
  try {
    ensure(driver_, driver_.cuEventCreate(&began_, CU_EVENT_DEFAULT), label_);
    ensure(driver_, driver_.cuEventCreate(&ended_, CU_EVENT_BLOCKING_SYNC), label_);
    take_copies();
    ensure(driver_, driver_.cuEventRecord(began_, parts_.stream), label_);
    for (const Bound& bound : bounds_) {
      if (bound.copied && bound.read) {
        ensure(driver_, driver_.cuMemcpyHtoDAsync(bound.address, bound.data, bound.bytes, parts_.stream),
               label_ + ": copying '" + request.kernel->arguments[bound.index].name + "' in");
      }
    }
    log::debug({"bound"}, [&] { return label_ + "; " + bindings_text(); });
    for (const CudaEntry& pass : passes_) launch(pass);
    for (const Bound& bound : bounds_) {
      if (bound.copied && bound.written) {
        ensure(driver_, driver_.cuMemcpyDtoHAsync(bound.data, bound.address, bound.bytes, parts_.stream),
               label_ + ": copying '" + request.kernel->arguments[bound.index].name + "' out");
      }
    }
    ensure(driver_, driver_.cuEventRecord(ended_, parts_.stream), label_);
  } catch (...) {
    put_back_copies();
    throw;
  }
  put_back_copies();  // in the order of the stream: after the last use
}

void StreamJob::launch(const CudaEntry& pass) const {
  const Extent& groups = request.grid.groups;
  const Extent& group = request.grid.group;
  GridThreads threads{
      {u32(request.grid.threads[0]), u32(request.grid.threads[1]), u32(request.grid.threads[2])}};
  ArgumentWords words = request.words;
  for (const Bound& bound : bounds_) words[bound.index] = bound.address;
  void* parameters[1 + kMostArguments] = {&threads};
  for (u32 i = 0; i < request.kernel->arguments.size(); ++i) parameters[1 + i] = &words[i];
  ensure(driver_,
         driver_.cuLaunchKernel(pass.function, u32(groups[0]), u32(groups[1]), u32(groups[2]), u32(group[0]),
                                u32(group[1]), u32(group[2]), request.group_bytes, parts_.stream, parameters,
                                nullptr),
         label_ + ": launching " + pass.name);
}

void StreamJob::await() {
  ensure(driver_, driver_.cuEventSynchronize(ended_), label_);
}

double StreamJob::gpu_microseconds() const {
  float milliseconds = 0;
  driver_.cuEventElapsedTime(&milliseconds, began_, ended_);
  return 1e3 * double(milliseconds);
}

// "a: 4000 bytes in place, b: 400 bytes copied in, total: 4 bytes copied in and out"
std::string StreamJob::bindings_text() const {
  std::string text;
  for (const Bound& bound : bounds_) {
    text += (text.empty() ? "" : ", ") + request.kernel->arguments[bound.index].name + ": " +
            std::to_string(bound.bytes) + " bytes ";
    if (bound.copied) {
      text += std::string("copied") + (bound.read ? " in" : "") +
              (bound.read && bound.written ? " and" : "") + (bound.written ? " out" : "");
    } else {
      text += "in place";
    }
  }
  return text;
}

}  // namespace ringway::cuda
