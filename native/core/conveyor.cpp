#include "core/conveyor.h"

#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/process.h"

namespace ringway {

Conveyor::Conveyor(std::string name, std::string subject)
    : name_(std::move(name)), subject_(std::move(subject)), process_(process_number()) {}

void Conveyor::start(std::function<void()> move) {
  move_ = std::move(move);
  try {
    thread_ = std::make_unique<std::thread>([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::kInvalidState, "the thread of " + name_ + " cannot be started: " + error.what());
  }
}

Conveyor::~Conveyor() {
  // A forked child does not have the thread.
  if (process_ != process_number()) (void)thread_.release();
  if (thread_) stop([] {});
}

void Conveyor::stop(const std::function<void()>& wake) {
  if (process_ != process_number()) return;
  atomic::store_relaxed(&stop_, 1U);
  wake();
  wait({});
  if (thread_->joinable()) thread_->join();
}

bool Conveyor::wait(const Wait& until) {
  return finished_.wait(until, [this] { return done(); });
}

void Conveyor::run() {
  log::debug({"feed", subject_}, [&] { return name_ + " runs"; });
  try {
    while (!stopping()) move_();
    why_ = "it was stopped";
  } catch (const std::exception& error) {
    why_ = error.what();
  }
  log::debug({"feed", subject_}, [&] { return name_ + " has ended: " + why_; });
  // SYNC: partner done(): the text.
  atomic::exchange_seq_cst(&done_, 1U);
  finished_.notify();
}

}  // namespace ringway
