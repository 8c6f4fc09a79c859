// How a runtime ends.
#include <unordered_map>

#include "core/error.h"
#include "core/link_order.h"
#include "core/log.h"
#include "core/runtime.h"

namespace ringway {

Runtime::CloseReport Runtime::close(bool drain, const Wait& until) {
  if (forked()) return {};
  for (const auto& kernel : kernels()) kernel->check_elsewhere("Runtime.close");
  const auto closing = closing_.hold({Wait::kForever, until.check});
  if (ended_) return {};
  CloseReport reports;
  if (drain && !closed()) {
    reports = drain_all(until);
    // What the kernels sent goes where it is fed to.
    for (const auto& feed : feeds()) {
      if (feed->direction() == Feed::Direction::kToQueue) feed->wait(until);
    }
  }
  {
    std::lock_guard lock(changing_);
    // SYNC: partner the check_usable() of waiting calls, which their signals wake below.
    atomic::exchange_seq_cst(&closed_, 1U);
  }
  replies_.close();
  queues_.close();
  for (const auto& feed : feeds()) feed->stop();
  for (const auto& topic : topics()) topic->stop();
  std::string held_up;
  try {
    end_all(until.check, &reports);
  } catch (const Error& error) {
    abandon();
    if (error.kind() != ErrorKind::kTimeout) throw;
    held_up = error.what();
  } catch (...) {
    abandon();
    throw;
  }
  if (held_up.empty()) {
    forget_all();
    return reports;
  }
  throw Error(ErrorKind::kTimeout, "the runtime is closed, but " + held_up +
                                       "; its thread and the runtime's memory stay until it does");
}

Runtime::CloseReport Runtime::drain_all(const Wait& until) {
  struct NothingNew {
    Runtime& runtime;
    explicit NothingNew(Runtime& of) : runtime(of) { set(1); }
    ~NothingNew() { set(0); }
    void set(u32 on) {
      std::lock_guard lock(runtime.changing_);
      atomic::store_relaxed(&runtime.draining_, on);
    }
  } const nothing_new(*this);
  const auto known = kernels();  // keeps alive what is held
  std::vector<std::shared_ptr<Kernel>> all;
  std::vector<Exclusive::Held> held;
  for (const auto& kernel : known) {
    held.push_back(kernel->changing_.hold(until));
    if (!held.back()) {  // another call drains it, for longer than this one may take
      kernel->cut_drain();
      held.back() = hold(kernel->changing_, until.check);
    }
    if (!kernel->report_) all.push_back(kernel);
  }
  std::unordered_map<std::string, u32> numbers;
  for (const auto& kernel : all) numbers.emplace(kernel->name(), u32(numbers.size()));
  std::vector<std::pair<u32, u32>> ends;
  for (const TimedLink& link : links()) {
    const auto source = numbers.find(link.source), target = numbers.find(link.target);
    if (source != numbers.end() && target != numbers.end()) ends.emplace_back(source->second, target->second);
  }
  std::vector<Kernel::Group> groups;
  for (const auto& group : in_link_order(u32(all.size()), ends)) {
    for (auto& members = groups.emplace_back(); const u32 number : group) members.push_back(all[number]);
  }
  CloseReport reports;
  Kernel::end(groups, true, until);
  for (const auto& group : groups) {
    for (const auto& kernel : group) reports.emplace_back(kernel->name(), *kernel->report_);
  }
  return reports;
}

// The runtime is closed already: nobody else begins to end a kernel.
void Runtime::end_all(void (*check)(), CloseReport* reports) {
  const auto all = kernels();
  for (const auto& kernel : all) kernel->cut_drain();
  backend_->quiesce(nullptr, patient(check));
  for (const auto& kernel : all) {
    const auto held = kernel->changing_.hold(patient(check));
    if (kernel->report_) continue;
    Kernel::end({{kernel}}, false, {Wait::kForever, check});
    reports->emplace_back(kernel->name(), *kernel->report_);
  }
  backend_->stop();
  pump_->stop();
}

// A handler still uses the backend, the reply cells and the buffers: they are never freed.
void Runtime::abandon() {
  static auto* const kept = new std::vector<std::shared_ptr<Runtime>>;
  static std::mutex keeping;
  {
    std::lock_guard lock(keeping);
    kept->push_back(shared_from_this());
  }
  atomic::store_relaxed(&abandoned_, 1U);
  backend_->abandon();
  for (const auto& kernel : kernels()) {
    announce_room(kernel->port());
    announce_output(kernel->port());
  }
  forget_all();
}

void Runtime::forget_all() {
  recorder_->stop();
  {
    // They go after the lock, as in take_done().
    decltype(kernels_) kernels;
    decltype(feeds_) feeds;
    decltype(topics_) topics;
    std::lock_guard list(listing_);
    kernels.swap(kernels_);
    feeds.swap(feeds_);
    topics.swap(topics_);
  }
  ended_ = true;
  log::info({"closed", {}, name()}, [&] { return "runtime on " + backend_name_ + " closed"; });
}

}  // namespace ringway
