#pragma once
#import <Metal/Metal.h>

#include <string>

// The base of the device's objects: a label, and an eye on their life. A released object stays for a while as a zombie
// that names itself when it is released again; one that a command buffer still uses may not go.
@interface SMObject : NSObject {
 @public
  NSString* _label;
  int _uses;        // by command buffers that have not completed
  char _moment[8];  // of releases, for ThreadSanitizer: it does not see the counts of references
}
- (NSString*)label;
- (void)setLabel:(NSString*)label;
- (id<MTLDevice>)device;
- (void)use;
- (void)unuse;
@end

namespace softmetal {

// Objects of the device that have not been freed; `kind` is a class such as @"SMBuffer", nil for all.
long live_objects(NSString* kind);
// Objects of that class that were ever made.
long made_objects(const char* kind);
// From now on, that many are nil when they are made.
void refuse_objects(const char* kind, long count);
// Refuses what is not, or no longer, an object of that class. `what` names the call and the argument.
void require_live(id object, Class kind, const char* what);
// " 'label'", or nothing.
std::string label_of(SMObject* object);
id<MTLDevice> the_device();

}  // namespace softmetal
