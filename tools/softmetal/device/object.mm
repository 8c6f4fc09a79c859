#import "device/object.h"

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#import "device/validation.h"
#include "engine/settings.h"
#include "engine/tsan.h"

namespace softmetal {
namespace {

constexpr size_t kZombies = 1024;

struct Life {
  std::mutex mutex;
  std::unordered_set<const void*> live;
  std::deque<id> zombies;
  std::unordered_map<std::string, long> made, refused;  // by class
};

Life& life() {
  static auto* one = new Life;  // objects may be released after main
  return *one;
}

void report_leaks() {
  Life& all = life();
  const std::lock_guard<std::mutex> hold(all.mutex);
  for (const void* object : all.live) {
    auto* left = static_cast<SMObject*>(const_cast<void*>(object));
    std::fprintf(stderr, "softmetal: never released: %s%s\n", object_getClassName(left),
                 label_of(left).c_str());
  }
}

}  // namespace

long live_objects(NSString* kind) {
  Life& all = life();
  const std::lock_guard<std::mutex> hold(all.mutex);
  long count = 0;
  for (const void* object : all.live) {
    id one = static_cast<id>(const_cast<void*>(object));
    count += !kind || [NSStringFromClass(object_getClass(one)) isEqualToString:kind];
  }
  return count;
}

long made_objects(const char* kind) {
  Life& all = life();
  const std::lock_guard<std::mutex> hold(all.mutex);
  return all.made[kind];
}

void refuse_objects(const char* kind, long count) {
  Life& all = life();
  const std::lock_guard<std::mutex> hold(all.mutex);
  all.refused[kind] = count;
}

void require_live(id object, Class kind, const char* what) {
  bool found;
  {
    Life& all = life();
    const std::lock_guard<std::mutex> hold(all.mutex);
    found = all.live.count(static_cast<const void*>(object)) != 0;
  }
  if (!found)
    broken(@"%s: %p is no live object of this device: released once too often, or of another device", what,
           object);
  if (![object isKindOfClass:kind])
    broken(@"%s: a %s is not what is wanted here", what, object_getClassName(object));
}

std::string label_of(SMObject* object) {
  if (!object || !object->_label) return "";
  return std::string(" '") + [object->_label UTF8String] + "'";
}

}  // namespace softmetal

@interface SMZombie : NSObject
@end

@implementation SMZombie
- (id)retain {
  softmetal::fatal(@"retain of a freed object of the device (%p)", self);
}
- (oneway void)release {
  softmetal::fatal(@"release of a freed object of the device (%p): it was released once too often", self);
}
- (id)autorelease {
  softmetal::fatal(@"autorelease of a freed object of the device (%p)", self);
}
// Before the message would be forwarded, for which GNUstep has to know the types of its arguments; it knows no blocks.
+ (BOOL)resolveInstanceMethod:(SEL)selector {
  softmetal::fatal(@"message %@ to a freed object of the device", NSStringFromSelector(selector));
}
@end

@implementation SMObject
+ (id)allocWithZone:(NSZone*)zone {
  static std::once_flag once;
  std::call_once(once, [] {
    if (softmetal::settings().report_leaks) std::atexit(softmetal::report_leaks);
  });
  softmetal::Life& all = softmetal::life();
  const std::lock_guard<std::mutex> hold(all.mutex);
  long& refused = all.refused[class_getName(self)];
  if (refused) {
    --refused;
    return nil;
  }
  id object = [super allocWithZone:zone];
  all.live.insert(object);
  ++all.made[class_getName(self)];
  return object;
}
- (oneway void)release {
  auto* moment = reinterpret_cast<softmetal::tsan::Moment*>(_moment);
  softmetal::tsan::release(moment);
  softmetal::tsan::acquire(moment);  // the last one may free the object
  [super release];
}
- (void)dealloc {
  if (__atomic_load_n(&_uses, __ATOMIC_ACQUIRE))
    softmetal::fatal(
        @"%s%s was freed while a command buffer that has not completed uses it: keep a reference, or let "
        @"the command buffer keep one",
        object_getClassName(self), softmetal::label_of(self).c_str());
  [_label release];
  _label = nil;
  id oldest = nil;
  {
    softmetal::Life& all = softmetal::life();
    const std::lock_guard<std::mutex> hold(all.mutex);
    all.live.erase(self);
    object_setClass(self, [SMZombie class]);
    all.zombies.push_back(self);
    if (all.zombies.size() > softmetal::kZombies) {
      oldest = all.zombies.front();
      all.zombies.pop_front();
    }
  }
  if (oldest) {
    object_setClass(oldest, [NSObject class]);
    NSDeallocateObject(oldest);
  }
  return;
  [super dealloc];
}
- (NSString*)label {
  return _label;
}
- (void)setLabel:(NSString*)label {
  if (label == _label) return;
  [_label release];
  _label = [label copy];
}
- (id<MTLDevice>)device {
  return softmetal::the_device();
}
- (void)use {
  __atomic_fetch_add(&_uses, 1, __ATOMIC_RELAXED);
}
- (void)unuse {
  __atomic_fetch_sub(&_uses, 1, __ATOMIC_RELEASE);
}
@end
