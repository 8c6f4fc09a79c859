// A device on the dispatch level: its dispatcher and its pool of buffers.
#pragma once
#include <memory>
#include <string>

#include "core/buffer_pool.h"
#include "core/dispatch.h"

namespace ringway {

struct DeviceOptions {
  std::string backend = "auto";
  u32 workers = 0;     // 0: the backend chooses
  u64 pool_limit = 0;  // bytes that the pool may hold unused
};

class Device {
 public:
  static std::shared_ptr<Device> open(const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& backend_name() const { return backend_name_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  BufferPool& pool() { return *pool_; }

  // Element types that the backend has the kernel for.
  std::vector<DType> types_of(const DispatchKernel& kernel) const;
  // Null when the grid is empty: there is nothing to wait for. Throws kDispatch when the backend has no such kernel for
  // the element type.
  std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool assisted);
  // As of Dispatcher; throws kInvalidOption where the backend has no such memory.
  std::shared_ptr<u8> take_private(u64 bytes);
  std::shared_ptr<DispatchJob> start_copy(u8* to, const u8* from, u64 bytes);
  // Runs to the end in this thread and the device's; what until.check throws cancels it.
  void run(const DispatchRequest& request, void (*check)());

  // Cancels what runs. A second call does nothing.
  void close();
  bool closed() const { return atomic::load_relaxed(&closed_) != 0; }
  // Throws kForked in a child process, kClosed after close().
  void check_usable() const;

 private:
  Device();
  bool forked() const;

  std::string backend_name_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::shared_ptr<BufferPool> pool_;
  u32 closed_ = 0;
  const u32 process_;
};

}  // namespace ringway
