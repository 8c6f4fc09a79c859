// Copies between private memory and the host's, through a buffer that both see, by Metal's own copying.
#pragma once
#include "backends/metal/grid_job.h"

namespace ringway::metal {

class CopyJob : public LineJob {
 public:
  // One of the two is private; without `from`, what is at `to` becomes zero. Throws kDispatch when none is.
  CopyJob(GridParts& parts, u8* to, const u8* from, u64 bytes);

  // The host's memory may be that of dispatches before and behind it.
  bool in_place() const override { return kind_ == Kind::kZero; }
  void encode(Commands& commands) override;
  void settle(bool good) override;

 private:
  enum class Kind { kIn, kOut, kZero };

  GridParts& parts_;
  u8* const to_;
  const u8* const from_;
  const u64 bytes_;
  Kind kind_;
  Place private_;
  Owned<id<MTLBuffer>> staging_;
};

}  // namespace ringway::metal
