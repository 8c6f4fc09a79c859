// Of Apple's <dispatch/dispatch.h>, what Metal's interface needs: memory as an object.
#pragma once
#import <Foundation/NSObject.h>
#include <stddef.h>

@protocol OS_dispatch_data <NSObject>
@end
typedef NSObject<OS_dispatch_data>* dispatch_data_t;
typedef void (^dispatch_block_t)(void);
@protocol OS_dispatch_queue <NSObject>
@end
typedef NSObject<OS_dispatch_queue>* dispatch_queue_t;

#define DISPATCH_DATA_DESTRUCTOR_DEFAULT NULL

#ifdef __cplusplus
extern "C" {
#endif
// The default destructor copies the memory; another is called when the object goes.
dispatch_data_t dispatch_data_create(const void* buffer, size_t size, dispatch_queue_t queue,
                                     dispatch_block_t destructor);
#ifdef __cplusplus
}
#endif
