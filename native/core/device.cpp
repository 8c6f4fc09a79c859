#include "core/device.h"

#include "core/log.h"
#include "core/process.h"
#include "core/registry.h"

namespace ringway {

Device::Device() : process_(process_number()) {}

std::shared_ptr<Device> Device::open(const DeviceOptions& options) {
  constexpr u32 kMostWorkers = 1024;
  if (options.workers > kMostWorkers) {
    throw Error(ErrorKind::kInvalidOption, "workers is " + std::to_string(options.workers) +
                                               "; it must be 1 to " + std::to_string(kMostWorkers));
  }
  const BackendEntry entry = choose_backend(options.backend, BackendLevel::kDispatches);
  std::shared_ptr<Device> device(new Device);
  device->backend_name_ = entry.name;
  device->dispatcher_ = entry.open_dispatcher(options.workers);
  device->pool_ = std::make_shared<BufferPool>(options.pool_limit, device->dispatcher_->pages());
  return device;
}

Device::~Device() {
  // A forked child has none of the threads that the destructor would wait for.
  if (forked()) (void)dispatcher_.release();
}

bool Device::forked() const {
  return process_number() != process_;
}

void Device::check_usable() const {
  if (forked()) {
    throw Error(
        ErrorKind::kForked,
        "this device was opened before fork(); its threads are not in the child process: open a device "
        "there, or use multiprocessing's 'spawn' method");
  }
  if (closed()) throw Error(ErrorKind::kClosed, "the device is closed");
}

std::vector<DType> Device::types_of(const DispatchKernel& kernel) const {
  std::vector<DType> types;
  for (const DType type : kernel.types) {
    if (dispatcher_->offers(kernel, type)) types.push_back(type);
  }
  return types;
}

std::shared_ptr<DispatchJob> Device::start(const DispatchRequest& request, bool assisted) {
  check_usable();
  if (!dispatcher_->offers(*request.kernel, request.element)) {
    throw Error(ErrorKind::kDispatch, request.kernel->name + ": backend '" + backend_name_ +
                                          "' does not have it for " + name_of(request.element) +
                                          ", but for " + names_of(types_of(*request.kernel)));
  }
  if (count_of(request.grid.threads) == 0) return nullptr;
  log::debug({"dispatch"}, [&] { return "dispatch " + text_of(request); });
  return dispatcher_->start(request, assisted);
}

std::shared_ptr<u8> Device::take_private(u64 bytes) {
  check_usable();
  if (auto memory = dispatcher_->take_private(bytes)) return memory;
  throw Error(ErrorKind::kInvalidOption,
              "storage is 'private'; backend '" + backend_name_ + "' has no memory of its own: use 'shared'");
}

std::shared_ptr<DispatchJob> Device::start_copy(u8* to, const u8* from, u64 bytes) {
  check_usable();
  return bytes ? dispatcher_->start_copy(to, from, bytes) : nullptr;
}

void Device::run(const DispatchRequest& request, void (*check)()) {
  const auto job = start(request, true);
  if (!job) return;
  try {
    dispatcher_->assist(*job, Wait{Wait::kForever, check});
  } catch (...) {
    // The buffers are the caller's again only when nothing runs.
    dispatcher_->cancel(*job);
    job->wait(Wait{});
    throw;
  }
  job->check();
}

void Device::close() {
  // SYNC: none needed; only the first caller stops the dispatcher.
  if (forked() || atomic::exchange_seq_cst(&closed_, 1U)) return;
  dispatcher_->stop();
}

}  // namespace ringway
