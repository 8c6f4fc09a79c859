// What stands in the line of a device: a dispatch, or a copy from or to private memory.
#pragma once
#include "backends/metal/commands.h"
#include "core/dispatch.h"

namespace ringway::metal {

class LineJob : public DispatchJob {
 public:
  // `is_awaited`: the caller waits for it and starts nothing meanwhile.
  LineJob(const DispatchRequest& asked, bool is_awaited) : DispatchJob(asked), awaited(is_awaited) {}

  // Whether the host has nothing to do before and after it.
  virtual bool in_place() const = 0;

  // Both of these inside of an AutoreleaseScope, one for many.
  //
  // Puts its commands into an encoder of their own; jobs that this one is to follow have ended, but for those in place
  // before one in place. Throws kOutOfMemory and kDispatch.
  virtual void encode(Commands& commands) = 0;
  // After the end: what is to be brought back is, unless it failed, and buffers are let go.
  virtual void settle(bool good) = 0;

  const bool awaited;
  // Guarded by the dispatcher's lock.
  bool alone = false;  // shares no command buffer
  bool cancelled = false;
  EncoderEnd end = EncoderEnd::kNotRun;
};

}  // namespace ringway::metal
