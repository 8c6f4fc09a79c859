// What a handler sees while it runs on the CPU: one object per turn, on the stack of whoever runs the kernel.
#pragma once
#include <cstring>
#include <string_view>

#include "backends/cpu/instance.h"
#include "core/failure_policy.h"

namespace ringway::cpu {

struct Turn {
  bool moved = false;    // a message was handled
  bool more = false;     // input is left that can be looked at at once
  bool blocked = false;  // input is left that waits for room or for other input
  u32 messages = 0;      // that left the inputs
};

class Context {
 public:
  // `traced`: what is measured goes to the tracer too.
  Context(Instance& kernel, Worker& worker, bool traced = false);
  u64 sent() const { return sent_; }

  // Of a kernel one of whose replicas has failed: stops this one too, and answers whoever waits for it.
  void follow_failure();
  // Runs the handler once on each input.
  Turn turn();
  // Discards all input and answers its senders with an error; returns the number of messages.
  u64 discard(LetterReason reason, ErrorKind kind, std::string_view text);

  u32 input() const { return input_; }
  void handled(u64 first, u32 n) {
    if (latency_) latency_->handled(first, n, {traced_ ? &Context::measured : nullptr, this});
  }

  u8* reserve(u32 output, u32 bytes) {
    if (output == 0) return reserve_message(emits_, bytes);
    if (output > kernel_.outputs.size()) return nowhere(LetterReason::kClosed, bytes);
    Outlet& out = kernel_.outputs[output - 1];
    nowhere_used_ = false;
    if (bytes > out.link->queue.max_message()) return nowhere(LetterReason::kTooLarge, bytes);
    // Relaxed: what is sent while the receiver ends, bury_behind_end() finds.
    if (atomic::load_relaxed(&out.link->end)) return nowhere(LetterReason::kClosed, bytes);
    if (!ready_run(out.producer.ring, out.producer.next, 1, 0)) return without_room(output);
    return payload_at(out.producer.ring, out.producer.next);
  }
  void commit(u32 output, u32 bytes) {
    if (output == 0) return commit_message(bytes);
    if (nowhere_used_) return dropped_output(nullptr, bytes);
    Outlet& out = kernel_.outputs[output - 1];
    if (out.producer.next == out.timed) out.timed = out.link->queue.latency()->stamp(out.timed);
    out.producer.publish(out.producer.next, bytes, 0);
    ++out.producer.next;
    out.published = true;
    ++sent_;
    // Others may begin while this handler goes on. A look that comes too early is made up for at the end of
    // the turn.
    if (out.elsewhere && !atomic::load_relaxed(&out.link->to->replicas[0]->scheduled)) out.link->to->notify();
  }

  // A user's kernel on messages of `input`; as Handler::drain.
  u32 drain_user(Inlet* input, u8* first, u32 stride, u32 n, DrainStatus* status);
  // Whether nobody asks the handler to stop, or waits for the worker.
  bool goes_on() const;

  u8* reserve_message(u32 type_id, u32 bytes);
  u8* reserve_answer(const Envelope* request, u32 type_id, u32 bytes);
  u32 answer_id(u32 word) const { return outgoing_.message_id[word]; }
  void commit_answer(u32 bytes);
  u8* buffer(u64 handle, u64* bytes) const { return services_.buffers.find(handle, bytes); }
  u64 now_ns() const { return static_cast<u64>(ringway::now_ns()); }
  bool wait_until(u64 ns) const {
    while (now_ns() < ns) {
    }
    return true;
  }
  u64 now_us() { return now_us_ ? now_us_ : now_us_ = unix_us(); }

 private:
  // For a user's kernel: false when there is no room.
  bool send_now(const Unsent& what);
  bool send_unsent();
  void bury_unsent();  // there will be no room for it any more
  void keep(Unsent what);
  static void user_sends(void* self, u32 output, u32 type_id, const void* bytes, u32 n);
  static void user_replies(void* self, const Envelope* request, u32 type_id, const void* bytes, u32 n);
  static void user_counts(void* self, u32 counter, u64 n);
  static constexpr u32 kNoInput = ~u32(0);
  KernelContext user_context(u32 input);
  class Handled;
  bool counts() const { return &control_ == &kernel_.control; }  // whether telemetry is on
  void turn_on_timers(Turn* turn);
  void tick(u32 timer, u64 missed, Turn* turn);
  bool settled() const;
  void leave();  // the kernel, as the handler asked
  static void measured(void* self, u64 sent, u64 handled);
  // Neither failed nor waiting for a restart.
  bool runs() const {
    return atomic::load_relaxed(&kernel_.running) && !kernel_.resume_at &&
           !atomic::load_relaxed(&kernel_.renew);
  }
  // Of a batch it is not known on which message a handler threw.
  bool one_by_one() const {
    return kernel_.set.options.on_error != OnError::kFail || (group_ && !kernel_.resident);
  }
  void turn_on_inputs(Turn* turn);
  void turn_on_mailbox(Turn* turn);
  u32 turn_on_lane(Inlet& lane, u32 most, Turn* turn);
  void turn_on_link(Inlet& link, Turn* turn);
  u32 turn_on(Inlet& input, u32 most, Turn* turn);
  void count_sent();
  void took(Inlet& input, u32 messages, u32 processed, Turn* turn);
  bool mailbox_waits() const;
  u32 screen(Inlet& lane, u32 most, Turn* turn);
  // False: there is no room for the answer.
  bool refuse_first(Inlet& input, LetterReason reason, ErrorKind kind, std::string_view text);
  void bury_first(Inlet& input, LetterReason reason, std::string_view text);
  u64 discard(Inlet& input, LetterReason reason, ErrorKind kind, std::string_view text);
  // What entry->turn returns, and whether the handler threw, with the reason.
  u32 drain(Inlet& input, u32 batch, DrainStatus* status, bool* thrown, ErrorText& text);
  bool fail_first(Inlet& input, const char* text);  // false: there is no room for the answer
  void broke(const char* text);                     // does what the kernel's policy says
  void restart();
  bool begin_anew(u64 restarts_before);
  void give_up(const char* reason);  // fails, unless its group restarts it
  void fail(const char* reason);
  // Gives up what was reserved and not committed.
  void abandon();
  void commit_message(u32 bytes);
  u8* reserve_host(const Envelope& envelope, u32 bytes);
  u8* without_room(u32 output);
  void bury_behind_end(const Outlet& out);
  u8* nowhere(LetterReason reason, u32 bytes);
  void dropped_output(const Envelope* envelope, u32 bytes);
  void tell_receivers();
  void room_was_made(Inlet& input);
  // False: there is no room for the answer.
  bool answer_error(const Envelope& request, ErrorKind kind, std::string_view text);
  void answer_too_large(u32 bytes);

  Instance& kernel_;
  Worker& worker_;
  const HostServices& services_;
  const bool traced_;
  KernelGroup* const group_;
  ControlBlock& control_;       // the one that counts: seen or unseen
  Latency* latency_ = nullptr;  // of the input that is handled
  u32 input_ = 0;
  u32 emits_ = 0;
  u64 sent_ = 0;
  u64 counted_ = 0;  // of these
  u64 now_us_ = 0;
  bool nowhere_used_ = false;
  LetterReason nowhere_reason_ = LetterReason::kClosed;
  bool too_large_ = false;  // the answer that was reserved, for the queue to the host
  ReplyPool::Cell* cell_ = nullptr;
  KernelContext* user_ = nullptr;
  Envelope outgoing_{};
};

// For as long as a handler runs on this thread; that of another kernel may run within, by a request.
class Context::Handled {
 public:
  Handled(Context& of, KernelContext* context);
  ~Handled();
  Handled(const Handled&) = delete;
  Handled& operator=(const Handled&) = delete;

 private:
  Context& of_;
  const Handling before_;
};

}  // namespace ringway::cpu
