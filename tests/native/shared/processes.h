// Shared queues with names of their own, and child processes that do something with them.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shared_queue.h"
#include "gtest/gtest.h"

namespace ringway::testing {

// A name that no other test of this machine has; what is left of it goes with this.
class Name {
 public:
  Name() {
    char made[SharedMemory::kMostName + 1];
    std::snprintf(made, sizeof(made), "t%d.%d", int(getpid()), count()++);
    text_ = made;
  }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() {
    try {
      SharedMemory::unlink(text_);
    } catch (const Error&) {
    }
  }
  operator const std::string&() const { return text_; }
  const std::string& text() const { return text_; }

 private:
  static int& count() {
    static int made = 0;
    return made;
  }
  std::string text_;
};

inline NamedQueueOptions options(const std::string& name, u32 capacity = 16,
                                 Backpressure policy = Backpressure::kBlock) {
  NamedQueueOptions made;
  made.name = name;
  made.capacity = capacity;
  made.policy = policy;
  made.type.content = Content::kBytes;
  made.max_message = 56;
  return made;
}

// A process that runs `body` and ends without any of the parent's destructors; killed with this.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : process_(fork()) {
    if (process_ != 0) return;
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (process_ > 0) {
      send(SIGKILL);
      wait();
    }
  }
  pid_t process() const { return process_; }
  void send(int number) const { kill(process_, number); }
  // The status that waitpid() gives.
  int wait() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return status;
  }
  bool ended_well() { return wait() == 0; }
  bool was_killed() {
    const int status = wait();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t process_;
};

// Tells between processes that something has come to pass.
class Flag {
 public:
  Flag()
      : word_(static_cast<u32*>(
            mmap(nullptr, sizeof(u32), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { munmap(word_, sizeof(u32)); }
  void set() { atomic::add_seq_cst(word_, 1U); }
  u32 get() const { return atomic::load_seq_cst(word_); }
  void wait(u32 least = 1) const {
    while (get() < least) usleep(200);
  }

 private:
  u32* word_;
};

inline bool send(NamedQueue& queue, u64 number, double seconds = 10) {
  return queue.send({{&number, sizeof(number)}}, queue.patience(seconds));
}
// The number, or -1 when none came in time.
inline std::int64_t receive(NamedQueue& queue, double seconds = 10) {
  std::vector<u8> message;
  if (!queue.wait(NamedQueue::Side::kReceive, Wait::seconds(seconds),
                  [&] { return queue.try_receive(&message); }))
    return -1;
  if (message.size() != sizeof(u64)) return -2;
  std::int64_t number = 0;
  std::memcpy(&number, message.data(), sizeof(number));
  return number;
}

template <class Body>
std::string error_of(ErrorKind kind, Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ringway::testing
