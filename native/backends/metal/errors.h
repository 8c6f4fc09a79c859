// Metal's errors as ringway's, with Metal's own words.
#pragma once
#import <Metal/Metal.h>

#include <string>
#include <type_traits>

#include "core/error.h"

namespace ringway::metal {

// Metal's description, its domain and its code.
std::string text_of(NSError* error);

// What ended a command buffer, in Metal's words.
Error error_of(NSError* error);

namespace errors_detail {
using Call = void (*)(void*);
// The reason of the exception that the call raises; empty when it raises none.
std::string raised_by(Call call, void* argument);
[[noreturn]] void refuse(const std::string& what, const std::string& reason);
}  // namespace errors_detail

// Runs `call`, in which Metal may find a broken rule of its own; that becomes an error, kDispatch. `what` is a text, or
// makes one when it is needed. `call` itself throws nothing: GNU's runtime lets no C++ exception pass an Objective-C handler.
template <class What, class F>
void checked(const What& what, F call) {
  const std::string reason =
      errors_detail::raised_by([](void* argument) { (*static_cast<F*>(argument))(); }, &call);
  if (reason.empty()) return;
  if constexpr (std::is_invocable_v<const What&>) {
    errors_detail::refuse(what(), reason);
  } else {
    errors_detail::refuse(what, reason);
  }
}

}  // namespace ringway::metal
