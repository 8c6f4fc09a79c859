#import "device/dispatch_data.h"

#include <Block.h>

#include <string>

#import "device/validation.h"

@interface SMData : NSObject <OS_dispatch_data> {
 @public
  std::string* _copy;
  std::string_view* _bytes;
  dispatch_block_t _destructor;
}
@end

@implementation SMData
- (void)dealloc {
  if (_destructor) {
    _destructor();
    Block_release(_destructor);
  }
  delete _bytes;
  delete _copy;
  [super dealloc];
}
@end

extern "C" [[gnu::visibility("default")]] dispatch_data_t dispatch_data_create(const void* buffer,
                                                                               size_t size, dispatch_queue_t,
                                                                               dispatch_block_t destructor) {
  SMData* data = [SMData new];
  const auto* const from = static_cast<const char*>(buffer);
  if (destructor) {
    data->_destructor = (dispatch_block_t)Block_copy(destructor);
    data->_bytes = new std::string_view(from, size);
  } else {
    data->_copy = new std::string(from, size);
    data->_bytes = new std::string_view(*data->_copy);
  }
  return data;
}

std::string_view softmetal::bytes_of(dispatch_data_t data) {
  if (![data isKindOfClass:[SMData class]]) broken(@"newLibraryWithData: the data is no dispatch_data_t");
  return *static_cast<SMData*>(data)->_bytes;
}
