#import "device/blit_encoder.h"

#include <cstring>

#import "device/buffer.h"
#import "device/validation.h"

namespace softmetal {
namespace {

void require_range(const char* what, SMBuffer* buffer, NSUInteger offset, NSUInteger size) {
  require_live(buffer, [SMBuffer class], what);
  if (offset > buffer->_length || size > buffer->_length - offset)
    broken(@"%s: offset(%lu) and size(%lu) reach past the end of buffer%s of length(%lu)", what,
           (unsigned long)offset, (unsigned long)size, label_of(buffer).c_str(),
           (unsigned long)buffer->_length);
  if (!size) broken(@"%s: size is 0", what);
  if (offset % 4 || size % 4)
    broken(@"%s: offset(%lu) and size(%lu) must be multiples of 4 bytes", what, (unsigned long)offset,
           (unsigned long)size);
}

}  // namespace
}  // namespace softmetal

@implementation SMBlitEncoder
- (void)copyFromBuffer:(id<MTLBuffer>)source
          sourceOffset:(NSUInteger)sourceOffset
              toBuffer:(id<MTLBuffer>)destination
     destinationOffset:(NSUInteger)destinationOffset
                  size:(NSUInteger)size {
  [self requireOpen:"copyFromBuffer"];
  auto *from = (SMBuffer*)source, *to = (SMBuffer*)destination;
  softmetal::require_range("copyFromBuffer: source", from, sourceOffset, size);
  softmetal::require_range("copyFromBuffer: destination", to, destinationOffset, size);
  const bool overlap =
      from == to && sourceOffset < destinationOffset + size && destinationOffset < sourceOffset + size;
  if (overlap) softmetal::broken(@"copyFromBuffer: source and destination overlap in the same buffer");
  [_buffer keep:from];
  [_buffer keep:to];
  [_buffer part].steps.push_back([=](softmetal::Failure&) {
    std::memcpy(to->_data + destinationOffset, from->_data + sourceOffset, size);
  });
}
- (void)fillBuffer:(id<MTLBuffer>)buffer range:(NSRange)range value:(uint8_t)value {
  [self requireOpen:"fillBuffer"];
  auto* to = (SMBuffer*)buffer;
  softmetal::require_range("fillBuffer", to, range.location, range.length);
  [_buffer keep:to];
  [_buffer part].steps.push_back(
      [=](softmetal::Failure&) { std::memset(to->_data + range.location, value, range.length); });
}
@end
