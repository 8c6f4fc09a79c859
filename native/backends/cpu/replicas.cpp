#include "backends/cpu/instance.h"
#include "backends/cpu/worker.h"

namespace ringway::cpu {
namespace {

void tell(Instance& replica, Worker* here) {
  replica.home.get() == here ? here->schedule(replica) : replica.home->notify(replica);
}

}  // namespace

void ReplicaSet::notify(Worker* here) {
  if (!replicated() || !pass_on(nullptr, here)) tell(*replicas[0], here);
}

bool ReplicaSet::pass_on(const Instance* from, Worker* here) {
  // SYNC: partner exchange_seq_cst in Worker::try_lock(): a worker that is found free looks after this, and finds what
  // was published; else a message might wait behind a long one, beside a free worker.
  atomic::add_seq_cst(&notices, 1U);
  // Relaxed: whoever is told looks, and passes on what it cannot take.
  const auto able = [&](const auto& replica) {
    return replica.get() != from && !atomic::load_relaxed(&replica->stalled);
  };
  for (const auto& replica : replicas) {
    if (!able(replica) || replica->home->busy()) continue;
    tell(*replica, here);
    return true;
  }
  bool told = false;
  for (const auto& replica : replicas) {
    if (!able(replica)) continue;
    tell(*replica, here);
    told = true;
  }
  return told;
}

}  // namespace ringway::cpu
