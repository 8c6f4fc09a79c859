#include "core/completion.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"
#include "ringway/atomics_runtime.h"

namespace ringway {

CompletionPort::CompletionPort() {
  int ends[2];
  if (pipe(ends) != 0) {
    throw Error(ErrorKind::kInvalidState, "no file descriptor is left for the event loop; raise `ulimit -n`");
  }
  for (const int end : ends) {
    fcntl(end, F_SETFL, O_NONBLOCK);
    fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  read_end_ = ends[0];
  write_end_ = ends[1];
}

CompletionPort::~CompletionPort() {
  close(read_end_);
  close(write_end_);
}

void CompletionPort::push(Completion* node) {
  Completion* head = atomic::load_relaxed(&head_);
  do {
    node->next = head;
    // SYNC: partner exchange_seq_cst in take(), which must see what the node's owner wrote before.
  } while (!atomic::claim_seq_cst(&head_, &head, node));
  if (head) return;  // the descriptor is readable already, or its writer is on the way
  const char byte = 1;
  // A full pipe is readable, which is all that is wanted.
  [[maybe_unused]] const auto written = write(write_end_, &byte, 1);
}

std::vector<std::uint64_t> CompletionPort::take() {
  char bytes[64];
  while (read(read_end_, bytes, sizeof(bytes)) == static_cast<ssize_t>(sizeof(bytes))) {
  }
  std::vector<std::uint64_t> tokens;
  // SYNC: partner claim_seq_cst in push().
  Completion* const first = atomic::exchange_seq_cst(&head_, static_cast<Completion*>(nullptr));
  std::size_t count = 0;
  for (const Completion* node = first; node; node = node->next) ++count;
  try {
    tokens.reserve(count);
  } catch (const std::bad_alloc&) {  // they come again, in their order
    Completion* oldest = nullptr;
    for (Completion *node = first, *older = nullptr; node; node = older) {
      older = std::exchange(node->next, oldest);
      oldest = node;
    }
    for (Completion *node = oldest, *newer = nullptr; node; node = newer) {
      newer = node->next;
      push(node);
    }
    throw;
  }
  for (const Completion* node = first; node; node = node->next) tokens.push_back(node->token);
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace ringway
