#pragma once

namespace ringway {

// The version in pyproject.toml.
const char* version();

}  // namespace ringway
