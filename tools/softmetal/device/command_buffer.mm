#import "device/command_buffer.h"

#include <Block.h>

#include <chrono>
#include <thread>

#import "device/blit_encoder.h"
#import "device/compute_encoder.h"
#import "device/event.h"
#import "device/validation.h"
#include "engine/dispatch.h"
#include "engine/random.h"
#include "engine/settings.h"
#include "engine/tsan.h"

NSString* const MTLCommandBufferErrorDomain = @"MTLCommandBufferErrorDomain";
NSString* const MTLCommandBufferEncoderInfoErrorKey = @"MTLCommandBufferEncoderInfoErrorKey";

@interface SMEncoderInfo : NSObject <MTLCommandBufferEncoderInfo> {
  softmetal::EncoderPart* _part;
}
@end

@implementation SMEncoderInfo
- (id)initWithPart:(const softmetal::EncoderPart&)part {
  if (!(self = [super init])) return nil;
  _part = new softmetal::EncoderPart(part);
  return self;
}
- (void)dealloc {
  delete _part;
  [super dealloc];
}
- (NSString*)label {
  return softmetal::text(_part->label);
}
- (NSArray*)debugSignposts {
  NSMutableArray* all = [NSMutableArray array];
  for (const std::string& one : _part->signposts) [all addObject:softmetal::text(one)];
  return all;
}
- (MTLCommandEncoderErrorState)errorState {
  return _part->state;
}
@end

@implementation SMCommandBuffer
- (id)initWithQueue:(SMCommandQueue*)queue descriptor:(MTLCommandBufferDescriptor*)descriptor {
  if (!(self = [super init])) return nil;
  _queue = [queue retain];
  _placed = YES;
  _retained = descriptor.retainedReferences;
  _errorOptions = descriptor.errorOptions;
  _state = new softmetal::CommandState;
  return self;
}
- (void)dealloc {
  if (_open && !_broken)
    softmetal::fatal(@"command buffer%s is released with an open encoder: call endEncoding",
                     softmetal::label_of(self).c_str());
  [self giveBack];
  for (auto block : _state->scheduled) Block_release(block);
  for (auto block : _state->completed) Block_release(block);
  delete _state;
  [_error release];
  [_queue release];
  [super dealloc];
}
// What it used, and its place in the queue.
- (void)giveBack {
  for (SMObject* object : _state->used) {
    [object unuse];
    if (_retained) [object release];
  }
  _state->used.clear();
  if (!_placed) return;
  _placed = NO;
  [_queue givePlace];
}
- (id<MTLCommandQueue>)commandQueue {
  return _queue;
}
- (BOOL)retainedReferences {
  return _retained;
}
- (MTLCommandBufferErrorOption)errorOptions {
  return _errorOptions;
}
- (MTLCommandBufferStatus)status {
  const std::lock_guard<std::mutex> hold(_state->mutex);
  return _state->status;
}
- (NSError*)error {
  const std::lock_guard<std::mutex> hold(_state->mutex);
  return [[_error retain] autorelease];
}
- (CFTimeInterval)GPUStartTime {
  const std::lock_guard<std::mutex> hold(_state->mutex);
  return _state->begin;
}
- (CFTimeInterval)GPUEndTime {
  const std::lock_guard<std::mutex> hold(_state->mutex);
  return _state->end;
}
- (CFTimeInterval)kernelStartTime {
  return [self GPUStartTime];
}
- (CFTimeInterval)kernelEndTime {
  return [self GPUEndTime];
}
- (BOOL)isCommitted {
  return [self status] >= MTLCommandBufferStatusCommitted;
}

// Refuses `call` where it comes too late or too early.
- (void)require:(const char*)call betweenEncoders:(BOOL)between {
  if ([self isCommitted]) {
    _broken = YES;
    softmetal::broken(@"%s: command buffer%s is committed already; make a new one", call,
                      softmetal::label_of(self).c_str());
  }
  if (between && _open) {
    _broken = YES;
    softmetal::broken(@"%s: the encoder%s of command buffer%s is still open: call endEncoding first", call,
                      softmetal::label_of(_open).c_str(), softmetal::label_of(self).c_str());
  }
}
- (void)keep:(SMObject*)object {
  if (!object) return;
  [object use];
  if (_retained) [object retain];
  _state->used.push_back(object);
}
- (softmetal::EncoderPart&)part {
  return _state->parts.back();
}
- (void)closed {
  _open = nil;
}
- (void)begin:(const char*)call {
  [self require:call betweenEncoders:YES];
  _state->parts.emplace_back();
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoderWithDispatchType:(MTLDispatchType)type {
  [self begin:"computeCommandEncoder"];
  _open = [[[SMComputeEncoder alloc] initWithBuffer:self type:type] autorelease];
  return (id<MTLComputeCommandEncoder>)_open;
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoder {
  return [self computeCommandEncoderWithDispatchType:MTLDispatchTypeSerial];
}
- (id<MTLBlitCommandEncoder>)blitCommandEncoder {
  [self begin:"blitCommandEncoder"];
  _open = [[[SMBlitEncoder alloc] initWithBuffer:self] autorelease];
  return (id<MTLBlitCommandEncoder>)_open;
}
- (void)encodeSignalEvent:(id<MTLEvent>)event value:(uint64_t)value {
  softmetal::require_live(event, [SMEvent class], "encodeSignalEvent: event");
  [self begin:"encodeSignalEvent"];
  [self keep:(SMObject*)event];
  [self part].steps.push_back([=](softmetal::Failure&) { [(SMEvent*)event setSignaledValue:value]; });
}
- (void)encodeWaitForEvent:(id<MTLEvent>)event value:(uint64_t)value {
  softmetal::require_live(event, [SMEvent class], "encodeWaitForEvent: event");
  [self begin:"encodeWaitForEvent"];
  [self keep:(SMObject*)event];
  [self part].steps.push_back([=](softmetal::Failure& failure) {
    auto* one = (SMEvent*)event;
    if ([one waitFor:value seconds:softmetal::settings().timeout]) return;
    failure.set(softmetal::kTimeout, "encodeWaitForEvent: nobody signals value " + std::to_string(value) +
                                         " of event" + softmetal::label_of(one) + ", which is at " +
                                         std::to_string([one signaledValue]));
  });
}
- (void)pushDebugGroup:(NSString*)string {
  ++_state->groups;
}
- (void)popDebugGroup {
  if (--_state->groups < 0) softmetal::broken(@"popDebugGroup: no group of the command buffer is pushed");
}
- (void)addScheduledHandler:(MTLCommandBufferHandler)block {
  [self require:"addScheduledHandler" betweenEncoders:NO];
  _state->scheduled.push_back((MTLCommandBufferHandler)Block_copy(block));
}
- (void)addCompletedHandler:(MTLCommandBufferHandler)block {
  [self require:"addCompletedHandler" betweenEncoders:NO];
  _state->completed.push_back((MTLCommandBufferHandler)Block_copy(block));
}

- (void)enqueue {
  if ([self status] != MTLCommandBufferStatusNotEnqueued)
    softmetal::broken(@"enqueue: command buffer%s is enqueued already", softmetal::label_of(self).c_str());
  softmetal::QueueState& queue = **_queue->_state;
  [self retain];
  const std::lock_guard<std::mutex> hold(queue.mutex);
  [self reach:MTLCommandBufferStatusEnqueued];
  queue.order.push_back(self);
}
- (void)commit {
  [self require:"commit" betweenEncoders:YES];
  if (_state->groups)
    softmetal::broken(@"commit: %d debug groups of command buffer%s are not popped", _state->groups,
                      softmetal::label_of(self).c_str());
  if ([self status] == MTLCommandBufferStatusNotEnqueued) [self enqueue];
  softmetal::QueueState& queue = **_queue->_state;
  {
    const std::lock_guard<std::mutex> hold(queue.mutex);
    [self reach:MTLCommandBufferStatusCommitted];
  }
  queue.changed.notify_all();
}
- (void)reach:(MTLCommandBufferStatus)status {
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    _state->status = status;
  }
  _state->changed.notify_all();
}
- (void)waitUntil:(MTLCommandBufferStatus)status call:(const char*)call {
  if (![self isCommitted])
    softmetal::broken(@"%s: command buffer%s is not committed, so this would wait for ever", call,
                      softmetal::label_of(self).c_str());
  std::unique_lock<std::mutex> hold(_state->mutex);
  if (_state->handler == std::this_thread::get_id()) {
    hold.unlock();
    softmetal::broken(@"%s in a handler of the same command buffer would wait for ever", call);
  }
  _state->changed.wait(hold, [&] { return _state->status >= status && !_state->in_handler; });
}
- (void)waitUntilScheduled {
  [self waitUntil:MTLCommandBufferStatusScheduled call:"waitUntilScheduled"];
}
- (void)waitUntilCompleted {
  [self waitUntil:MTLCommandBufferStatusCompleted call:"waitUntilCompleted"];
}

// A seed lets time pass where a program may not rely on speed.
- (void)dawdle {
  const uint64_t seed = softmetal::settings().seed;
  if (!seed) return;
  static std::atomic<uint64_t> serial{0};
  softmetal::Random random{seed ^ (serial++ << 20)};
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
}
- (void)call:(const std::vector<MTLCommandBufferHandler>&)handlers {
  for (auto block : handlers) block(self);
}
// Blits go to the shared memory itself: nothing comes late where there is one.
- (void)lookAtHost {
  if (!softmetal::settings().seed || !softmetal::settings().late_host || softmetal::tsan::kActive) return;
  if (_state->parts.size() != 1) return;
  _state->views = std::make_unique<softmetal::HostViews>();
  for (SMBuffer* buffer : _state->bound)
    if ([buffer storageMode] == MTLStorageModeShared) _state->views->add(buffer->_data, buffer->_length);
}
- (void)meetInjectedFailure {
  softmetal::Settings& set = softmetal::settings();
  long left = set.fail_count;
  while (left && !set.fail_count.compare_exchange_weak(left, left < 0 ? left : left - 1)) {
  }
  if (!left) return;
  const int code = set.fail_code;
  const char* const what = code == softmetal::kOutOfMemory     ? "Insufficient Memory"
                           : code == softmetal::kDeviceRemoved ? "The device was removed"
                                                               : "Internal Error";
  _state->failure.set(code, std::string(what) + ", as a test has asked");
}
- (void)execute {
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    _state->handler = std::this_thread::get_id();
  }
  [self dawdle];
  while (softmetal::settings().hold) std::this_thread::sleep_for(std::chrono::microseconds(100));
  [self reach:MTLCommandBufferStatusScheduled];
  [self call:_state->scheduled];
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    _state->begin = softmetal::now();
  }
  [self lookAtHost];
  [self meetInjectedFailure];
  for (softmetal::EncoderPart& part : _state->parts) {
    for (const auto& step : part.steps) {
      if (_state->failure.code()) break;
      step(_state->failure);
      if (_state->failure.code()) part.state = MTLCommandEncoderErrorStateFaulted;
    }
    if (part.state == MTLCommandEncoderErrorStatePending && !_state->failure.code())
      part.state = MTLCommandEncoderErrorStateCompleted;
  }
  if (_state->views) _state->views->show();
  _state->views.reset();
  [self complete];
}
- (NSError*)describe:(int)code {
  NSMutableDictionary* info = [NSMutableDictionary dictionary];
  [info setObject:softmetal::text(_state->failure.message()) forKey:NSLocalizedDescriptionKey];
  if (_errorOptions & MTLCommandBufferErrorOptionEncoderExecutionStatus) {
    NSMutableArray* infos = [NSMutableArray array];
    for (const softmetal::EncoderPart& part : _state->parts)
      [infos addObject:[[[SMEncoderInfo alloc] initWithPart:part] autorelease]];
    [info setObject:infos forKey:MTLCommandBufferEncoderInfoErrorKey];
  }
  return [[NSError alloc] initWithDomain:MTLCommandBufferErrorDomain code:code userInfo:info];
}
// The status is final when the handlers run, and waitUntilCompleted returns after them.
- (void)complete {
  const int code = _state->failure.code();
  NSError* error = code ? [self describe:code] : nil;
  const auto status = code ? MTLCommandBufferStatusError : MTLCommandBufferStatusCompleted;
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    const double said = softmetal::settings().gpu_time;
    _state->end = said > 0 ? _state->begin + said : softmetal::now();
    _error = error;
    _state->in_handler = true;
    if (!_state->completed.empty()) _state->status = status;
  }
  [self giveBack];
  [self call:_state->completed];
  {
    const std::lock_guard<std::mutex> hold(_state->mutex);
    _state->in_handler = false;
    _state->handler = std::thread::id();
  }
  [self reach:status];
}
@end
