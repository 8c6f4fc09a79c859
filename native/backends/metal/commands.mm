#include "backends/metal/commands.h"

#include "backends/metal/platform.h"

namespace ringway::metal {
namespace {

Ended ended_of(id<MTLCommandBuffer> buffer, const std::string& label) {
  Ended ended;
  ended.label = label;
  ended.gpu_seconds = [buffer GPUEndTime] - [buffer GPUStartTime];
  if ([buffer status] != MTLCommandBufferStatusCompleted) {
    const Error error = error_of([buffer error], label);
    ended.kind = error.kind();
    ended.failure = error.what();
  }
  return ended;
}

unsigned long long number_of(id<MTLCommandBuffer> buffer) {
  return reinterpret_cast<unsigned long long>(buffer);
}

}  // namespace

Owned<id<MTLCommandQueue>> new_queue(const Gpu& gpu, const std::string& label) {
  const AutoreleaseScope scope;
  auto queue = Owned<id<MTLCommandQueue>>::adopt([gpu.device.get() newCommandQueue]);
  if (!queue)
    throw Error(ErrorKind::kOutOfMemory, "backend 'metal': " + gpu.name + " gives no command queue");
  [queue.get() setLabel:string_of("ringway " + label)];
  return queue;
}

Commands::Commands(id<MTLCommandQueue> queue, std::string label, MTLDispatchType type)
    : label_(std::move(label)) {
  const AutoreleaseScope scope;
  checked(label_, [&] {
    buffer_ = Owned<id<MTLCommandBuffer>>::retain([queue commandBuffer]);
    [buffer_.get() setLabel:string_of(label_)];
    encoder_ = Owned<id<MTLComputeCommandEncoder>>::retain(
        [buffer_.get() computeCommandEncoderWithDispatchType:type]);
    [encoder_.get() setLabel:string_of(label_)];
  });
  if (!encoder_)
    throw Error(ErrorKind::kOutOfMemory, label_ + ": Metal gives no command buffer; let some work end first");
}

Commands::~Commands() {
  const AutoreleaseScope scope;
  if (encoder_) end_encoding();
  encoder_ = {};
  buffer_ = {};
}

void Commands::end_encoding() {
  [encoder_.get() endEncoding];
  encoder_ = {};
}

void Commands::commit(const std::function<void(const Ended&)>& then) {
  const AutoreleaseScope scope;
  checked(label_, [&] {
    end_encoding();
    // Of its own: a block keeps a reference as a reference.
    const std::string label = label_;
    const auto call = then;
    [buffer_.get() addCompletedHandler:^(id<MTLCommandBuffer> done) {
      const AutoreleaseScope of_handler;
      signpost_end(number_of(done));
      call(ended_of(done, label));
    }];
    signpost_begin(number_of(buffer_.get()), label_.c_str());
    [buffer_.get() commit];
  });
}

}  // namespace ringway::metal
