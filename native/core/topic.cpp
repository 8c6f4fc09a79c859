#include "core/topic.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "core/error.h"
#include "core/log.h"

namespace ringway {
namespace {

constexpr double kTurn = 5e-4;  // seconds: the delay that one full mailbox may be to another

}  // namespace

Topic::Topic(std::shared_ptr<NamedQueue> queue, const BodyFields& fields)
    : source_(std::move(queue), fields),
      conveyor_("the topic of queue '" + source_.queue()->name() + "'", source_.queue()->name()) {
  conveyor_.start([this] { move(); });
}

void Topic::subscribe(std::shared_ptr<Kernel> kernel) {
  source_.check_taker(*kernel);
  const std::lock_guard lock(lock_);
  if (std::find(subscribers_.begin(), subscribers_.end(), kernel) != subscribers_.end()) {
    throw Error(ErrorKind::kInvalidOption,
                "kernel '" + kernel->name() + "' has subscribed to queue '" + queue()->name() + "' already");
  }
  subscribers_.push_back(std::move(kernel));
}

bool Topic::unsubscribe(const Kernel& kernel) {
  const bool removed = remove(kernel);
  if (removed) announce_room(kernel.port());  // the thread may wait there
  return removed;
}

bool Topic::remove(const Kernel& kernel) {
  const std::lock_guard lock(lock_);
  return std::erase_if(subscribers_, [&](const auto& one) { return one.get() == &kernel; }) != 0;
}

std::vector<std::shared_ptr<Kernel>> Topic::subscribers() {
  const std::lock_guard lock(lock_);
  std::erase_if(subscribers_, [](const auto& kernel) {
    const State now = kernel->state();
    return now == State::kTerminated || now == State::kFailed;
  });
  return subscribers_;
}

void Topic::stop() {
  conveyor_.stop([this] {
    for (const auto& kernel : subscribers()) announce_room(kernel->port());
  });
}

void Topic::move() {
  struct LetGo {
    QueueSource& source;
    ~LetGo() { source.let_go(); }
  } let_go{source_};
  Message message{};
  const auto took = source_.take(&message, [this] { return conveyor_.stopping(); });
  if (took == QueueSource::Took::kNothing) return;
  atomic::count(&taken_, 1);
  took == QueueSource::Took::kMessage ? deliver(message) : atomic::count(&refused_, 1);
}

void Topic::deliver(const Message& message) {
  const auto all = subscribers();
  if (all.empty()) return atomic::count(&unheard_, 1);
  std::deque<std::shared_ptr<Kernel>> full;
  for (const auto& kernel : all) {
    if (put(kernel, message) == Put::kFull) full.push_back(kernel);
  }
  while (!full.empty() && !conveyor_.stopping()) {
    // Of several, each is waited for a little in turn.
    const auto kernel = full.front();
    full.pop_front();
    bool done = false;
    kernel->port().room.wait(full.empty() ? Wait{} : Wait::seconds(kTurn), [&] {
      done = put(kernel, message) == Put::kDone;
      return done || conveyor_.stopping();
    });
    if (!done) full.push_back(kernel);
  }
  for (const auto& kernel : full) {
    kernel->dead_letters().add(LetterReason::kClosed, &message.envelope, message.body,
                               conveyor_.name() + " was stopped before there was room");
  }
}

Topic::Put Topic::put(const std::shared_ptr<Kernel>& kernel, const Message& message) {
  const std::lock_guard lock(lock_);
  if (std::find(subscribers_.begin(), subscribers_.end(), kernel) == subscribers_.end()) return Put::kDone;
  try {
    if (!kernel->try_feed(message.envelope, message.body)) return Put::kFull;
    atomic::count(&delivered_, 1);
  } catch (const Error& error) {
    const bool refused =
        error.kind() == ErrorKind::kTypeMismatch || error.kind() == ErrorKind::kMessageTooLarge;
    kernel->dead_letters().add(refused ? LetterReason::kRefused : LetterReason::kClosed, &message.envelope,
                               message.body, error.what());
    atomic::count(&refused_, 1);
    if (!refused) {
      log::debug({"feed", kernel->name()}, [&] {
        return conveyor_.name() + " loses kernel '" + kernel->name() + "': " + error.what();
      });
      std::erase(subscribers_, kernel);
    }
  }
  return Put::kDone;
}

}  // namespace ringway
