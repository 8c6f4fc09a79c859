#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>

#include "core/error.h"
#include "core/graph/plan.h"

namespace ringway {
namespace {

void check_vector(std::span<const double> values, std::uint32_t nodes, const std::string& name) {
  if (values.empty()) return;
  if (values.size() != nodes) {
    throw Error(ErrorKind::kInvalidOption, name + " has " + std::to_string(values.size()) +
                                               " elements; the graph has " + std::to_string(nodes) +
                                               " nodes");
  }
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] < 0) {
      throw Error(ErrorKind::kInvalidOption, name + "[" + std::to_string(i) + "] is " +
                                                 std::to_string(values[i]) +
                                                 "; every element must be finite and not negative");
    }
    sum += values[i];
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw Error(ErrorKind::kInvalidOption,
                name + " adds up to " + std::to_string(sum) + "; one element at least must be above zero");
  }
}

// values[v] / sum at the position of v.
template <class T>
void place(const PageRankPlan& plan, std::span<const double> values, T* out) {
  const double scale = 1.0 / std::accumulate(values.begin(), values.end(), 0.0);
  const auto positions = plan.positions();
  for (std::size_t v = 0; v < values.size(); ++v) {
    out[positions.empty() ? v : positions[v]] = static_cast<T>(values[v] * scale);
  }
}

}  // namespace

PageRankWork::PageRankWork(PageRankPlan::Ptr plan) : plan_(std::move(plan)) {
  const PlanHeader& shape = plan_->header();
  std::uint64_t end = sizeof(WorkHeader<double>);
  const auto reserve = [&end](std::uint64_t bytes) {
    const std::uint64_t at = (end + 63) / 64 * 64;
    end = at + bytes;
    return at;
  };
  const std::uint64_t vector = std::uint64_t{shape.nodes} * shape.value_bytes;
  WorkHeader<double> header{};
  header.magic = kWorkMagic;
  header.parts = reserve(shape.shards * sizeof(PageRankPart<double>));
  header.rank = reserve(vector);
  header.sum = reserve(vector);
  header.contribution = reserve(shape.contributions * shape.value_bytes);
  header.teleport = reserve(vector);
  header.dangling = reserve(vector);
  header.bytes = end;
  memory_ = AlignedBytes(end);
  std::memcpy(memory_.data(), &header, sizeof header);
  std::memset(memory_.data() + header.sum, 0, vector);
  std::memset(memory_.data() + header.contribution, 0, shape.contributions * shape.value_bytes);
}

void PageRankWork::start(const Start& start) {
  const std::uint32_t nodes = plan_->header().nodes;
  if (!(start.damping >= 0 && start.damping <= 1)) {
    throw Error(ErrorKind::kInvalidOption,
                "damping is " + std::to_string(start.damping) + "; it must be between 0 and 1");
  }
  check_vector(start.personalization, nodes, "personalization");
  check_vector(start.dangling, nodes, "dangling");
  check_vector(start.ranks, nodes, "nstart");
  header().damping.value = start.damping;
  if (plan_->header().value_bytes == 4) {
    start_as<float>(start);
  } else {
    start_as<double>(start);
  }
}

template <class T>
void PageRankWork::start_as(const Start& start) {
  const std::uint32_t nodes = plan_->header().nodes;
  WorkHeader<double>& run = header();
  T* teleport = array<T>(run.teleport);
  run.teleport_mode = kTeleportEvenly;
  if (!start.personalization.empty()) {
    run.teleport_mode = kTeleportByVector;
    place<T>(*plan_, start.personalization, teleport);
  }
  if (!start.dangling.empty()) {
    if (run.teleport_mode == kTeleportEvenly) std::fill_n(teleport, nodes, static_cast<T>(1.0 / nodes));
    run.teleport_mode = kTeleportAndDanglingByVectors;
    place<T>(*plan_, start.dangling, array<T>(run.dangling));
  }
  T* rank = array<T>(run.rank);
  if (start.ranks.empty()) {
    std::fill_n(rank, nodes, static_cast<T>(1.0 / nodes));
    run.dangling_mass.value = static_cast<double>(plan_->dangling_nodes()) / nodes;
    return;
  }
  place<T>(*plan_, start.ranks, rank);
  run.dangling_mass.value = 0;
  const auto inverse = plan_->inverse<T>();
  for (std::uint32_t i = 0; i < nodes; ++i)
    run.dangling_mass.value += inverse[i] == 0 ? static_cast<double>(rank[i]) : 0.0;
}

template <class T>
void PageRankWork::collect_as(std::span<T> out) const {
  if (out.size() != plan_->header().nodes || sizeof(T) != plan_->header().value_bytes) {
    throw Error(ErrorKind::kInvalidOption, "ranks need one value of the plan's width per node");
  }
  const T* rank = array<T>(header().rank);
  const double scale = 1.0 / std::accumulate(rank, rank + out.size(), 0.0);
  const auto positions = plan_->positions();
  for (std::size_t v = 0; v < out.size(); ++v) {
    out[v] = static_cast<T>(static_cast<double>(rank[positions.empty() ? v : positions[v]]) * scale);
  }
}

void PageRankWork::collect(std::span<float> out) const {
  collect_as(out);
}
void PageRankWork::collect(std::span<double> out) const {
  collect_as(out);
}

}  // namespace ringway
