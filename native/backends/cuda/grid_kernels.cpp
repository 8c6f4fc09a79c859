#include "backends/cuda/grid_kernels.h"

#include <utility>

#include "backends/cuda/errors.h"
#include "backends/cuda/images.h"

namespace ringway::cuda {
namespace {

u32 attribute(const CudaDriver& driver, const CudaEntry& entry, CUfunction_attribute which) {
  int value = 0;
  ensure(driver, driver.cuFuncGetAttribute(&value, which, entry.function), "kernel '" + entry.name + "'");
  return u32(value);
}

}  // namespace

GridImage::GridImage(const CudaContext& context) : context_(context) {
  ensure(context.driver, context.driver.cuModuleLoadData(&module_, image_of_grid_kernels),
         "backend 'cuda': loading the dispatch kernels on " + context.gpu.name);
}

GridImage::~GridImage() {
  context_.driver.cuModuleUnload(module_);
}

bool GridImage::offers(const DispatchKernel& kernel, DType element) {
  return kernel.has(element);
}

const Passes& GridImage::passes(const DispatchKernel& kernel, DType element) {
  std::lock_guard lock(changing_);
  Passes& known = known_[{kernel.name, element}];
  if (!known.empty()) return known;
  const CudaDriver& driver = context_.driver;
  Passes found;
  for (std::string& name : kernel.entry_points(element)) {
    CudaEntry entry;
    entry.name = std::move(name);
    ensure(driver, driver.cuModuleGetFunction(&entry.function, module_, entry.name.c_str()),
           "backend 'cuda': kernel '" + entry.name + "'");
    entry.most_threads = attribute(driver, entry, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
    entry.group_bytes = attribute(driver, entry, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
    found.push_back(std::move(entry));
  }
  return known = std::move(found);
}

}  // namespace ringway::cuda
