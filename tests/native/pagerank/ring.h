// The three kernels on one thread, over links of little capacity, run in an order drawn at random: every
// result that depends on timing shows as a difference between two seeds.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/plan.h"
#include "ringway/kernels/pagerank.h"

namespace ringway::testing {

using Bytes = std::vector<unsigned char>;

struct Link {
  std::string name;
  std::size_t capacity = 0;
  std::deque<Bytes> messages;
  std::uint64_t passed = 0;
};

class Ring {
 public:
  // Called for each message about to enter a link; false loses it.
  using Filter = std::function<bool(const std::string& link, const void* message)>;

  Ring(std::uint32_t shards, std::size_t capacity, std::uint64_t seed);

  std::uint64_t add_buffer(void* memory, std::uint64_t bytes) {
    buffers_.emplace_back(static_cast<unsigned char*>(memory), bytes);
    return buffers_.size();
  }
  // As a request with this id.
  void send(const PageRankControl<double>& control, std::uint32_t id = 1);
  // Runs kernels until no message can move, or until `steps` drains.
  void run(std::uint64_t steps = UINT64_MAX);

  std::vector<PageRankReport<double>> reports;
  std::vector<std::pair<std::uint32_t, PageRankReport<double>>> answers;  // by the request's id
  std::vector<std::pair<std::string, std::uint32_t>> errors;              // kernel, number
  Filter filter;

  std::uint64_t passed(const std::string& prefix) const;

 private:
  struct Kernel {
    std::string name;
    std::vector<Link*> inputs, outputs;  // [0]: mailbox, reports
    std::function<std::uint32_t(class Context*, unsigned char*, std::uint32_t, std::uint32_t, DrainStatus*)>
        drain;
  };
  friend class Context;

  Link* link(const std::string& from, const std::string& to, std::size_t capacity);
  bool step();
  void drain(Kernel& kernel, std::uint32_t input);

  std::vector<std::pair<unsigned char*, std::uint64_t>> buffers_;
  std::deque<Link> links_;
  std::deque<Kernel> kernels_;
  std::deque<PageRankSender<double>::State> senders_;
  std::deque<PageRankAggregator<double>::State> aggregators_;
  PageRankChecker<double>::State checker_{};
  std::mt19937_64 random_;
};

// What a handler sees (ringway/handler.h). Finds no room now and then even where there is some.
class Context {
 public:
  Context(Ring& ring, Ring::Kernel& kernel, std::uint32_t input)
      : ring_(ring), kernel_(kernel), input_(input) {}

  u32 input() const { return input_; }
  u8* reserve(u32 output, u32 bytes) {
    const Link& link = *kernel_.outputs[output];
    if (link.messages.size() >= link.capacity || ring_.random_() % 4 == 0) return nullptr;
    room_.assign(bytes, 0xcd);
    return room_.data();
  }
  void commit(u32 output, u32) {
    Link& link = *kernel_.outputs[output];
    if (ring_.filter && !ring_.filter(link.name, room_.data())) return;
    link.messages.push_back(room_);
    ++link.passed;
  }
  u8* reserve_answer(const Envelope* request, u32 type_id, u32 bytes) {
    EXPECT_EQ(type_id, static_cast<u32>(kPageRankReportType));
    if (ring_.random_() % 2 == 0) return nullptr;
    answer_to_ = request->message_id[0];
    room_.assign(bytes, 0xcd);
    return room_.data();
  }
  void commit_answer(u32) {
    PageRankReport<double> report;
    std::memcpy(&report, room_.data(), sizeof report);
    ring_.answers.emplace_back(answer_to_, report);
  }
  u8* buffer(u64 handle, u64* bytes) const {
    if (handle == 0 || handle > ring_.buffers_.size()) return nullptr;
    *bytes = ring_.buffers_[handle - 1].second;
    return ring_.buffers_[handle - 1].first;
  }
  u64 now_us() const { return 0; }

 private:
  Ring& ring_;
  Ring::Kernel& kernel_;
  std::uint32_t input_;
  Bytes room_;
  std::uint32_t answer_to_ = 0;
};

}  // namespace ringway::testing
