// What the runtime's tests share: a runtime with chosen workers, messages of plain bytes.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/cpu/entry.h"
#include "backends/cpu/kernels.h"
#include "core/error.h"
#include "core/runtime.h"
#include "core/type_id.h"

namespace ringway::test {

inline std::shared_ptr<Runtime> start(u32 workers = 2, bool assist = true) {
  register_backend(cpu::backend());
  return Runtime::start({.backend = "cpu", .workers = workers, .assist = assist});
}

// What the runtime's tests run with: whether callers may run kernels, and how messages reach them.
struct Mode {
  const char* name;
  bool assist;
  BridgeKind bridge;
};
inline const Mode kModes[] = {{"Assist", true, BridgeKind::kDirect},
                              {"NoAssist", false, BridgeKind::kDirect},
                              {"Pumped", true, BridgeKind::kPumped}};
inline std::string name_of_mode(const ::testing::TestParamInfo<Mode>& info) {
  return info.param.name;
}
inline LaunchOptions in_mode(const Mode& mode, LaunchOptions options = {}) {
  options.bridge = mode.bridge;
  return options;
}

inline std::span<const u8> bytes_of(const std::string& text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

inline std::string text_of(std::span<const u8> bytes) {
  return {bytes.begin(), bytes.end()};
}

inline Envelope plain() {
  Envelope envelope{};
  fresh_id(envelope.message_id);
  envelope.priority = 128;
  return envelope;
}

inline std::string ask(Kernel& kernel, const std::string& text, double timeout = 20) {
  auto* cell = kernel.ask(plain(), bytes_of(text), "");
  struct Back {
    Kernel& kernel;
    Kernel::Cell* cell;
    ~Back() { kernel.runtime().replies().give_back(cell); }
  } back{kernel, cell};
  return text_of(kernel.wait(cell, Wait::seconds(timeout), timeout).body);
}

inline void send(Kernel& kernel, const std::string& text) {
  kernel.send(plain(), bytes_of(text), "");
}

inline std::string receive(Kernel& kernel, double timeout = 20) {
  Message message;
  if (!kernel.receive(&message, Wait::seconds(timeout))) return "(nothing)";
  return text_of(message.body);
}

template <class Call>
ErrorKind kind_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return ErrorKind::kGraph;
}

}  // namespace ringway::test
