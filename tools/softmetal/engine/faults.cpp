#include "engine/faults.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/asan.h"
#include "engine/group.h"
#include "engine/memory.h"

namespace softmetal {
namespace {

constexpr size_t kSignalStack = 64 * 1024;
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr size_t kFarBelow = 512 * 1024;
constexpr long kGuard = Memory::kGuard;

struct sigaction before[NSIG];

// One that does not queue: a thread that has not run for a while would have a frame on its stack for each.
constexpr int kAlarm = SIGURG;

void on_fault(int signal, siginfo_t* info, void* context) {
  Group* group = Group::current;
  if (group && group->in_kernel()) group->stop_at_fault(signal, info->si_addr);
  const struct sigaction& old = before[signal];
  if (old.sa_flags & SA_SIGINFO) return old.sa_sigaction(signal, info, context);
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  sigaction(signal, &plain, nullptr);
  raise(signal);
}

void on_alarm(int) {
  Group* group = Group::current;
  if (!group || !group->in_kernel() || now() <= group->deadline()) return;
  sigset_t alarm;  // stop() does not return from the handler, which would let the signal in again
  sigemptyset(&alarm);
  sigaddset(&alarm, kAlarm);
  pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  group->stop(kTimeout, "Caused GPU Timeout Error: an endless loop without atomics and barriers");
}

struct Watchdog {
  std::mutex mutex;
  std::vector<pthread_t> threads;
};

Watchdog& watchdog() {
  static auto* one = new Watchdog;  // threads of the system may outlive main
  return *one;
}

void watch() {
  for (;;) {
    std::this_thread::sleep_for(kLook);
    Watchdog& dog = watchdog();
    const std::lock_guard<std::mutex> hold(dog.mutex);
    for (const pthread_t thread : dog.threads) pthread_kill(thread, kAlarm);
  }
}

}  // namespace

void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    action.sa_sigaction = on_fault;
    if (!kAsan && !tsan::kActive)  // the sanitizers tell more
      for (const int signal : {SIGSEGV, SIGBUS, SIGFPE}) sigaction(signal, &action, &before[signal]);
    struct sigaction alarm{};
    alarm.sa_flags = SA_ONSTACK | SA_RESTART;
    alarm.sa_handler = on_alarm;
    sigaction(kAlarm, &alarm, nullptr);
    watchdog();  // made before the thread that looks at it
    std::thread(watch).detach();
  });
}

namespace {

struct SignalStack {
  void* memory = std::malloc(kSignalStack);
  stack_t old{};
  SignalStack() {
    stack_t mine{};
    mine.ss_sp = memory;
    mine.ss_size = kSignalStack;
    sigaltstack(&mine, &old);
  }
  ~SignalStack() {
    sigaltstack(&old, nullptr);
    std::free(memory);
  }
};

}  // namespace

Watched::Watched() {
  static thread_local SignalStack stack;
  Watchdog& dog = watchdog();
  const std::lock_guard<std::mutex> hold(dog.mutex);
  dog.threads.push_back(pthread_self());
}

Watched::~Watched() {
  Watchdog& dog = watchdog();
  const std::lock_guard<std::mutex> hold(dog.mutex);
  dog.threads.erase(std::find(dog.threads.begin(), dog.threads.end(), pthread_self()));
}

void Group::stop_at_fault(int signal, const void* address) {
  const auto* at = static_cast<const char*>(address);
  const char* stack = fibers_[fiber_].stack;
  const unsigned* thread = sm_current->in_grid;
  char what[384];
  if (signal == SIGFPE) stop(kPageFault, "arithmetic fault");
  const Kernel& kernel = *dispatch_->kernel;
  long nearest = kGuard;
  int length = std::snprintf(what, sizeof what, "page fault at address %p", address);
  for (const sm_argument& argument : kernel.arguments) {
    const Bound& bound = dispatch_->buffers[argument.index];
    if (argument.kind != SM_BUFFER || !bound.data) continue;
    const auto* begin = static_cast<const char*>(shared_->group.buffer[argument.index]);
    const long past = at - (begin + bound.length), ahead = begin - at;
    const long distance = past >= 0 ? past : ahead;
    if (distance < 0 || distance >= nearest) continue;
    nearest = distance;
    length = std::snprintf(
        what, sizeof what, "page fault: %s access %ld bytes %s %s[0], Buffer(%u)%s of length %zu",
        argument.writable ? "an" : "a read", distance, past >= 0 ? "past the end of" : "before",
        argument.name, argument.index, bound.label.c_str(), bound.length);
  }
  // A frame larger than the stack's guard steps over it, into the far end of a buffer's that may lie below.
  const bool below = at < stack && at >= stack - kFarBelow;
  if (below && nearest >= kGuard - static_cast<long>(kFarBelow)) stop(kStackOverflow, "stack overflow");
  std::snprintf(what + length, sizeof what - static_cast<size_t>(length),
                ", thread_position_in_grid (%u,%u,%u)", thread[0], thread[1], thread[2]);
  stop(kPageFault, what);
}

}  // namespace softmetal
