// A launched kernel as its users see it: messages in, messages out, state, counters. Every method may be
// called from any thread.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/body_fields.h"
#include "core/bridge.h"
#include "core/channel.h"
#include "core/dead_letters.h"
#include "core/exclusive.h"
#include "core/lifecycle.h"
#include "core/patience.h"
#include "core/telemetry.h"

namespace ringway {

class Runtime;

struct TerminateReport {
  u64 processed;
  u64 left_over;  // discarded
  double uptime;
};

struct Message {
  Envelope envelope;
  std::vector<u8> body;
};

class Kernel : public std::enable_shared_from_this<Kernel> {
 public:
  using Cell = ReplyPool::Cell;

  Kernel(std::shared_ptr<Runtime> runtime, const KernelType& type, std::string name, const LaunchSpec& spec,
         std::shared_ptr<Port> port);

  const std::string& name() const { return name_; }
  std::shared_ptr<const KernelType> type() const;  // of what has replaced it, once something has
  const std::vector<u8>& first_state() const { return first_state_; }
  const LaunchOptions& options() const { return options_; }
  std::int64_t grid() const { return grid_; }
  std::int64_t block() const { return block_; }
  Port& port() const { return *port_; }
  Runtime& runtime() const { return *runtime_; }
  State state() const;
  std::string failure() const;
  bool stuck() const { return atomic::load_relaxed(&port_->stuck) != 0; }
  // Without stopping anything: in less than a microsecond.
  Telemetry telemetry() const;
  void reset_telemetry();
  bool telemetry_enabled() const { return atomic::load_relaxed(&port_->telemetry) != 0; }
  // Off: counters stand still and nothing is timed, from the kernel's next turn on.
  void enable_telemetry(bool on) { atomic::store_relaxed(&port_->telemetry, u32(on)); }
  // Nothing waits for it and it has returned from what it had; or it has ended.
  bool idle() const;

  // Of a user's kernel, as Backend::look_at().
  void look_at_resident(std::int64_t replica, const Backend::Look& look, const Wait& until);

  // Puts another kernel of a program's in the place of this one, of that type, between two messages: it goes on with
  // mailbox, links and name. `make` is called with the replicas as they are then, on this thread, without a lock; what it throws leaves
  // all as it was. One that has failed takes messages again.
  using Make = std::function<Replacement(const std::vector<Resident*>&)>;
  void replace(const KernelType& with, const Make& make, void (*check)() = nullptr);

  // Transitions: one at a time for each kernel, behind its `changing_`; kernels do not wait for each other.
  // `check` is Wait's. When they throw, the kernel is what it was before.
  void activate(void (*check)() = nullptr);
  void deactivate(void (*check)() = nullptr);
  // Handles what is left until `until` is over, if `drain`; then discards. While another call drains the kernel it
  // throws kInvalidState; without `drain` it cuts that one short instead, and both return the report. So does the end
  // of the runtime.
  TerminateReport terminate(bool drain, const Wait& until);

  // For `timeout` seconds, or the kernel's block time-out.
  Patience patience(std::optional<double> timeout, void (*check)()) const;
  // Within which a request must be answered: `timeout`, or the kernel's message time-out, in seconds.
  double answer_time(std::optional<double> timeout) const {
    return timeout.value_or(options_.message_timeout);
  }
  // For such a request.
  Patience patience_of_request(std::optional<double> timeout, void (*check)()) const;

  // Puts a message into the mailbox. `type_name` is for texts. False: dropped, by policy drop_new or drop_oldest, and
  // counted.
  bool send(Envelope envelope, std::span<const u8> body, const std::string& type_name,
            const Patience& patience);
  bool send(Envelope envelope, std::span<const u8> body, const std::string& type_name) {
    return send(envelope, body, type_name, patience({}, nullptr));
  }

  // As send(), but nothing instead of a wait for room.
  std::optional<bool> try_send(Envelope envelope, std::span<const u8> body, const std::string& type_name);

  // As try_send(), but nothing instead of a refusal too.
  std::optional<bool> try_feed(const Envelope& envelope, std::span<const u8> body);

  // As try_send(), for n bodies of `bytes` bytes each, `stride` bytes apart, under copies of `envelope` with what `fields`
  // says of each and else ids of their own, as far as there is room now: how many are done, and in `dropped` how many of these the policy dropped. Under kReject
  // too, what finds no room is left.
  u32 try_send_many(Envelope envelope, const BodyFields& fields, const u8* first, std::ptrdiff_t stride,
                    u32 n, u32 bytes, const std::string& type_name, u32* dropped);

  // Puts a dead letter, of this or of another kernel, into the mailbox: as send(), or try_send() without patience.
  std::optional<bool> resend(const DeadLetter& letter, const Patience* patience);
  DeadLetters& dead_letters() { return port_->dead_letters; }

  // Throws what `patience` says and counts `messages` as refused: for callers that wait for room on their own.
  [[noreturn]] void refuse(const Envelope& envelope, const Patience& patience, u64 messages = 1) const;

  // A request in three steps: ask, then wait (or listen), then read the reply and give the cell back.
  Cell* ask(Envelope envelope, std::span<const u8> body, const std::string& type_name,
            const Patience& patience);
  Cell* ask(Envelope envelope, std::span<const u8> body, const std::string& type_name) {
    return ask(envelope, body, type_name, patience({}, nullptr));
  }
  // As ask(), but null instead of a wait for room.
  Cell* try_ask(Envelope envelope, std::span<const u8> body, const std::string& type_name);
  // Runs the kernel on this thread if that is allowed and nobody else does, `once` or until it has answered; else
  // tells its worker. True: answered.
  bool push_on(Cell* cell, bool once);
  // Throws kTimeout at the deadline, kClosed when kernel or runtime ends, kHandler when the handler or the kernel failed.
  Reply wait(Cell* cell, const Wait& until, double timeout);
  // The reply of an answered cell; throws as wait() does.
  Reply read(Cell* cell) const;

  // Takes the next message to the host; false at the deadline. Throws kClosed when none can come any more.
  bool receive(Message* message, const Wait& until);
  bool try_receive(Message* message);
  // Copies up to n messages of the type (0: plain bytes) and size to `first` and on, `stride` bytes apart, as far as they
  // are there. Others become dead letters; throws kTypeMismatch, naming both, when nothing else came; kClosed as receive().
  u32 try_receive_many(u32 type_id, const std::string& type_name, u32 bytes, u8* first, std::ptrdiff_t stride,
                       u32 n);
  // `port` gets `token` once when there may be a message; false when there is one already.
  bool watch(CompletionPort* port, std::uint64_t token);

 private:
  friend class Runtime;
  using Put = Sender::Offer;

  void check_usable();
  // Throws kInvalidState when this thread runs its handler, for which `call` would wait.
  void check_elsewhere(const char* call) const;
  void check_message(const Envelope& envelope, std::size_t bytes, const std::string& type_name) const;
  void complete(Envelope* envelope);
  std::string full(const Envelope& envelope) const;
  std::string failed_on(const u32 (&message_id)[4]) const;
  struct Entering;
  static void dropped_oldest(void* self, const u8* message, u32 bytes);
  static void entered(void* entering, u64 ticket);
  enum class IfFull { kByPolicy, kReturn };
  // By the policy; kFull instead of a wait for room without patience, and instead of a refusal if that is said.
  Put put(const Envelope& envelope, std::span<const u8> body, const Patience* patience, IfFull if_full);
  Put send(Envelope envelope, std::span<const u8> body, const std::string& type_name,
           const Patience* patience, IfFull if_full = IfFull::kByPolicy);
  Cell* ask(Envelope envelope, std::span<const u8> body, const std::string& type_name,
            const Patience* patience);
  static std::optional<bool> told(Put result);
  void check_replacement(const KernelType& with) const;
  Telemetry counted() const;  // since launch
  State entered() const;      // but for a failure
  void enter(State to);
  void record_state(State now) const;
  bool ended() const;
  // The end of kernels whose changing_ the caller holds, group after group, each drained together. Each has its report
  // then, and the runtime has forgotten it; after an exception those that have not ended are what they were.
  using Group = std::vector<std::shared_ptr<Kernel>>;
  static void end(const std::vector<Group>& groups, bool drain, const Wait& until);
  void begin_end();
  void give_up_end();
  void finish_end(void (*check)());
  // Until none of them has input left, and none can send the others any, or `until` is over.
  static void drain(const Group& kernels, const Wait& until);
  u64 processed() const;
  // SYNC: partner fail(): why it has.
  bool has_failed() const { return atomic::load_seq_cst(&port_->failed) != 0; }
  void cut_drain() { atomic::store_relaxed(&cut_, 1U); }

  const std::shared_ptr<Runtime> runtime_;
  const bool is_user_;
  const std::vector<u8> first_state_;  // as the program gave it, at launch
  const KernelType& builtin_;          // where it is none of a program's
  const std::string name_;
  const LaunchOptions options_;
  const std::int64_t grid_, block_;
  const std::shared_ptr<Port> port_;
  const u16 ttl_10ms_;  // of messages that name none
  std::vector<u32> accepts_;
  mutable std::mutex naming_;               // of user_
  std::shared_ptr<const UserKernel> user_;  // null: one of the backend's
  u64 sequence_ = 0;
  u32 state_ = u32(State::kLaunched);
  Exclusive changing_;
  u32 ending_ = 0;                         // a call is about to end the kernel
  u32 cut_ = 0;                            // its drain is to stop
  u32 before_end_ = 0;                     // the state then
  bool retiring_ = false;                  // nothing brings it back
  std::optional<TerminateReport> report_;  // set once it has ended
  const std::int64_t launched_at_;
  std::int64_t ended_at_ = 0;
  SinceReset<Telemetry> since_reset_;
};

}  // namespace ringway
