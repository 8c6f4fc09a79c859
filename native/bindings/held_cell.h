// A request's reply cell while Python's caller waits.
#pragma once
#include "core/runtime.h"

namespace ringway::bindings {

// Gives the cell back however the request ends.
struct Held {
  Kernel& kernel;
  Kernel::Cell* cell;
  ~Held() {
    if (cell) kernel.runtime().replies().give_back(cell);
  }
};

}  // namespace ringway::bindings
