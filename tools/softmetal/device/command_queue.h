#pragma once
#import "device/object.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

@class SMCommandBuffer;

namespace softmetal {

// Command buffers in the order of enqueue or commit, run one after the other by a thread of the queue.
struct QueueState {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<SMCommandBuffer*> order;
  NSUInteger outstanding = 0, most = 64;
  bool closed = false;
};

}  // namespace softmetal

@interface SMCommandQueue : SMObject <MTLCommandQueue> {
 @public
  std::shared_ptr<softmetal::QueueState>* _state;
}
- (id)initWithMost:(NSUInteger)most;
// Another command buffer may take the place of one that has ended.
- (void)givePlace;
@end
