#include "bindings/event_call.h"

#include <thread>
#include <utility>

#include "core/error.h"

namespace ringway::bindings {
namespace {

struct WouldWait {};

thread_local const u32* cancelled_here = nullptr;

void check_cancelled() {
  if (atomic::load_relaxed(cancelled_here)) throw Error(ErrorKind::kClosed, "the call was cancelled");
}

}  // namespace

std::shared_ptr<EventCall> EventCall::now_or_start(const std::shared_ptr<CompletionPort>& port, u64 token,
                                                   Work work) {
  try {
    work([] { throw WouldWait(); });
  } catch (const WouldWait&) {
    return start(port, token, std::move(work));
  }
  return nullptr;
}

std::shared_ptr<EventCall> EventCall::start(const std::shared_ptr<CompletionPort>& port, u64 token,
                                            Work work) {
  std::shared_ptr<EventCall> call(new EventCall(port, token, std::move(work)));
  try {
    std::thread([call] { call->run(); }).detach();
  } catch (const std::system_error&) {
    throw Error(ErrorKind::kOutOfMemory, "the system gives no thread for a call that waits");
  }
  return call;
}

EventCall::EventCall(std::shared_ptr<CompletionPort> port, u64 token, Work work)
    : port_(std::move(port)), work_(std::move(work)) {
  node_.port = port_.get();
  node_.token = token;
}

void EventCall::run() {
  cancelled_here = &cancelled_;
  try {
    work_(&check_cancelled);
  } catch (...) {
    error_ = std::current_exception();
  }
  work_ = nullptr;
  port_->push(&node_);
}

}  // namespace ringway::bindings
