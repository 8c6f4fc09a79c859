// The ids of the last messages that a kernel took for handling: exact, not probabilistic. A ring of ids in the order in
// which they came, and a hash table of places in it; both lie behind their head. Belongs to one thread at a time.
#pragma once
#include "config.h"

namespace ringway {

struct DedupHead {
  u32 window;  // ids that are remembered; 0: none
  u32 next;    // place in the ring of the next id
  u32 mask;    // places in the table, a power of two of at least twice the window, less 1
  u32 reserved;
  u64 seed;  // so that nobody can choose ids that meet in one place
};

RW_FN u32 dedup_places(u32 window) {
  u32 places = 1;
  while (places < 2 * window) places *= 2;
  return places;
}
RW_FN u64 dedup_bytes(u32 window) {
  return sizeof(DedupHead) + u64(window) * 16 + dedup_places(window) * sizeof(u16);
}

// Ids are four words. The nil id stands for no id, and is never found.
struct DedupIds {
  RW_SHARED DedupHead* head;
  RW_SHARED u32* ring;   // nil: unused
  RW_SHARED u16* table;  // place in the ring + 1; 0: empty; linear probing

  // Of memory that is zero.
  RW_FN void create(RW_SHARED u8* memory, u32 window, u64 seed) RW_PRIVATE {
    RW_SHARED DedupHead* made = (RW_SHARED DedupHead*)memory;
    made->window = window;
    made->mask = dedup_places(window) - 1;
    made->seed = seed;
    open(memory);
  }
  RW_FN void open(RW_SHARED u8* memory) RW_PRIVATE {
    head = (RW_SHARED DedupHead*)memory;
    ring = (RW_SHARED u32*)(head + 1);
    table = (RW_SHARED u16*)(ring + 4 * head->window);
  }

  // False when the id is among the last ones.
  RW_FN bool add(RW_SHARED const u32* id) RW_PRIVATE {
    if (!head->window || is_nil(id)) return true;
    if (table[find(id)]) return false;
    RW_SHARED u32* oldest = ring + 4 * head->next;
    if (!is_nil(oldest)) erase(find(oldest));
    for (u32 i = 0; i < 4; ++i) oldest[i] = id[i];
    table[find(id)] = u16(head->next + 1);
    head->next = head->next + 1 == head->window ? 0 : head->next + 1;
    return true;
  }
  // So that a message of this id may come again; it keeps its place among the last ones.
  RW_FN void remove(RW_SHARED const u32* id) RW_PRIVATE {
    if (!head->window || is_nil(id)) return;
    const u32 place = find(id);
    if (!table[place]) return;
    RW_SHARED u32* known = id_at(place);
    erase(place);
    for (u32 i = 0; i < 4; ++i) known[i] = 0;
  }

 private:
  RW_FN bool is_nil(RW_SHARED const u32* id) const RW_PRIVATE { return !(id[0] | id[1] | id[2] | id[3]); }
  RW_FN RW_SHARED u32* id_at(u32 place) const RW_PRIVATE { return ring + 4 * (table[place] - 1u); }

  RW_FN u32 home(RW_SHARED const u32* id) const RW_PRIVATE {
    // Odd constants without structure; the high half of a product depends on every bit below.
    const u64 first = 0x9e3779b97f4a7c15u, second = 0xc2b2ae3d27d4eb4fu;
    u64 mixed = ((u64(id[1]) << 32 | id[0]) ^ head->seed) * first;
    mixed = ((u64(id[3]) << 32 | id[2]) ^ (mixed << 32 | mixed >> 32)) * second;
    return u32(mixed >> 32) & head->mask;
  }
  // Its place in the table, or the empty one where it would go.
  RW_FN u32 find(RW_SHARED const u32* id) const RW_PRIVATE {
    u32 place = home(id);
    for (; table[place]; place = (place + 1) & head->mask) {
      RW_SHARED const u32* known = id_at(place);
      if (known[0] == id[0] && known[1] == id[1] && known[2] == id[2] && known[3] == id[3]) break;
    }
    return place;
  }
  RW_FN void erase(u32 place) RW_PRIVATE {
    // What follows moves up, so that every id is found by walking from its home to the first empty place.
    u32 hole = place;
    for (u32 next = (hole + 1) & head->mask; table[next]; next = (next + 1) & head->mask) {
      const u32 distance = (next - home(id_at(next))) & head->mask;
      if (distance < ((next - hole) & head->mask)) continue;
      table[hole] = table[next];
      hole = next;
    }
    table[hole] = 0;
  }
};

}  // namespace ringway
