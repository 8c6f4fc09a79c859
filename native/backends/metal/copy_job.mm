#include "backends/metal/copy_job.h"

#include <cstring>

#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr u64 kBlitUnit = 4;  // bytes that offsets and sizes of Metal's copies are multiples of

DispatchRequest request_of(u64 bytes) {
  static const DispatchKernel* const copy = [] {
    auto* kernel = new DispatchKernel;
    kernel->name = "copy";
    return kernel;
  }();
  DispatchRequest request;
  request.kernel = copy;
  request.element = DType::kU8;
  request.grid.threads = {bytes, 1, 1};
  return request;
}

// Whole pages lie behind what is copied.
u64 blit_bytes(u64 bytes) {
  return (bytes + kBlitUnit - 1) / kBlitUnit * kBlitUnit;
}

}  // namespace

CopyJob::CopyJob(GridParts& parts, u8* to, const u8* from, u64 bytes)
    : LineJob(request_of(bytes), false),
      parts_(parts),
      to_(to),
      from_(from),
      bytes_(bytes),
      kind_(from ? Kind::kIn : Kind::kZero),
      private_(parts.pages->find_private(to, bytes)) {
  if (private_.buffer) return;
  kind_ = Kind::kOut;
  if (from) private_ = parts.pages->find_private(from, bytes);
  if (!private_.buffer)
    throw Error(ErrorKind::kDispatch, "copy: neither side is a private buffer of the device");
}

void CopyJob::encode(Commands& commands) {
  const auto text = [this] { return text_of(request); };
  if (kind_ != Kind::kZero) staging_ = parts_.copies.take(bytes_);
  if (kind_ == Kind::kIn) std::memcpy([staging_.get() contents], from_, bytes_);
  id<MTLBlitCommandEncoder> encoder = commands.blit(parts_.copy_label.get());
  id<MTLBuffer> const memory = private_.buffer.get();
  const u64 bytes = blit_bytes(bytes_);
  checked(text, [&] {
    switch (kind_) {
      case Kind::kIn:
        [encoder copyFromBuffer:staging_.get()
                   sourceOffset:0
                       toBuffer:memory
              destinationOffset:private_.offset
                           size:bytes];
        break;
      case Kind::kOut:
        [encoder copyFromBuffer:memory
                   sourceOffset:private_.offset
                       toBuffer:staging_.get()
              destinationOffset:0
                           size:bytes];
        break;
      case Kind::kZero: [encoder fillBuffer:memory range:NSMakeRange(private_.offset, bytes) value:0]; break;
    }
  });
  log::debug({"bound"}, [&] {
    const char* const how = kind_ == Kind::kIn ? "in" : kind_ == Kind::kOut ? "out" : "zeros in";
    return text() + "; " + std::to_string(bytes_) + " bytes copied " + how;
  });
}

void CopyJob::settle(bool good) {
  if (kind_ == Kind::kOut && good) std::memcpy(to_, [staging_.get() contents], bytes_);
  if (staging_) parts_.copies.put_back(std::move(staging_));
  private_ = {};
}

}  // namespace ringway::metal
