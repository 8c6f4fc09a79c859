#import "device/buffer.h"

#include <Block.h>
#include <unistd.h>

#include <atomic>

#import "device/validation.h"

namespace softmetal {
namespace {

std::atomic<NSUInteger> allocated{0};
constexpr NSUInteger kPage = 16384;  // of Apple's processors

}  // namespace

NSUInteger allocated_bytes() {
  return allocated;
}

}  // namespace softmetal

@implementation SMBuffer
- (id)initWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
  if (!(self = [super init])) return nil;
  const bool hidden = ((options >> 4) & 15) == MTLStorageModePrivate;
  _length = length;
  _options = options;
  _memory = new softmetal::Memory(length, hidden);
  _data = _memory->data();
  if (!_data) {
    [self release];
    return nil;
  }
  softmetal::allocated += length;
  return self;
}
- (id)initWithMemory:(void*)pointer
              length:(NSUInteger)length
             options:(MTLResourceOptions)options
         deallocator:(void (^)(void*, NSUInteger))deallocator {
  if (reinterpret_cast<uintptr_t>(pointer) % softmetal::kPage || length % softmetal::kPage)
    softmetal::broken(
        @"newBufferWithBytesNoCopy: pointer %p and length %lu must be multiples of the page size, %lu bytes",
        pointer, (unsigned long)length, (unsigned long)softmetal::kPage);
  if (!(self = [super init])) return nil;
  _data = static_cast<char*>(pointer);
  _length = length;
  _options = options;
  if (deallocator) _deallocator = (void (^)(void*, NSUInteger))Block_copy(deallocator);
  return self;
}
- (void)dealloc {
  if (!_uses) {
    if (_deallocator) {
      _deallocator(_data, _length);
      Block_release(_deallocator);
    }
    if (_memory && _data) softmetal::allocated -= _length;
    delete _memory;
  }
  [super dealloc];
}
- (NSUInteger)length {
  return _length;
}
- (void*)contents {
  return [self storageMode] == MTLStorageModePrivate ? NULL : _data;
}
- (void)didModifyRange:(NSRange)range {
  if ([self storageMode] != MTLStorageModeManaged)
    softmetal::broken(@"didModifyRange: buffer%s is not of MTLStorageModeManaged",
                      softmetal::label_of(self).c_str());
  if (range.location + range.length > _length) softmetal::broken(@"didModifyRange: out of the buffer");
}
- (uint64_t)gpuAddress {
  return reinterpret_cast<uint64_t>(_data);
}
- (MTLCPUCacheMode)cpuCacheMode {
  return MTLCPUCacheMode(_options & 15);
}
- (MTLStorageMode)storageMode {
  return MTLStorageMode((_options >> 4) & 15);
}
- (MTLHazardTrackingMode)hazardTrackingMode {
  return MTLHazardTrackingMode((_options >> 8) & 3);
}
- (MTLResourceOptions)resourceOptions {
  return _options;
}
- (NSUInteger)allocatedSize {
  return _length;
}
@end
