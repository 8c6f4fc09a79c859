#include "core/shared_wait.h"

#include "ringway/atomics_runtime.h"

namespace ringway {

void announce_shared(u32* word) {
  // SYNC: partner arm_shared(): either this sees who sleeps, or the sleeper sees what was published before.
  u32 now = atomic::add_seq_cst(word, 2U) + 2;
  if (!(now & 1)) return;
  // SYNC: as above; the sleepers' bit goes before they are woken.
  while ((now & 1) && !atomic::claim_seq_cst(word, &now, now - 1)) {
  }
  unpark_shared(word);
}

u32 arm_shared(u32* word) {
  u32 now = atomic::load_seq_cst(word);  // SYNC: partner announce_shared(): see there
  while (!(now & 1) && !atomic::claim_seq_cst(word, &now, now | 1)) {  // SYNC: as above
  }
  return now | 1;
}

}  // namespace ringway
