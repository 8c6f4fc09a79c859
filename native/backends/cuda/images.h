// What nvcc made at build time: images with machine code for several architectures and PTX.
#pragma once

namespace ringway::cuda {

extern "C" const unsigned char ringway_image_of_grid_kernels[];
extern "C" const unsigned char ringway_image_of_ring_kernels[];

inline const unsigned char* const image_of_grid_kernels = ringway_image_of_grid_kernels;
inline const unsigned char* const image_of_ring_kernels = ringway_image_of_ring_kernels;

}  // namespace ringway::cuda
