#include "backends/metal/errors.h"

#include "backends/metal/object.h"

namespace ringway::metal {
namespace {

ErrorKind kind_of(NSError* error) {
  if (![[error domain] isEqualToString:MTLCommandBufferErrorDomain]) return ErrorKind::kHandler;
  switch ([error code]) {
    case MTLCommandBufferErrorOutOfMemory: return ErrorKind::kOutOfMemory;
    case MTLCommandBufferErrorDeviceRemoved:
    case MTLCommandBufferErrorAccessRevoked:
    case MTLCommandBufferErrorNotPermitted: return ErrorKind::kDeviceLost;
    default: return ErrorKind::kHandler;  // time-outs and page faults are the kernel's doing
  }
}

const char* remedy_of(NSError* error) {
  if (![[error domain] isEqualToString:MTLCommandBufferErrorDomain]) return "";
  switch ([error code]) {
    case MTLCommandBufferErrorTimeout:
      return "; the system ends what keeps a GPU for too long: cut the work into smaller dispatches";
    case MTLCommandBufferErrorOutOfMemory: return "; let buffers go, or use smaller ones";
    case MTLCommandBufferErrorDeviceRemoved: return "; open another device";
    default: return "";
  }
}

}  // namespace

std::string text_of(NSError* error) {
  if (!error) return "no error is given";
  return text_of([error localizedDescription]) + " (" + text_of([error domain]) + " " +
         std::to_string([error code]) + ")";
}

Error error_of(NSError* error) {
  return {kind_of(error), "Metal: " + text_of(error) + remedy_of(error)};
}

namespace errors_detail {

// No C++ handler may stand beside an Objective-C one.
std::string raised_by(Call call, void* argument) {
  NSString* reason = nil;
  @try {
    call(argument);
  } @catch (NSException* exception) {
    reason = [exception reason];
    if (![reason length]) reason = [exception name];
  }
  return text_of(reason);
}

void refuse(const std::string& what, const std::string& reason) {
  throw Error(ErrorKind::kDispatch, what + ": Metal refuses it: " + reason);
}

}  // namespace errors_detail
}  // namespace ringway::metal
