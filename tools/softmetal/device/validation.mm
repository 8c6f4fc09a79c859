#import "device/validation.h"

#include <cstdio>
#include <cstdlib>

#include "engine/settings.h"

namespace softmetal {
namespace {

[[noreturn]] void print_and_abort(NSString* what) {
  std::fprintf(stderr, "softmetal: failed assertion: %s\n", [what UTF8String]);
  std::abort();
}

}  // namespace

void broken(NSString* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  NSString* what = [[[NSString alloc] initWithFormat:format arguments:arguments] autorelease];
  va_end(arguments);
  if (settings().abort) print_and_abort(what);
  [NSException raise:@"SoftMetalValidation" format:@"%@", what];
  __builtin_unreachable();
}

void fatal(NSString* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  NSString* what = [[[NSString alloc] initWithFormat:format arguments:arguments] autorelease];
  va_end(arguments);
  print_and_abort(what);
}

NSString* text(const std::string& from) {
  NSString* whole = [NSString stringWithUTF8String:from.c_str()];
  return whole ? whole : @"(no UTF-8)";
}

NSError* error_of(NSString* domain, long code, const std::string& what) {
  NSDictionary* info = [NSDictionary dictionaryWithObject:text(what) forKey:NSLocalizedDescriptionKey];
  return [NSError errorWithDomain:domain code:code userInfo:info];
}

}  // namespace softmetal
