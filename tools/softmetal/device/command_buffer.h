#pragma once
#import "device/buffer.h"
#import "device/command_queue.h"

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/failure.h"
#include "engine/host_view.h"

namespace softmetal {

// One encoder's part of a command buffer.
struct EncoderPart {
  std::string label;
  std::vector<std::string> signposts;
  std::vector<std::function<void(Failure&)>> steps;
  MTLCommandEncoderErrorState state = MTLCommandEncoderErrorStatePending;
};

struct CommandState {
  mutable std::mutex mutex;
  std::condition_variable changed;
  MTLCommandBufferStatus status = MTLCommandBufferStatusNotEnqueued;
  std::vector<EncoderPart> parts;
  std::vector<SMObject*> used;
  std::vector<MTLCommandBufferHandler> scheduled, completed;
  Failure failure;
  std::vector<SMBuffer*> bound;      // that its kernels get by their arguments
  std::unique_ptr<HostViews> views;  // of these
  double begin = 0, end = 0;
  int groups = 0;  // pushed and not popped
  bool in_handler = false;
  std::thread::id handler;  // the thread that calls handlers
};

}  // namespace softmetal

@interface SMCommandBuffer : SMObject <MTLCommandBuffer> {
 @public
  SMCommandQueue* _queue;
  BOOL _retained, _placed, _broken;
  MTLCommandBufferErrorOption _errorOptions;
  softmetal::CommandState* _state;
  SMObject* _open;  // the encoder that has not ended
  NSError* _error;
}
- (id)initWithQueue:(SMCommandQueue*)queue descriptor:(MTLCommandBufferDescriptor*)descriptor;
- (BOOL)isCommitted;
- (void)execute;
// For encoders.
- (void)keep:(SMObject*)object;
- (softmetal::EncoderPart&)part;
- (void)closed;
@end
