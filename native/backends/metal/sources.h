// The texts of this folder's .metal files, each with its headers; the build makes them (tools/embed_metal.py).
#pragma once

namespace ringway::metal {

extern const char* const source_of_grid_kernels;
extern const char* const source_of_ring_kernels;

}  // namespace ringway::metal
