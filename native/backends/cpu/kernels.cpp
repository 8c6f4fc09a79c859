#include "backends/cpu/kernels.h"

#include <deque>

#include "backends/cpu/entry.h"
#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"

namespace ringway::cpu {
namespace {

// By PageRankError.
std::vector<std::string> pagerank_errors() {
  return {"plan, work or history is no buffer of this runtime that holds one",
          "a run is under way; wait for its answer, or cancel it first",
          "the message is not of the iteration under way"};
}

std::deque<Entry>& table() {
  static auto* all = new std::deque<Entry>{
      kernel_of<Echo>({.name = "echo", .accepts = {}, .emits = {}, .errors = {}}),
      kernel_of<Faulty>(
          {.name = "faulty", .accepts = {}, .emits = {}, .errors = {"told to fail", "told to break"}}),
      kernel_of<VectorOperation>({.name = "vector_op",
                                  .accepts = {"VectorRequest"},
                                  .emits = {},
                                  .body_size = 279,
                                  .errors = {"the body is not a VectorRequest"}}),
      kernel_of<PageRankSender<double>>(
          {.name = "pagerank.sender", .accepts = {}, .emits = {}, .errors = pagerank_errors()}),
      kernel_of<PageRankAggregator<double>>(
          {.name = "pagerank.aggregator", .accepts = {}, .emits = {}, .errors = pagerank_errors()}),
      kernel_of<PageRankChecker<double>>({.name = "pagerank.checker",
                                          .accepts = {"PageRankControl"},
                                          .emits = "PageRankReport",
                                          .body_size = sizeof(PageRankControl<double>),
                                          .errors = pagerank_errors()}),
      kernel_of<Relay>({.name = "relay", .accepts = {}, .emits = {}, .errors = {}}),
  };
  return *all;
}

}  // namespace

const Entry* find_entry(const std::string& name) {
  for (const Entry& entry : table()) {
    if (entry.type.name == name) return &entry;
  }
  return nullptr;
}

std::vector<const KernelType*> entries() {
  std::vector<const KernelType*> types;
  for (const Entry& entry : table()) types.push_back(&entry.type);
  return types;
}

void add_entry(Entry entry) {
  for (Entry& other : table()) {
    if (other.type.name == entry.type.name) {
      other = std::move(entry);
      return;
    }
  }
  table().push_back(std::move(entry));
}

}  // namespace ringway::cpu
