#pragma once

namespace ringway {

// The version in pyproject.toml.
const char* version();

// Name and version of the compiler that built this, and the build type.
const char* compiler();

}  // namespace ringway
