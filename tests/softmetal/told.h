// A lambda that is told of the end of a command buffer.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "backends/metal/commands.h"

namespace metal_test {

struct Told final : ringway::metal::CommandsListener {
  explicit Told(std::function<void(const ringway::metal::Ended&)> then) : call(std::move(then)) {}
  void ended(const ringway::metal::Ended& how) override { call(how); }

  std::function<void(const ringway::metal::Ended&)> call;
};

}  // namespace metal_test
