#include "backends/metal/commands.h"

#include "backends/metal/platform.h"

namespace ringway::metal {
namespace {

EncoderEnd end_of(id<MTLCommandBufferEncoderInfo> info) {
  switch ([info errorState]) {
    case MTLCommandEncoderErrorStateCompleted: return EncoderEnd::kDone;
    case MTLCommandEncoderErrorStateFaulted: return EncoderEnd::kFaulted;
    case MTLCommandEncoderErrorStatePending: return EncoderEnd::kNotRun;
    default: return EncoderEnd::kUnknown;
  }
}

Ended ended_of(id<MTLCommandBuffer> buffer) {
  Ended ended;
  ended.gpu_seconds = [buffer GPUEndTime] - [buffer GPUStartTime];
  if ([buffer status] == MTLCommandBufferStatusCompleted) return ended;
  NSError* const why = [buffer error];
  const Error error = error_of(why);
  ended.kind = error.kind();
  ended.failure = error.what();
  for (id<MTLCommandBufferEncoderInfo> info in
       [[why userInfo] objectForKey:MTLCommandBufferEncoderInfoErrorKey])
    ended.encoders.push_back(end_of(info));
  return ended;
}

// Made once: a descriptor for each command buffer would be one object more.
MTLCommandBufferDescriptor* telling_apart() {
  static MTLCommandBufferDescriptor* const one = [] {
    MTLCommandBufferDescriptor* descriptor = [MTLCommandBufferDescriptor new];
    [descriptor setErrorOptions:MTLCommandBufferErrorOptionEncoderExecutionStatus];
    return descriptor;
  }();
  return one;
}

// Messages to nil do nothing: the command buffer would complete without its work.
[[noreturn]] void no_encoder(NSString* label) {
  throw Error(ErrorKind::kOutOfMemory, text_of(label) + ": Metal gives no encoder; let some work end first");
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

Commands::Commands(id<MTLCommandQueue> queue, NSString* label, bool told_apart)
    : label_(Owned<NSString*>::retain(label)) {
  const AutoreleaseScope scope;
  checked([&] { return text(); },
          [&] {
            buffer_ = Owned<id<MTLCommandBuffer>>::retain(
                told_apart ? [queue commandBufferWithDescriptor:telling_apart()] : [queue commandBuffer]);
            [buffer_.get() setLabel:label];
          });
  if (!buffer_)
    throw Error(ErrorKind::kOutOfMemory, text() + ": Metal gives no command buffer; let some work end first");
}

Commands::~Commands() {
  const AutoreleaseScope scope;
  if (encoder_) end_encoding();
  buffer_ = {};
}

std::string Commands::text() const {
  return text_of(label_.get());
}

id<MTLComputeCommandEncoder> Commands::compute(NSString* label, MTLDispatchType type) {
  const AutoreleaseScope scope;
  id<MTLComputeCommandEncoder> encoder = nil;
  checked([&] { return text_of(label); },
          [&] {
            if (encoder_) end_encoding();
            encoder = [buffer_.get() computeCommandEncoderWithDispatchType:type];
            open(encoder, label);
          });
  if (!encoder) no_encoder(label);
  return encoder;
}

id<MTLBlitCommandEncoder> Commands::blit(NSString* label) {
  const AutoreleaseScope scope;
  id<MTLBlitCommandEncoder> encoder = nil;
  checked([&] { return text_of(label); },
          [&] {
            if (encoder_) end_encoding();
            encoder = [buffer_.get() blitCommandEncoder];
            open(encoder, label);
          });
  if (!encoder) no_encoder(label);
  return encoder;
}

void Commands::open(id<MTLCommandEncoder> encoder, NSString* label) {
  encoder_ = Owned<id<MTLCommandEncoder>>::retain(encoder);
  [encoder setLabel:label];
}

void Commands::end_encoding() {
  [encoder_.get() endEncoding];
  encoder_ = {};
}

void Commands::commit(const std::shared_ptr<CommandsListener>& listener) {
  const AutoreleaseScope scope;
  checked([&] { return text(); },
          [&] {
            end_encoding();
            // Of its own: a block keeps a reference as a reference.
            const auto told = listener;
            [buffer_.get() addCompletedHandler:^(id<MTLCommandBuffer> done) {
              const AutoreleaseScope of_handler;
              signpost_end(number_of(done));
              told->ended(ended_of(done));
            }];
            signpost_begin(number_of(buffer_.get()), [label_.get() UTF8String]);
            [buffer_.get() commit];
          });
}

}  // namespace ringway::metal
