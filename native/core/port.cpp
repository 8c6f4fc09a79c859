#include "core/port.h"

namespace ringway {

void announce_output(Port& port) {
  port.output.notify();
  // SYNC: partner the watcher's exchange before it looks at the outbox: one of the two sees the other.
  if (atomic::load_seq_cst(&port.watched) && atomic::exchange_seq_cst(&port.watched, 0U)) {
    port.watcher.port->push(&port.watcher);
  }
}

}  // namespace ringway
