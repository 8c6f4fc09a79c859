// Counts what the program itself allocates by `new`: not its libraries, of which the software device is one.
#pragma once

namespace metal_test {

// Of all threads, since the program began.
long allocations();

}  // namespace metal_test
