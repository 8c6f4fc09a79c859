#include "backends/metal/kernels.h"

#include <type_traits>
#include <utility>

#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"

namespace ringway::metal {
namespace {

template <class Handler>
RingEntry kernel_of(std::string function, KernelType type) {
  static_assert(std::is_trivially_copyable_v<typename Handler::State>, "state is zero-filled memory");
  return {std::move(type), std::move(function), u32(sizeof(typename Handler::State))};
}

// By PageRankError.
std::vector<std::string> pagerank_errors() {
  return {"plan, work or history is no buffer of this runtime that holds one",
          "a run is under way; wait for its answer, or cancel it first",
          "the message is not of the iteration under way"};
}

const std::vector<RingEntry>& table() {
  static const auto* const all = new std::vector<RingEntry>{
      kernel_of<Echo>("ring_echo", {.name = "echo", .accepts = {}, .emits = {}, .errors = {}}),
      kernel_of<Faulty>(
          "ring_faulty",
          {.name = "faulty", .accepts = {}, .emits = {}, .errors = {"told to fail", "told to break"}}),
      kernel_of<VectorOperation>("ring_vector_op", {.name = "vector_op",
                                                    .accepts = {"VectorRequest"},
                                                    .emits = {},
                                                    .body_size = 279,
                                                    .errors = {"the body is not a VectorRequest"}}),
      kernel_of<PageRankSender<float>>(
          "ring_pagerank_sender",
          {.name = "pagerank.sender", .accepts = {}, .emits = {}, .errors = pagerank_errors()}),
      kernel_of<PageRankAggregator<float>>(
          "ring_pagerank_aggregator",
          {.name = "pagerank.aggregator", .accepts = {}, .emits = {}, .errors = pagerank_errors()}),
      kernel_of<PageRankChecker<float>>("ring_pagerank_checker", {.name = "pagerank.checker",
                                                                  .accepts = {"PageRankControl"},
                                                                  .emits = "PageRankReport",
                                                                  .body_size = sizeof(PageRankControl<float>),
                                                                  .errors = pagerank_errors()}),
      kernel_of<Relay>("ring_relay", {.name = "relay", .accepts = {}, .emits = {}, .errors = {}}),
  };
  return *all;
}

}  // namespace

const RingEntry* find_entry(const std::string& name) {
  for (const RingEntry& entry : table()) {
    if (entry.type.name == name) return &entry;
  }
  return nullptr;
}

std::vector<const KernelType*> entries() {
  std::vector<const KernelType*> types;
  for (const RingEntry& entry : table()) types.push_back(&entry.type);
  return types;
}

}  // namespace ringway::metal
