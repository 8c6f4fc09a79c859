#import "device/command_queue.h"

#import <Foundation/NSThread.h>

#include <chrono>
#include <thread>

#import "device/command_buffer.h"
#import "device/validation.h"
#include "engine/settings.h"

namespace softmetal {
namespace {

void serve(const std::shared_ptr<QueueState>& queue) {
  GSRegisterCurrentThread();
  for (;;) {
    SMCommandBuffer* next = nil;
    {
      std::unique_lock<std::mutex> hold(queue->mutex);
      queue->changed.wait(hold, [&] {
        return (queue->closed && queue->order.empty()) ||
               (!queue->order.empty() && [queue->order.front() isCommitted]);
      });
      if (queue->order.empty()) break;
      next = queue->order.front();
      queue->order.pop_front();
    }
    @autoreleasepool {
      [next execute];
      [next release];
    }
  }
  GSUnregisterCurrentThread();
}

}  // namespace
}  // namespace softmetal

@implementation SMCommandQueue
- (id)initWithMost:(NSUInteger)most {
  if (!most) softmetal::broken(@"newCommandQueueWithMaxCommandBufferCount: the count is 0");
  if (!(self = [super init])) return nil;
  _state = new std::shared_ptr<softmetal::QueueState>(std::make_shared<softmetal::QueueState>());
  (*_state)->most = most;
  std::thread(softmetal::serve, *_state).detach();
  return self;
}
- (void)dealloc {
  {
    const std::lock_guard<std::mutex> hold((*_state)->mutex);
    (*_state)->closed = true;
  }
  (*_state)->changed.notify_all();
  delete _state;
  [super dealloc];
}
// Waits for one of the queue's command buffers to complete when all are in use.
- (void)takePlace {
  softmetal::QueueState& queue = **_state;
  std::unique_lock<std::mutex> hold(queue.mutex);
  const std::chrono::duration<double> patience(softmetal::settings().timeout.load());
  if (!queue.changed.wait_for(hold, patience, [&] { return queue.outstanding < queue.most; })) {
    hold.unlock();
    softmetal::broken(
        @"commandBuffer: all %lu command buffers of queue%s are in use and none completes: commit or "
        @"release those that were made before",
        (unsigned long)queue.most, softmetal::label_of(self).c_str());
  }
  ++queue.outstanding;
}
- (void)givePlace {
  softmetal::QueueState& queue = **_state;
  {
    const std::lock_guard<std::mutex> hold(queue.mutex);
    --queue.outstanding;
  }
  queue.changed.notify_all();
}
- (id<MTLCommandBuffer>)commandBufferWithDescriptor:(MTLCommandBufferDescriptor*)descriptor {
  [self takePlace];
  SMCommandBuffer* made = [[[SMCommandBuffer alloc] initWithQueue:self descriptor:descriptor] autorelease];
  if (!made) [self givePlace];
  return made;
}
- (id<MTLCommandBuffer>)commandBuffer {
  return [self commandBufferWithDescriptor:[[MTLCommandBufferDescriptor new] autorelease]];
}
- (id<MTLCommandBuffer>)commandBufferWithUnretainedReferences {
  MTLCommandBufferDescriptor* descriptor = [[MTLCommandBufferDescriptor new] autorelease];
  descriptor.retainedReferences = NO;
  return [self commandBufferWithDescriptor:descriptor];
}
@end
