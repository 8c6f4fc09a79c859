// Claims of tickets that others can settle when the claimer dies. Over the ring of slot_queue.h, which knows nothing of it.
//
// 1. A claimer has a *note*, one word: the first ticket and the count that it may own. It writes the note before the
//    compare-exchange that claims, and clears it after it has published, or released. So who sees an index beyond a
//    ticket sees the owner's note too, or else the slot as the owner left it.
// 2. A ticket that is claimed, not settled, and in no living claimer's note is abandoned. A note alone proves nothing:
//    its claim may have failed, and another may own the ticket.
// 3. An abandoned ticket of a producer is published as skipped by compare-exchange: one of those who try succeeds.
// 4. An abandoned ticket of a consumer holds a whole message. Who holds the table's lock puts the ticket into a note of
//    its own, so that it owns it from then on, and takes it from the dead one's note.
//
// `A` is the policy of the ring, `Note` a type with a member `word` of A::Index, `Lives` says of a note's number whether
// its process lives. Tickets have 64 bits here.
#pragma once
#include "ringway/slot_queue.h"

namespace ringway {

enum : u32 {
  kNoteBits = 16,
  kMostNoted = (1U << kNoteBits) - 1,
  kNobody = ~0U,
  kMostLooks = 256  // for owners in one call: what a peer writes may ask for very many
};

// Ticket and count in one word, so that no reader sees half of a change. 48 bits of the ticket: compared modulo that.
inline u64 note_of(u64 first, u32 count) {
  return first << kNoteBits | count;
}
inline u32 noted_count(u64 note) {
  return u32(note) & kMostNoted;
}
// How far `ticket` lies behind the note's first one, modulo 2^48.
inline u64 noted_age(u64 note, u64 ticket) {
  return (ticket - (note >> kNoteBits)) & (~0ULL >> kNoteBits);
}
inline bool notes(u64 note, u64 ticket) {
  return noted_age(note, ticket) < noted_count(note);
}

// Up to n tickets of one side: `turn` is 0 for a producer, 1 for a consumer; `part(first, n)` says how many of n ready
// tickets to claim; 0: none after all. Nothing when the ring is full or empty, and when others are quicker many times over, which
// the caller cannot tell from full: a peer may write nonsense.
template <class A, class Part>
Claim<A> claim_noted(Ring<A> ring, typename A::Index* index, typename A::Index* note, u32 n, u32 turn,
                     Part part) {
  constexpr u32 kAttempts = 256;
  Claim<A> claim = {A::load_index(index), 0};
  bool noted = false;
  for (u32 attempt = 0; attempt < kAttempts; ++attempt) {
    u32 ready = ready_run(ring, claim.first, n < kMostNoted ? n : u32(kMostNoted), turn);
    if (!ready) {
      // Relaxed: a stale ticket is found out by its slot or by the compare-exchange.
      const typename A::Ticket now = A::load_index(index);
      if (now == claim.first) break;
      claim.first = now;
      continue;
    }
    ready = part(claim.first, ready);
    if (!ready) break;
    // SYNC: partner the scans of notes below: a note that replaces another one comes after what the other stood for.
    A::store_index_before(note, note_of(claim.first, ready));
    noted = true;
    // SYNC: partner load_index_after in the two functions below: who sees the ticket claimed sees the note.
    if (A::claim_index_before(index, &claim.first, claim.first + ready)) {
      claim.count = ready;
      return claim;
    }
  }
  // SYNC: as above.
  if (noted) A::store_index_before(note, 0);
  return claim;
}

// As take_oldest() in slot_queue.h, under a note of a consumer.
template <class A>
bool take_oldest_noted(Ring<A> ring, typename A::Ticket ticket, typename A::Index* note) {
  typename A::Ticket oldest = ticket - ring.capacity, expected = oldest;
  // SYNC: partner store_publish in publish(): the payload may be read once the claim succeeds.
  if (u32(A::load_ready(ring.slot(ticket))) != ring.lap(oldest) + 1) return false;
  // SYNC: as in claim_noted(), here and below.
  A::store_index_before(note, note_of(oldest, 1));
  while (!A::claim_index_before(&ring.header->dequeue, &expected, oldest + 1)) {
    if (expected == oldest) continue;
    A::store_index_before(note, 0);  // SYNC: as in claim_noted()
    return false;
  }
  return true;
}

// After the claimed tickets were published, or released.
template <class A>
void clear_note(typename A::Index* note) {
  // SYNC: partner the scans of notes: who sees no note any more sees the slots as they were left.
  A::store_index_before(note, 0);
}

// The number of a living claimer whose note has the ticket; kNobody when there is none. `except` is left out.
template <class A, class Note, class Lives>
u32 living_owner(Note* all, u32 count, typename A::Ticket ticket, u32 except, Lives lives) {
  for (u32 i = 0; i < count; ++i) {
    // SYNC: partner store_index_before in claim_noted() and clear_note().
    if (i != except && notes(A::load_index_after(&all[i].word), ticket) && lives(i)) return i;
  }
  return kNobody;
}

// Publishes as skipped what dead producers hold at the consumers' index; how many. `waits_for`: the living producer that
// holds the next ticket, or kNobody.
template <class A, class Note, class Lives>
u32 skip_abandoned(Ring<A> ring, Note* producers, u32 count, Lives lives, u32* waits_for) {
  *waits_for = kNobody;
  u32 skipped = 0;
  typename A::Ticket ticket = A::load_index(&ring.header->dequeue);
  for (u32 i = 0; i < kMostLooks; ++i, ++ticket) {
    // SYNC: partner claim_index_before in claim_noted(): the owner's note is seen with the claim.
    const typename A::Ticket end = A::load_index_after(&ring.header->enqueue);
    if (end - ticket - 1 >= ring.capacity) break;  // not claimed
    // SYNC: partner store_publish of a producer that is done.
    const u64 seen = A::load_ready(ring.slot(ticket));
    if (u32(seen) != ring.lap(ticket)) break;  // published
    *waits_for = living_owner<A>(producers, count, ticket, kNobody, lives);
    if (*waits_for != kNobody) break;
    // SYNC: partner load_ready of the consumer; fails when the owner published between the look and this.
    if (!A::swap_publish(ring.slot(ticket), seen, ring.lap(ticket) + 1, kSlotSkipped << kSizeBits)) break;
    ++skipped;
  }
  return skipped;
}

// The next message that a dead consumer holds, now claimed under the note `own`. Needs the lock of the table. `own` is
// clear, or left by one who died after it adopted a message. `waits_for` as above, of consumers that may own such a one.
template <class A, class Note, class Lives>
Claim<A> adopt_abandoned(Ring<A> ring, Note* consumers, u32 count, u32 own, Lives lives, u32* waits_for) {
  *waits_for = kNobody;
  u32 looks = 0;
  for (u32 i = 0; i < count; ++i) {
    // Relaxed: whoever left nothing need not be asked whether he lives.
    if (!noted_count(A::load_index(&consumers[i].word)) || (i != own && lives(i))) continue;
    // SYNC: partner store_index_before: only now that its owner is known to be dead is this its last note.
    const u64 note = A::load_index_after(&consumers[i].word);
    // SYNC: partner claim_index_before: see skip_abandoned().
    const typename A::Ticket end = A::load_index_after(&ring.header->dequeue);
    // The note's tickets as 64-bit numbers; those that are a lap old, or were never claimed, are nobody's.
    const u64 age = noted_age(note, end);
    bool settled = true;
    const u64 start = age <= 2ULL * ring.capacity && age > ring.capacity ? age - ring.capacity : 0;
    for (u64 k = start; k < noted_count(note) && k < age && age - k <= ring.capacity; ++k) {
      const typename A::Ticket ticket = end - age + k;
      // SYNC: partner store_publish of a consumer that has released it.
      if (u32(A::load_ready(ring.slot(ticket))) != ring.lap(ticket) + 1) continue;
      if (++looks > kMostLooks) return {0, 0};
      const u32 owner = living_owner<A>(consumers, count, ticket, i, lives);
      if (owner != kNobody) {  // it owns the ticket or will find out that it does not
        *waits_for = owner;
        settled = false;
        continue;
      }
      // SYNC: as above: an owner that has cleared its note since then has released the ticket before.
      if (u32(A::load_ready(ring.slot(ticket))) != ring.lap(ticket) + 1) continue;
      A::store_index_before(&consumers[own].word, note_of(ticket, 1));  // SYNC: as in claim_noted()
      // What is left of the dead one's note, unless an earlier ticket has to wait.
      const u32 left = noted_count(note) - u32(k) - 1;
      if (settled && i != own)
        A::store_index_before(&consumers[i].word, left ? note_of(ticket + 1, left) : 0);  // SYNC: as above
      return {ticket, 1};
    }
    if (settled) A::store_index_before(&consumers[i].word, 0);  // SYNC: as above
  }
  return {0, 0};
}

}  // namespace ringway
