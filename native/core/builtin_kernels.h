// The ring kernels that every backend has, as callers see them; a backend makes its entries of them.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/backend.h"
#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"

namespace ringway {

// Calls `add.operator()<Handler>(type)` for each. `Real` is the backend's widest number.
template <class Real, class Add>
void for_each_builtin_kernel(Add add) {
  // By PageRankError.
  const std::vector<std::string> of_pagerank = {
      "plan, work or history is no buffer of this runtime that holds one",
      "a run is under way; wait for its answer, or cancel it first",
      "the message is not of the iteration under way"};
  add.template operator()<Echo>(KernelType{.name = "echo", .accepts = {}, .emits = {}, .errors = {}});
  add.template operator()<Faulty>(
      KernelType{.name = "faulty", .accepts = {}, .emits = {}, .errors = {"told to fail", "told to break"}});
  add.template operator()<VectorOperation>(KernelType{.name = "vector_op",
                                                      .accepts = {"VectorRequest"},
                                                      .emits = {},
                                                      .body_size = 279,
                                                      .errors = {"the body is not a VectorRequest"}});
  add.template operator()<PageRankSender<Real>>(
      KernelType{.name = "pagerank.sender", .accepts = {}, .emits = {}, .errors = of_pagerank});
  add.template operator()<PageRankAggregator<Real>>(
      KernelType{.name = "pagerank.aggregator", .accepts = {}, .emits = {}, .errors = of_pagerank});
  add.template operator()<PageRankChecker<Real>>(KernelType{.name = "pagerank.checker",
                                                            .accepts = {"PageRankControl"},
                                                            .emits = "PageRankReport",
                                                            .body_size = sizeof(PageRankControl<Real>),
                                                            .errors = of_pagerank});
  add.template operator()<Relay>(KernelType{.name = "relay", .accepts = {}, .emits = {}, .errors = {}});
}

// Of entries with a member `type`; null when none has the name.
template <class Entries>
auto* find_kernel(Entries& entries, const std::string& name) {
  for (auto& entry : entries) {
    if (entry.type.name == name) return &entry;
  }
  return static_cast<decltype(&*entries.begin())>(nullptr);
}

template <class Entries>
std::vector<const KernelType*> types_of(const Entries& entries) {
  std::vector<const KernelType*> types;
  for (const auto& entry : entries) types.push_back(&entry.type);
  return types;
}

}  // namespace ringway
