// What happens when a rule of the API is broken.
#pragma once
#import <Foundation/Foundation.h>

#include <string>

namespace softmetal {

// Raises an NSException named SoftMetalValidation, or aborts with the same text where SOFTMETAL_ABORT=1 asks for what
// Apple's validation layer does.
[[noreturn]] void broken(NSString* format, ...);
// Where nobody could catch an exception: prints and aborts.
[[noreturn]] void fatal(NSString* format, ...);

NSString* text(const std::string& from);
NSError* error_of(NSString* domain, long code, const std::string& what);

}  // namespace softmetal
