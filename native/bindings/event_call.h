// A call that may wait for a handler or a drain, for an event loop: at once where nothing is to be waited for, else on
// a thread of its own, without the GIL.
#pragma once
#include <exception>
#include <functional>
#include <memory>

#include "core/completion.h"
#include "core/runtime.h"

namespace ringway::bindings {

class EventCall {
 public:
  // What Wait::check is; what it throws ends the call.
  using Check = void (*)();
  using Work = std::function<void(Check)>;

  // Null: the work is done, and has waited for nothing. Throws what it throws.
  static std::shared_ptr<EventCall> now_or_start(const std::shared_ptr<CompletionPort>& port, u64 token,
                                                 Work work);
  // `port` gets `token` at the end.
  static std::shared_ptr<EventCall> start(const std::shared_ptr<CompletionPort>& port, u64 token, Work work);

  // Ends the wait soon; the token comes nevertheless.
  void cancel() { atomic::store_relaxed(&cancelled_, 1U); }
  // After the token came: throws what the work threw.
  void check() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  EventCall(std::shared_ptr<CompletionPort> port, u64 token, Work work);
  void run();

  const std::shared_ptr<CompletionPort> port_;
  Completion node_;
  Work work_;
  u32 cancelled_ = 0;
  std::exception_ptr error_;
};

}  // namespace ringway::bindings
