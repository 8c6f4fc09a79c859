#include "core/dispatch.h"
#include "core/log.h"
#include "ringway/atomics_runtime.h"

namespace ringway {

bool DispatchJob::done() const {
  // SYNC: partner store_release in finish(): what the threads wrote is seen.
  return atomic::load_acquire(&done_) != 0;
}

void DispatchJob::check() const {
  std::lock_guard lock(changing_);
  if (!failure_.empty()) throw Error(kind_, failure_);
}

bool DispatchJob::listen(CompletionPort* port, u64 token) {
  std::lock_guard lock(changing_);
  if (done()) return false;
  Completion& listener = listeners_.emplace_back();
  listener.port = port;
  listener.token = token;
  return true;
}

bool DispatchJob::withdraw(CompletionPort* port, u64 token) {
  std::lock_guard lock(changing_);
  if (done()) return false;
  std::erase_if(listeners_,
                [&](const Completion& listener) { return listener.port == port && listener.token == token; });
  return true;
}

bool DispatchJob::wait(const Wait& until) {
  return finished_.wait(until, [this] { return done(); });
}

void DispatchJob::finish(ErrorKind kind, const std::string& failure) {
  {
    std::lock_guard lock(changing_);
    kind_ = kind;
    failure_ = failure;
    // SYNC: partner load_acquire in done().
    atomic::store_release(&done_, 1U);
    for (Completion& listener : listeners_) listener.port->push(&listener);
  }
  finished_.notify();
  log::debug({"dispatched"},
             [&] { return "dispatch " + text_of(request) + (failure.empty() ? ": done" : ": " + failure); });
}

}  // namespace ringway
