#pragma once
#include <dispatch/dispatch.h>

#include <string_view>

namespace softmetal {

std::string_view bytes_of(dispatch_data_t data);

}  // namespace softmetal
