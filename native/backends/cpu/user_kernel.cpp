// Kernels that a program brings: what their handlers send, and what of it waits for room. A handler is done with a
// message once it returns, also where an output is full: the message then stays held, marked as handled, until all that
// was sent on it has left.
#include "backends/cpu/user_kernel.h"

#include <cstring>
#include <utility>

#include "backends/cpu/context.h"
#include "backends/cpu/entry.h"
#include "backends/cpu/worker.h"

namespace ringway::cpu {

using atomic::count;

namespace {

struct UserHandler {
  using State = u64;  // none: it is the resident's

  // The inlet is the caller's; see turn_of_user().
  struct At {
    Context* context;
    Inlet* input;
    void handled(u64 first, u32 n) { context->handled(first, n); }
  };
  static u32 drain(At* at, u8* first, u32 stride, u32 n, State*, DrainStatus* status) {
    return at->context->drain_user(at->input, first, stride, n, status);
  }
};

u32 turn_of_user(Context* context, Inlet* input, u32 batch, void* state, DrainStatus* status) {
  UserHandler::At at{context, input};
  auto* const typed = static_cast<UserHandler::State*>(state);
  if (input->is_shared) return ring_turn<Atomics, UserHandler>(&at, &input->shared, batch, typed, status);
  return ring_turn<Atomics, UserHandler>(&at, &input->alone, batch, typed, status);
}

u64 now_us(void* self) {
  return static_cast<Context*>(self)->now_us();
}
bool goes_on(void* self) {
  return static_cast<Context*>(self)->goes_on();
}

}  // namespace

Entry entry_of(const UserKernel& kernel) {
  return {kernel.type(), 0, &turn_of_user};
}

void Instance::begin_state() {
  if (const u32 bytes = set.entry->state_size) std::memset(state.get(), 0, bytes);
  if (resident) resident->restart();
}

void Instance::let_leave() {
  if (replaced.empty()) return;
  resident->arrive();
  for (const Replaced& before : std::exchange(replaced, {})) before.resident->leave();
}

void Instance::leave() {
  let_leave();
  if (resident) resident->leave();
}

bool Context::goes_on() const {
  return atomic::load_relaxed(&kernel_.running) && !worker_.wanted();
}

Context::Handled::Handled(Context& of, KernelContext* context)
    : of_(of), before_(std::exchange(handling_here(), {&of.kernel_.set, &of.worker_})) {
  of.user_ = context;
}

Context::Handled::~Handled() {
  if (of_.user_->leaves) of_.kernel_.leaving = true;
  of_.user_ = nullptr;
  handling_here() = before_;
}

KernelContext Context::user_context(u32 input) {
  static constexpr KernelCalls calls{&Context::user_sends, &Context::user_replies, &ringway::cpu::now_us,
                                     &ringway::cpu::goes_on, &Context::user_counts};
  return {.self = this,
          .calls = &calls,
          .request = nullptr,
          .input = input,
          .unsent = 0,
          .leaves = 0,
          .kernel = kernel_.set.index,
          .number = kernel_.number,
          .left_out = 0};
}

u32 Context::drain_user(Inlet* input, u8* first, u32 stride, u32 n, DrainStatus* status) {
  if (!send_unsent()) {
    status->code = kAgain;
    return 0;
  }
  const u32 done = std::exchange(input->handled, false) ? 1 : 0;
  if (done == n || kernel_.leaving) return done;
  KernelContext context = user_context(input_);
  u32 more = 0;
  {
    const Handled handled(*this, &context);
    more = kernel_.resident->drain(&context, first + u64(stride) * done, stride, n - done, status);
  }
  // A message on which the handler failed is gone, also when something that it sent before waits for room.
  input->handled = status->code == kAgain;
  return done + more;
}

bool Context::send_now(const Unsent& what) {
  const u32 bytes = u32(what.bytes.size());
  u8* to = nullptr;
  if (what.answer) {
    to = reserve_answer(&what.request, what.type_id, bytes);
  } else {
    to = what.output ? reserve(what.output, bytes) : reserve_message(what.type_id, bytes);
  }
  if (!to) return false;
  std::memcpy(to, what.bytes.data(), bytes);
  what.answer ? commit_answer(bytes) : commit(what.output, bytes);
  return true;
}

bool Context::send_unsent() {
  auto& all = kernel_.unsent;
  auto next = all.begin();
  while (next != all.end() && send_now(*next)) ++next;
  all.erase(all.begin(), next);
  return all.empty();
}

void Context::bury_unsent() {
  for (const Unsent& what : kernel_.unsent) {
    count(&control_.dropped_closed, 1);
    kernel_.set.dead_letters.add(LetterReason::kClosed, nullptr, what.bytes,
                                 "the kernel ended before an output had room for it");
  }
  kernel_.unsent.clear();
}

void Context::user_sends(void* self, u32 output, u32 type_id, const void* bytes, u32 n) {
  auto& context = *static_cast<Context*>(self);
  if (context.kernel_.unsent.empty()) {
    if (u8* const to = output ? context.reserve(output, n) : context.reserve_message(type_id, n)) {
      std::memcpy(to, bytes, n);
      return context.commit(output, n);
    }
  }
  const auto* const first = static_cast<const u8*>(bytes);
  context.keep({false, {}, output, type_id, {first, first + n}});
}

void Context::user_replies(void* self, const Envelope* request, u32 type_id, const void* bytes, u32 n) {
  auto& context = *static_cast<Context*>(self);
  if (context.kernel_.unsent.empty()) {
    if (u8* const to = context.reserve_answer(request, type_id, n)) {
      std::memcpy(to, bytes, n);
      return context.commit_answer(n);
    }
  }
  const auto* const first = static_cast<const u8*>(bytes);
  context.keep({true, *request, 0, type_id, {first, first + n}});
}

void Context::keep(Unsent what) {
  kernel_.unsent.push_back(std::move(what));
  user_->unsent = 1;
}

}  // namespace ringway::cpu
