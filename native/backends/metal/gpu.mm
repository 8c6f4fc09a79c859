#include "backends/metal/gpu.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "backends/metal/platform.h"
#include "core/error.h"

namespace ringway::metal {
namespace {

struct Choice {
  Gpu gpu;
  std::string why_not;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// The device of that number or name; otherwise the text says which there are.
Owned<id<MTLDevice>> find_device(const std::string& asked, std::string* why_not) {
  const auto all = Owned<NSArray*>::adopt(MTLCopyAllDevices());
  std::string names;
  for (NSUInteger i = 0; i < [all.get() count]; ++i) {
    id<MTLDevice> device = [all.get() objectAtIndex:i];
    const std::string name = text_of([device name]);
    if (asked == std::to_string(i) || lower(name).find(lower(asked)) != std::string::npos)
      return Owned<id<MTLDevice>>::retain(device);
    names += (i ? ", " : "") + std::to_string(i) + " (" + name + ")";
  }
  *why_not = "RINGWAY_METAL_DEVICE is '" + asked + "'; the devices are " + (names.empty() ? "none" : names);
  return {};
}

u32 newest_language() {
  if (@available(macOS 15.0, *)) return 320;
  return 300;
}

// RINGWAY_METAL_LANGUAGE asks for an older version than the newest, to test it.
u32 chosen_language(std::string* why_not) {
  const std::string asked = variable("RINGWAY_METAL_LANGUAGE");
  if (asked.empty()) return newest_language();
  const u32 version = asked == "3.0" ? 300 : asked == "3.2" ? 320 : 0;
  if (version && version <= newest_language()) return version;
  *why_not = "RINGWAY_METAL_LANGUAGE is '" + asked + "'; it must be 3.0" +
             (newest_language() < 320 ? "; 3.2 needs macOS 15" : " or 3.2");
  return 0;
}

Choice choose() {
  const AutoreleaseScope scope;
  Choice choice;
  choice.why_not = why_switched_off();
  if (!choice.why_not.empty()) return choice;
  Gpu& gpu = choice.gpu;
  const std::string asked = variable("RINGWAY_METAL_DEVICE");
  gpu.device = asked.empty() ? Owned<id<MTLDevice>>::adopt(MTLCreateSystemDefaultDevice())
                             : find_device(asked, &choice.why_not);
  if (!choice.why_not.empty()) return choice;
  id<MTLDevice> device = gpu.device.get();
  if (!device) {
    choice.why_not = "this machine has no Metal device";
    return choice;
  }
  gpu.name = text_of([device name]);
  if (![device supportsFamily:MTLGPUFamilyApple4] && ![device supportsFamily:MTLGPUFamilyMac2]) {
    choice.why_not =
        gpu.name + " has no grids of any number of threads, as GPUs of the families Apple4 and Mac2 have";
    return choice;
  }
  gpu.most_group_bytes = [device maxThreadgroupMemoryLength];
  gpu.most_buffer_bytes = [device maxBufferLength];
  gpu.language = chosen_language(&choice.why_not);
  return choice;
}

// Never destroyed: Metal's threads may outlive main().
const Choice& chosen() {
  static const Choice* const choice = new Choice(choose());
  return *choice;
}

}  // namespace

std::string why_no_gpu() {
  return chosen().why_not;
}

const Gpu& gpu() {
  if (!chosen().why_not.empty())
    throw Error(ErrorKind::kBackendUnavailable, "backend 'metal': " + chosen().why_not);
  return chosen().gpu;
}

std::string description(const Gpu& gpu) {
  return gpu.name + ", Metal Shading Language " + std::to_string(gpu.language / 100) + "." +
         std::to_string(gpu.language / 10 % 10);
}

}  // namespace ringway::metal
