// A command buffer and its encoder, from the first dispatch to what comes after the last.
#pragma once
#import <Metal/Metal.h>

#include <functional>
#include <string>

#include "backends/metal/errors.h"
#include "backends/metal/gpu.h"
#include "backends/metal/object.h"

namespace ringway::metal {

Owned<id<MTLCommandQueue>> new_queue(const Gpu& gpu, const std::string& label);

// How a command buffer ended.
struct Ended {
  std::string label;
  // Empty when all went well; else `kind` and Metal's text.
  std::string failure;
  ErrorKind kind = ErrorKind::kHandler;
  double gpu_seconds = 0;  // that the GPU was at it
};

// Dispatches of one command buffer run one after the other, each seeing what those before it wrote; `concurrent` ones do
// so only across barriers.
class Commands {
 public:
  // Waits while the queue has as many command buffers as it takes. Throws kOutOfMemory.
  Commands(id<MTLCommandQueue> queue, std::string label, MTLDispatchType type = MTLDispatchTypeSerial);
  // What was not committed is dropped.
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  // Valid until the commit.
  id<MTLComputeCommandEncoder> encoder() const { return encoder_.get(); }

  // Hands the work to the GPU, once. `then` is called when it has ended, well or not, on a thread of Metal's; it must not
  // throw. What the kernels wrote is there for the host then.
  void commit(const std::function<void(const Ended&)>& then);

 private:
  void end_encoding();

  const std::string label_;
  Owned<id<MTLCommandBuffer>> buffer_;
  Owned<id<MTLComputeCommandEncoder>> encoder_;
};

}  // namespace ringway::metal
