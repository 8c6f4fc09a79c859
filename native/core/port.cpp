#include "core/port.h"

#include <new>

#include "core/lifecycle.h"
#include "core/record/recorder.h"

namespace ringway {

bool take_held_back(Port& port) {
  // SYNC: partner Bridge::deliver(), which looks for room once more after it set the mark.
  if (port.bridge) return atomic::exchange_seq_cst(&port.held_back, 0U) != 0;
  if (!atomic::load_relaxed(&port.held_back)) return false;
  atomic::store_relaxed(&port.held_back, 0U);
  return true;
}

bool fail(Port& port, const char* why) {
  // SYNC: none needed; who comes first writes the text.
  if (atomic::exchange_seq_cst(&port.failing, 1U)) return false;
  const std::lock_guard lock(port.explaining);
  try {
    port.failure = why;
  } catch (const std::bad_alloc&) {
    port.failure = "out of memory";  // short enough to need none
  }
  // SYNC: partner load_seq_cst in Kernel::state() and by who runs the kernel: the text; and the senders' look after their publish: a message that
  // whoever failed the kernel does not answer has a sender that finds out.
  atomic::exchange_seq_cst(&port.failed, 1U);
  if (port.recorder && port.recorder->on()) {
    port.recorder->put(RecordKind::kState, port.index, 0, u32(State::kFailed),
                       {{port.failure.data(), port.failure.size()}});
  }
  return true;
}

void announce_room(Port& port) {
  port.room.notify();
  port.room_watchers.tell();
}

void announce_output(Port& port) {
  port.output.notify();
  // SYNC: partner the watcher's exchange before it looks at the outbox: one of the two sees the other.
  if (atomic::load_seq_cst(&port.watched) && atomic::exchange_seq_cst(&port.watched, 0U)) {
    port.watcher.port->push(&port.watcher);
  }
}

}  // namespace ringway
