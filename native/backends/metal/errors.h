// Metal's errors as ringway's, with Metal's own words.
#pragma once
#import <Metal/Metal.h>

#include <string>

#include "core/error.h"

namespace ringway::metal {

// Metal's description, its domain and its code.
std::string text_of(NSError* error);

// What ended a command buffer; `what` is its label.
Error error_of(NSError* error, const std::string& what);

namespace errors_detail {
using Call = void (*)(void*);
// The reason of the exception that the call raises; empty when it raises none.
std::string raised_by(Call call, void* argument);
[[noreturn]] void refuse(const std::string& what, const std::string& reason);
}  // namespace errors_detail

// Runs `call`, in which Metal may find a broken rule of its own; that becomes an error, kDispatch.
template <class F>
void checked(const std::string& what, F call) {
  const std::string reason =
      errors_detail::raised_by([](void* argument) { (*static_cast<F*>(argument))(); }, &call);
  if (!reason.empty()) errors_detail::refuse(what, reason);
}

}  // namespace ringway::metal
