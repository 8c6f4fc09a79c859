// How an event loop hears of answers: nodes whose turn has come go on a lock-free list, and one file
// descriptor becomes readable when the list was empty.
#pragma once
#include <cstdint>
#include <vector>

#include "ringway/config.h"

namespace ringway {

class CompletionPort;

// What waits: an answer (in its reply cell) or a kernel's queue to the host (in its port).
struct Completion {
  CompletionPort* port = nullptr;  // null: nobody listens
  Completion* next = nullptr;
  std::uint64_t token = 0;  // the listener's name for it
};

class CompletionPort {
 public:
  CompletionPort();
  ~CompletionPort();
  CompletionPort(const CompletionPort&) = delete;
  CompletionPort& operator=(const CompletionPort&) = delete;

  int fd() const { return read_end_; }
  void push(Completion* node);
  // Tokens that were pushed since the last call; empties the descriptor.
  std::vector<std::uint64_t> take();

 private:
  Completion* head_ = nullptr;
  int read_end_ = -1;
  int write_end_ = -1;
};

}  // namespace ringway
