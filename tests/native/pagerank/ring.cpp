#include "native/pagerank/ring.h"

#include <algorithm>

namespace ringway::testing {
namespace {

constexpr std::uint32_t kStride = 256;

template <class Handler>
auto drain_of(typename Handler::State* state) {
  return [state](Context* context, unsigned char* first, std::uint32_t stride, std::uint32_t n,
                 DrainStatus* status) { return Handler::drain(context, first, stride, n, state, status); };
}

}  // namespace

Ring::Ring(std::uint32_t shards, std::size_t capacity, std::uint64_t seed) : random_(seed) {
  const auto add = [this](const std::string& name, auto drain) -> Kernel& {
    kernels_.push_back({name, {link("host", name, SIZE_MAX)}, {link(name, "host", SIZE_MAX)}, drain});
    return kernels_.back();
  };
  for (std::uint32_t s = 0; s < shards; ++s) {
    senders_.push_back({});
    add("sender" + std::to_string(s), drain_of<PageRankSender<double>>(&senders_.back()));
  }
  for (std::uint32_t s = 0; s < shards; ++s) {
    aggregators_.push_back({});
    add("aggregator" + std::to_string(s), drain_of<PageRankAggregator<double>>(&aggregators_.back()));
  }
  add("checker", drain_of<PageRankChecker<double>>(&checker_));
  const auto connect = [&](Kernel& from, Kernel& to) {
    Link* made = link(from.name, to.name, capacity);
    from.outputs.push_back(made);
    to.inputs.push_back(made);
  };
  Kernel& checker = kernels_.back();
  for (std::uint32_t k = 0; k < shards; ++k) {
    for (std::uint32_t d = 0; d < shards; ++d) connect(kernels_[k], kernels_[shards + d]);
  }
  for (std::uint32_t d = 0; d < shards; ++d) connect(kernels_[shards + d], checker);
  for (std::uint32_t k = 0; k < shards; ++k) connect(checker, kernels_[k]);
}

Link* Ring::link(const std::string& from, const std::string& to, std::size_t capacity) {
  links_.push_back({from + ">" + to, capacity, {}, 0});
  return &links_.back();
}

void Ring::send(const PageRankControl<double>& control, std::uint32_t id) {
  Bytes message(sizeof(Envelope) + sizeof control);
  Envelope envelope{};
  envelope.message_id[0] = id;
  std::memcpy(message.data(), &envelope, sizeof envelope);
  std::memcpy(message.data() + sizeof(Envelope), &control, sizeof control);
  kernels_.back().inputs[0]->messages.push_back(std::move(message));
}

void Ring::run(std::uint64_t steps) {
  for (std::uint64_t idle = 0; steps != 0 && idle < 1000; --steps) {
    if (step()) {
      idle = 0;
    } else {
      const bool waiting =
          std::any_of(links_.begin(), links_.end(), [](const Link& l) { return !l.messages.empty(); });
      if (!waiting) return;
      ++idle;
    }
  }
}

// One drain of a kernel and an input that have a message, both drawn at random; false when nothing came of
// it.
bool Ring::step() {
  std::vector<std::pair<Kernel*, std::uint32_t>> ready;
  for (Kernel& kernel : kernels_) {
    for (std::uint32_t i = 0; i < kernel.inputs.size(); ++i) {
      if (!kernel.inputs[i]->messages.empty()) ready.emplace_back(&kernel, i);
    }
  }
  std::shuffle(ready.begin(), ready.end(), random_);
  for (auto& [kernel, input] : ready) {
    const std::size_t before = kernel->inputs[input]->messages.size();
    drain(*kernel, input);
    if (kernel->inputs[input]->messages.size() != before) return true;
  }
  return false;
}

void Ring::drain(Kernel& kernel, std::uint32_t input) {
  Link& from = *kernel.inputs[input];
  const auto n = static_cast<std::uint32_t>(1 + random_() % from.messages.size());
  std::vector<std::uint64_t> slots(n * kStride / 8);
  auto* first = reinterpret_cast<unsigned char*>(slots.data());
  for (std::uint32_t i = 0; i < n; ++i) {
    std::memcpy(first + i * kStride + 8, from.messages[i].data(), from.messages[i].size());
  }
  Context context(*this, kernel, input);
  DrainStatus status{kDrained, 0};
  std::uint32_t done = kernel.drain(&context, first, kStride, n, &status);
  if (done < n && status.code == kFailed) {
    errors.emplace_back(kernel.name, status.error);
    ++done;
  }
  from.messages.erase(from.messages.begin(), from.messages.begin() + done);
  Link& out = *kernel.outputs[0];
  for (const Bytes& message : out.messages) {
    PageRankReport<double> report;
    std::memcpy(&report, message.data(), sizeof report);
    reports.push_back(report);
  }
  out.messages.clear();
}

std::uint64_t Ring::passed(const std::string& prefix) const {
  std::uint64_t sum = 0;
  for (const Link& link : links_) sum += link.name.rfind(prefix, 0) == 0 ? link.passed : 0;
  return sum;
}

}  // namespace ringway::testing
