// Whose turn it is among the lanes of a mailbox: weighted round robin. While every lane has messages waiting, of any 85
// messages in a row 64 are of lane 0, 16 of lane 1, 4 of lane 2 and 1 of lane 3; a lane without messages passes its
// turn on. So the first message of a lane waits for at most 85 less its own weight of other lanes' messages.
#pragma once
#include "core/mailbox.h"

namespace ringway {

class LaneTurns {
 public:
  u32 lane() const { return lane_; }
  // Messages that it may have before the next lane's turn; at least 1.
  u32 credit() const { return credit_; }
  void took(u32 messages) {
    credit_ -= messages;
    if (!credit_) pass();
  }
  void pass() { start((lane_ + 1) % Mailbox::kLanes); }
  // After all lanes were found empty, the highest is the first again.
  void restart() { start(0); }

 private:
  static constexpr u32 kWeights[Mailbox::kLanes] = {64, 16, 4, 1};

  void start(u32 lane) {
    lane_ = lane;
    credit_ = kWeights[lane];
  }

  u32 lane_ = 0;
  u32 credit_ = kWeights[0];
};

}  // namespace ringway
