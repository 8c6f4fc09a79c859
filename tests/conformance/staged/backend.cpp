#include "backend.h"

#include "backends/cpu/backend.h"
#include "core/error.h"

namespace ringway::staged {
namespace {

class Staged : public Backend {
 public:
  Staged(const HostServices& services, u32 workers) : cpu_(cpu::backend().make(services, workers)) {}

  std::string device() const override { return "staged " + cpu_->device(); }
  u32 workers() const override { return cpu_->workers(); }
  std::vector<const KernelType*> kernels() const override { return cpu_->kernels(); }

  std::shared_ptr<Port> launch(const LaunchSpec& spec) override {
    if (spec.options.bridge == BridgeKind::kDirect) {
      throw Error(
          ErrorKind::kInvalidOption,
          "bridge is 'direct'; the host does not see this device's memory: choose 'pumped' or 'auto'");
    }
    LaunchSpec pumped = spec;
    pumped.options.bridge = BridgeKind::kPumped;
    return cpu_->launch(pumped);
  }

  std::vector<std::shared_ptr<const Queue>> link(Port& from, Port& to, const LinkSpec& spec,
                                                 const Wait& until) override {
    return cpu_->link(from, to, spec, until);
  }
  void activate(Port& port) override { cpu_->activate(port); }
  void deactivate(Port& port) override { cpu_->deactivate(port); }
  bool has_input(Port& port, const Wait& until) override { return cpu_->has_input(port, until); }
  u64 retire(Port& port, const Wait& until) override { return cpu_->retire(port, until); }
  void quiesce(const Port* port, const Wait& until) override { cpu_->quiesce(port, until); }
  void stop() override { cpu_->stop(); }
  void abandon() override { cpu_->abandon(); }
  void notify(Port& port) override { cpu_->notify(port); }

 private:
  const std::unique_ptr<Backend> cpu_;
};

}  // namespace

BackendEntry backend() {
  BackendEntry entry{"staged", "", [](const HostServices& services, u32 workers) -> std::unique_ptr<Backend> {
                       return std::make_unique<Staged>(services, workers);
                     }};
  entry.parallel = 2;
  entry.most_elements = 500;
  return entry;
}

}  // namespace ringway::staged
