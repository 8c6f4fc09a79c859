#pragma once
#import "device/encoder.h"

@interface SMBlitEncoder : SMEncoder <MTLBlitCommandEncoder>
@end
