#pragma once
#import "device/object.h"

namespace softmetal {
struct EventState;
}

@interface SMEvent : SMObject <MTLSharedEvent> {
 @public
  softmetal::EventState* _state;
  BOOL _shared;
}
// False where the value does not come in that many seconds.
- (BOOL)waitFor:(uint64_t)value seconds:(double)seconds;
@end
