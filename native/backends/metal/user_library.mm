#include "backends/metal/user_library.h"

#include "backends/metal/gpu.h"
#include "core/error.h"

namespace ringway::metal {
namespace {

std::string joined(const PortableKernel& kernel) {
  return std::string("#define RINGWAY_USER_KERNEL 1\n") +
         (kernel.state_bytes() > kStateInLocals ? "#define RINGWAY_LARGE_STATE 1\n" : "") +
         source_of_ring_kernels + "\n" + kernel.text();
}

}  // namespace

const Pipeline& pipeline_of(const PortableKernel& kernel) {
  static std::mutex changing;
  // Never destroyed, because Metal's threads may outlive main().
  static auto* const known = new std::map<std::string, std::unique_ptr<Library>>;
  std::lock_guard lock(changing);
  auto& library = (*known)[kernel.text()];
  try {
    if (!library)
      library = std::make_unique<Library>(gpu(), kernel.type().name, joined(kernel), gpu().language);
    return library->pipeline("ring_user");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBackendUnavailable) throw;
    throw Error(ErrorKind::kKernel, error.what());
  }
}

}  // namespace ringway::metal
