#pragma once
#import "device/encoder.h"

namespace softmetal {
struct ComputeState;
}

@interface SMComputeEncoder : SMEncoder <MTLComputeCommandEncoder> {
 @public
  softmetal::ComputeState* _compute;
  MTLDispatchType _type;
}
- (id)initWithBuffer:(SMCommandBuffer*)buffer type:(MTLDispatchType)type;
@end
