#pragma once

namespace ringway {

// Registers every backend of the list in CMakeLists.txt, in its order.
void register_backends();

}  // namespace ringway
