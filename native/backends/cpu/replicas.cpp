#include "backends/cpu/instance.h"
#include "backends/cpu/worker.h"

namespace ringway::cpu {
namespace {

void tell(Instance& replica, Worker* here) {
  Worker* const home = replica.home.get();
  home == here ? here->schedule(replica) : home->notify(replica);
}

}  // namespace

void ReplicaSet::notify(Worker* here) {
  if (!replicated() || !pass_on(nullptr, here)) tell(*replicas[0], here);
}

void ReplicaSet::restart(u32 number) {
  for (const auto& replica : replicas) {
    // Relaxed: who takes the notice from the worker's list sees it.
    atomic::store_relaxed(&replica->renew, number);
    replica->home->notify(*replica);
  }
}

void ReplicaSet::follow_failure() {
  for (const auto& replica : replicas) {
    atomic::store_relaxed(&replica->follows, 1U);  // relaxed: as above
    replica->home->notify(*replica);
  }
}

void ReplicaSet::swap(Replacement* with, bool revives) {
  const bool leaves = user->may_wait();
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    Instance& replica = *replicas[i];
    if (leaves) replica.replaced.push_back({user, replica.resident});
    replica.resident.swap(with->residents[i]);
    replica.restarts_in_row = 0;
    replica.resume_at = 0;
    atomic::store_relaxed(&replica.renew, 0U);
    if (revives) atomic::store_relaxed(&replica.follows, 0U);
    if (!revives) continue;
    for (Inlet& lane : replica.lanes) {
      if (!lane.held().count) lane.known = lane.set_aside = lane.handled = 0;  // of messages that are gone
    }
  }
  user.swap(with->kernel);
  atomic::store_relaxed(&keeps_to_its_thread, u32(user->keeps_to_its_thread()));
  if (!revives) return;
  // SYNC: partner the exchanges in fail() and the loads of `failed`: who fails next writes a new text.
  atomic::exchange_seq_cst(&failed, 0U);
  atomic::exchange_seq_cst(&failing, 0U);  // SYNC: as above
}

void ReplicaSet::reopen(Link& link) {
  if (atomic::load_relaxed(&link.end) == Link::kOpen) return;
  for (const auto& replica : replicas) {
    for (Inlet& input : replica->inputs) {
      if (input.link.get() != &link || input.is_shared) continue;
      Inlet fresh;
      fresh.link = input.link;
      fresh.open(link.queue);
      input = fresh;
    }
  }
  // SYNC: partner load_relaxed in reserve() by the sender, whose lock the caller holds.
  atomic::exchange_seq_cst(&link.end, u32(Link::kOpen));
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
