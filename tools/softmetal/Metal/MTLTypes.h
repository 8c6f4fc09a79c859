#pragma once
#import <Foundation/Foundation.h>
#include <stdint.h>

// Forms of Apple's Foundation that GNUstep's lacks.
#ifndef NS_ENUM
#define NS_ENUM(type, name) \
  enum name : type;         \
  typedef enum name name;   \
  enum name : type
#endif
#ifndef NS_OPTIONS
#define NS_OPTIONS(type, name) \
  typedef type name;           \
  enum : type
#endif
typedef double CFTimeInterval;

#ifdef __cplusplus
#define MTL_EXTERN extern "C"
#else
#define MTL_EXTERN extern
#endif

@protocol MTLBlitCommandEncoder
, MTLBuffer, MTLCommandBuffer, MTLCommandQueue, MTLComputeCommandEncoder, MTLComputePipelineState, MTLDevice,
    MTLEvent, MTLFunction, MTLLibrary, MTLSharedEvent;

typedef struct {
  NSUInteger x, y, z;
} MTLOrigin;

typedef struct {
  NSUInteger width, height, depth;
} MTLSize;

static inline MTLSize MTLSizeMake(NSUInteger width, NSUInteger height, NSUInteger depth) {
  MTLSize size = {width, height, depth};
  return size;
}
