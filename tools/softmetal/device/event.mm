#import "device/event.h"

#include <Block.h>

#import <Foundation/NSThread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#import "device/validation.h"

namespace softmetal {

struct EventState {
  struct Notice {
    uint64_t value;
    MTLSharedEventNotificationBlock block;
  };
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t value = 0;
  std::vector<Notice> notices;
};

namespace {

// Blocks run on a thread of their own, in the order of their values.
void notify(SMEvent* event, const std::vector<EventState::Notice>& due, uint64_t value) {
  if (due.empty()) return;
  [event retain];
  std::thread([event, due, value] {
    GSRegisterCurrentThread();
    @autoreleasepool {
      for (const EventState::Notice& notice : due) {
        notice.block(event, value);
        Block_release(notice.block);
      }
      [event release];
    }
    GSUnregisterCurrentThread();
  }).detach();
}

}  // namespace
}  // namespace softmetal

@implementation MTLSharedEventListener
@end

@implementation SMEvent
- (id)init {
  if ((self = [super init])) _state = new softmetal::EventState;
  return self;
}
- (void)dealloc {
  for (const auto& notice : _state->notices) Block_release(notice.block);
  delete _state;
  [super dealloc];
}
- (uint64_t)signaledValue {
  const std::lock_guard<std::mutex> hold(_state->mutex);
  return _state->value;
}
- (void)setSignaledValue:(uint64_t)value {
  [self retain];  // who waits for the value may give the event up as soon as it is there
  std::vector<softmetal::EventState::Notice> due;
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    _state->value = value;
    auto& notices = _state->notices;
    for (size_t i = 0; i < notices.size();) {
      if (notices[i].value > value) {
        ++i;
        continue;
      }
      due.push_back(notices[i]);
      notices.erase(notices.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  _state->changed.notify_all();
  softmetal::notify(self, due, value);
  [self release];
}
- (void)notifyListener:(MTLSharedEventListener*)listener
               atValue:(uint64_t)value
                 block:(MTLSharedEventNotificationBlock)block {
  if (!listener) softmetal::broken(@"notifyListener: the listener is nil");
  const softmetal::EventState::Notice notice{value, (MTLSharedEventNotificationBlock)Block_copy(block)};
  uint64_t seen;
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    seen = _state->value;
    if (seen < value) _state->notices.push_back(notice);
  }
  if (seen >= value) softmetal::notify(self, {notice}, seen);
}
- (BOOL)waitFor:(uint64_t)value seconds:(double)seconds {
  std::unique_lock<std::mutex> hold(_state->mutex);
  return _state->changed.wait_for(hold, std::chrono::duration<double>(seconds),
                                  [&] { return _state->value >= value; });
}
@end
