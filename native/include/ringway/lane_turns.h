// Whose turn it is among the lanes of a mailbox: weighted round robin. While every lane has messages waiting, of any 85
// messages in a row 64 are of lane 0, 16 of lane 1, 4 of lane 2 and 1 of lane 3; a lane without messages passes its
// turn on. So the first message of a lane waits for at most 85 less its own weight of other lanes' messages.
#pragma once
#include "config.h"

namespace ringway {

enum : u32 { kMailboxLanes = 4 };

// Zero-filled: lane 0 begins.
struct LaneTurns {
  u32 at;    // the lane
  u32 used;  // messages of its turn that it has had
};

RW_FN u32 lane_weight(u32 lane) {
  return lane == 0 ? 64 : lane == 1 ? 16 : lane == 2 ? 4 : 1;
}
// Messages that the lane may have before the next one's turn; at least 1.
RW_FN u32 lane_credit(LaneTurns turns) {
  return lane_weight(turns.at) - turns.used;
}
RW_FN LaneTurns lane_passed(LaneTurns turns) {
  LaneTurns next = {(turns.at + 1) % kMailboxLanes, 0};
  return next;
}
RW_FN LaneTurns lane_took(LaneTurns turns, u32 messages) {
  turns.used += messages;
  if (turns.used == lane_weight(turns.at)) turns = lane_passed(turns);
  return turns;
}

}  // namespace ringway
