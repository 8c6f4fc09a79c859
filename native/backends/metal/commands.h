// A command buffer and its encoders, from the first dispatch to what comes after the last.
#pragma once
#import <Metal/Metal.h>

#include <memory>
#include <string>
#include <vector>

#include "backends/metal/errors.h"
#include "backends/metal/gpu.h"
#include "backends/metal/object.h"

namespace ringway::metal {

Owned<id<MTLCommandQueue>> new_queue(const Gpu& gpu, const std::string& label);

// What became of the commands of one encoder.
enum class EncoderEnd { kDone, kFaulted, kNotRun, kUnknown };

// How a command buffer ended.
struct Ended {
  // Empty when all went well; else `kind` and Metal's text.
  std::string failure;
  ErrorKind kind = ErrorKind::kHandler;
  double gpu_seconds = 0;  // that the GPU was at it
  // When it failed, of each encoder in their order; empty where nobody asked or Metal does not say.
  std::vector<EncoderEnd> encoders;
};

// Who is told.
class CommandsListener {
 public:
  // By a thread of Metal's, when a command buffer has ended, well or not; what the kernels wrote is there for the host then.
  // Must not throw.
  virtual void ended(const Ended& how) = 0;

 protected:
  ~CommandsListener() = default;
};

// One encoder is open at a time; the next one begins when the one before has ended, on the GPU too where they share
// memory. Dispatches of one encoder run one after the other, each seeing what those before it wrote; `concurrent` ones
// do so only across barriers.
class Commands {
 public:
  // Waits while the queue has as many command buffers as it takes. `told_apart`: after a failure, by encoder. Throws
  // kOutOfMemory.
  Commands(id<MTLCommandQueue> queue, NSString* label, bool told_apart = false);
  // What was not committed is dropped.
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  // Both end the encoder before; valid until the next one or the commit. Throw kOutOfMemory and kDispatch.
  id<MTLComputeCommandEncoder> compute(NSString* label, MTLDispatchType type = MTLDispatchTypeSerial);

  id<MTLBlitCommandEncoder> blit(NSString* label);

  // Hands the work to the GPU, once.
  void commit(const std::shared_ptr<CommandsListener>& listener);

 private:
  void open(id<MTLCommandEncoder> encoder, NSString* label);
  void end_encoding();
  std::string text() const;

  const Owned<NSString*> label_;
  Owned<id<MTLCommandBuffer>> buffer_;
  Owned<id<MTLCommandEncoder>> encoder_;
};

}  // namespace ringway::metal
