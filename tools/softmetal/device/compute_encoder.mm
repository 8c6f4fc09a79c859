#import "device/compute_encoder.h"

#include <cstring>
#include <memory>
#include <vector>

#import "device/buffer.h"
#import "device/library.h"
#import "device/validation.h"
#include "engine/dispatch.h"

namespace softmetal {

struct Slot {
  SMBuffer* buffer = nil;
  NSUInteger offset = 0;
  std::shared_ptr<std::vector<char>> bytes;  // of setBytes
};

// Dispatches that nothing orders among each other, and the memory that has to be looked at when they have ended.
struct Section {
  std::vector<std::unique_ptr<Dispatch>> dispatches;
  std::vector<std::shared_ptr<std::vector<char>>> bytes;
  std::vector<SMBuffer*> buffers;
};

struct ComputeState {
  SMPipeline* pipeline = nil;
  Slot slots[SM_BUFFERS];
  NSUInteger group_bytes[SM_BUFFERS] = {};
  std::shared_ptr<Section> section = std::make_shared<Section>();
};

namespace {

void run_section(const Section& section, Failure& failure, HostViews* views) {
  std::vector<const Dispatch*> dispatches;
  for (const auto& dispatch : section.dispatches) dispatches.push_back(dispatch.get());
  run(dispatches, failure, views);
  for (SMBuffer* buffer : section.buffers) {
    const std::string damage = buffer->_memory ? buffer->_memory->damage() : "";
    if (damage.empty()) continue;
    failure.set(kPageFault, "Compute Function(" + section.dispatches[0]->kernel->name +
                                "): a write outside of buffer" + label_of(buffer) + " of length " +
                                std::to_string(buffer->_length) + ": " + damage);
  }
}

void require_index(const char* call, NSUInteger index) {
  if (index >= SM_BUFFERS) broken(@"%s: index(%lu) must be < %d", call, (unsigned long)index, SM_BUFFERS);
}

unsigned long product(MTLSize size) {
  return size.width * size.height * size.depth;
}

bool has_zero(MTLSize size) {
  return !size.width || !size.height || !size.depth;
}

// Puts what is bound to `argument` into the dispatch, or says what is wrong with it.
void bind(const Kernel& kernel, const sm_argument& argument, const Slot& slot, Dispatch& dispatch) {
  const char* name = kernel.name.c_str();
  Bound& bound = dispatch.buffers[argument.index];
  if (slot.buffer) {
    bound = {slot.buffer->_data + slot.offset, slot.buffer->_length - slot.offset, label_of(slot.buffer)};
  } else if (slot.bytes) {
    bound = {slot.bytes->data(), slot.bytes->size(), ""};
  } else {
    broken(@"Compute Function(%s): missing Buffer binding at index %u for %s[0].", name, argument.index,
           argument.name);
  }
  if (bound.length < argument.size)
    broken(@"Compute Function(%s): argument %s[0] from Buffer(%u)%s with offset(%lu) and length(%lu) has "
           @"space for %lu "
           @"bytes, but argument has a length(%u).",
           name, argument.name, argument.index, bound.label.c_str(), (unsigned long)slot.offset,
           (unsigned long)(slot.offset + bound.length), (unsigned long)bound.length, argument.size);
  if (slot.offset % argument.align)
    broken(@"Compute Function(%s): offset(%lu) of argument %s[0] at Buffer(%u)%s is not a multiple of its "
           @"alignment, %u.",
           name, (unsigned long)slot.offset, argument.name, argument.index, bound.label.c_str(),
           argument.align);
  if (slot.bytes && argument.is_reference && bound.length != argument.size)
    broken(@"Compute Function(%s): setBytes gave %lu bytes at index %u, but %s is one value of %u bytes.",
           name, (unsigned long)bound.length, argument.index, argument.name, argument.size);
  if (slot.bytes && bound.length % argument.size)
    broken(@"Compute Function(%s): setBytes gave %lu bytes at index %u, no whole number of %s[0]'s elements "
           @"of %u "
           @"bytes.",
           name, (unsigned long)bound.length, argument.index, argument.name, argument.size);
  if (slot.bytes && argument.writable)
    broken(@"Compute Function(%s): setBytes at index %u, but the kernel may write to %s[0]: bind a buffer.",
           name, argument.index, argument.name);
}

// A buffer with another argument's name as its label, where that one has another buffer.
void require_own_names(const Kernel& kernel, const Slot (&slots)[SM_BUFFERS]) {
  for (const sm_argument& argument : kernel.arguments) {
    SMBuffer* const buffer = argument.kind == SM_BUFFER ? slots[argument.index].buffer : nil;
    if (!buffer || !buffer->_label) continue;
    const char* const label = [buffer->_label UTF8String];
    for (const sm_argument& other : kernel.arguments) {
      if (other.kind != SM_BUFFER || slots[other.index].buffer == buffer || std::strcmp(other.name, label))
        continue;
      broken(@"Compute Function(%s): the buffer labelled '%s' is bound as %s[0] at index %u, and another one "
             @"as %s[0] "
             @"at index %u: they are swapped.",
             kernel.name.c_str(), label, argument.name, argument.index, other.name, other.index);
    }
  }
}

}  // namespace
}  // namespace softmetal

using softmetal::broken;

@implementation SMComputeEncoder
- (id)initWithBuffer:(SMCommandBuffer*)buffer type:(MTLDispatchType)type {
  if (!(self = [super initWithBuffer:buffer])) return nil;
  _compute = new softmetal::ComputeState;
  _type = type;
  return self;
}
- (void)dealloc {
  delete _compute;
  [super dealloc];
}
- (MTLDispatchType)dispatchType {
  return _type;
}
- (void)endEncoding {
  [super endEncoding];
  [self closeSection];
}
- (void)closeSection {
  if (_compute->section->dispatches.empty()) return;
  const std::shared_ptr<softmetal::Section> section = _compute->section;
  _compute->section = std::make_shared<softmetal::Section>();
  softmetal::CommandState* const state = _buffer->_state;
  state->bound.insert(state->bound.end(), section->buffers.begin(), section->buffers.end());
  [_buffer part].steps.push_back([section, state](softmetal::Failure& failure) {
    softmetal::run_section(*section, failure, state->views.get());
  });
}
- (void)setComputePipelineState:(id<MTLComputePipelineState>)state {
  [self requireOpen:"setComputePipelineState"];
  softmetal::require_live(state, [SMPipeline class], "setComputePipelineState: state");
  _compute->pipeline = (SMPipeline*)state;
  [_buffer keep:_compute->pipeline];
}
- (void)setBuffer:(id<MTLBuffer>)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index {
  [self requireOpen:"setBuffer"];
  softmetal::require_index("setBuffer", index);
  if (buffer) softmetal::require_live(buffer, [SMBuffer class], "setBuffer: buffer");
  if (buffer && offset >= [buffer length])
    broken(@"setBuffer: offset(%lu) must be < the buffer's length(%lu)", (unsigned long)offset,
           (unsigned long)[buffer length]);
  _compute->slots[index] = {(SMBuffer*)buffer, offset, nullptr};
  [_buffer keep:(SMObject*)buffer];
}
- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index {
  [self requireOpen:"setBufferOffset"];
  softmetal::require_index("setBufferOffset", index);
  SMBuffer* buffer = _compute->slots[index].buffer;
  if (!buffer) broken(@"setBufferOffset: no buffer is set at index %lu", (unsigned long)index);
  if (offset >= buffer->_length)
    broken(@"setBufferOffset: offset(%lu) must be < the buffer's length(%lu)", (unsigned long)offset,
           (unsigned long)buffer->_length);
  _compute->slots[index].offset = offset;
}
- (void)setBuffers:(const id<MTLBuffer>[])buffers
           offsets:(const NSUInteger[])offsets
         withRange:(NSRange)range {
  for (NSUInteger i = 0; i < range.length; ++i)
    [self setBuffer:buffers[i] offset:offsets[i] atIndex:range.location + i];
}
- (void)setBytes:(const void*)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
  [self requireOpen:"setBytes"];
  softmetal::require_index("setBytes", index);
  if (!bytes || !length) broken(@"setBytes: no bytes for index %lu", (unsigned long)index);
  if (length > SM_BYTES)
    broken(@"setBytes: length(%lu) at index %lu must be <= %d; bind a buffer", (unsigned long)length,
           (unsigned long)index, SM_BYTES);
  const auto* from = static_cast<const char*>(bytes);
  _compute->slots[index] = {nil, 0, std::make_shared<std::vector<char>>(from, from + length)};
}
- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index {
  [self requireOpen:"setThreadgroupMemoryLength"];
  softmetal::require_index("setThreadgroupMemoryLength", index);
  if (length % 16)
    broken(@"setThreadgroupMemoryLength: length(%lu) at index %lu must be a multiple of 16 bytes",
           (unsigned long)length, (unsigned long)index);
  if (length > SM_GROUP_BYTES)
    broken(@"setThreadgroupMemoryLength: length(%lu) at index %lu must be <= %d", (unsigned long)length,
           (unsigned long)index, SM_GROUP_BYTES);
  _compute->group_bytes[index] = length;
}
- (void)useResource:(id<MTLResource>)resource usage:(MTLResourceUsage)usage {
  [self requireOpen:"useResource"];
  softmetal::require_live(resource, [SMBuffer class], "useResource: resource");
  [_buffer keep:(SMObject*)resource];
}
- (void)useResources:(const id<MTLResource>[])resources
               count:(NSUInteger)count
               usage:(MTLResourceUsage)usage {
  for (NSUInteger i = 0; i < count; ++i) [self useResource:resources[i] usage:usage];
}
- (void)memoryBarrierWithScope:(MTLBarrierScope)scope {
  [self requireOpen:"memoryBarrierWithScope"];
  [self closeSection];
}
- (void)memoryBarrierWithResources:(const id<MTLResource>[])resources count:(NSUInteger)count {
  [self requireOpen:"memoryBarrierWithResources"];
  [self closeSection];
}
- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)threads {
  if (softmetal::has_zero(groups))
    broken(@"dispatchThreadgroups: threadgroupsPerGrid(%lu,%lu,%lu) must not have a zero component",
           (unsigned long)groups.width, (unsigned long)groups.height, (unsigned long)groups.depth);
  [self dispatch:MTLSizeMake(groups.width * threads.width, groups.height * threads.height,
                             groups.depth * threads.depth)
         threads:threads];
}
- (void)dispatchThreads:(MTLSize)grid threadsPerThreadgroup:(MTLSize)threads {
  [self dispatch:grid threads:threads];
}
- (void)requireGrid:(MTLSize)grid threads:(MTLSize)threads {
  [self requireOpen:"dispatch"];
  if (!_compute->pipeline) broken(@"dispatch: no compute pipeline state is set");
  const char* name = _compute->pipeline->_kernel->name.c_str();
  if (softmetal::has_zero(threads))
    broken(@"Compute Function(%s): threadsPerThreadgroup(%lu,%lu,%lu) must not have a zero component", name,
           (unsigned long)threads.width, (unsigned long)threads.height, (unsigned long)threads.depth);
  if (softmetal::has_zero(grid))
    broken(@"Compute Function(%s): threadsPerGrid(%lu,%lu,%lu) must not have a zero component", name,
           (unsigned long)grid.width, (unsigned long)grid.height, (unsigned long)grid.depth);
  for (const NSUInteger side : {grid.width, grid.height, grid.depth})
    if (side > 0xffffffffull)
      broken(@"Compute Function(%s): a side of the grid, %lu threads, does not fit in 32 bits", name,
             (unsigned long)side);
  const NSUInteger limit = _compute->pipeline->_maxThreads, all = softmetal::product(threads);
  if (all > limit || threads.width > limit || threads.height > limit || threads.depth > limit)
    broken(@"Compute Function(%s): (threadsPerThreadgroup.width(%lu) * threadsPerThreadgroup.height(%lu) * "
           @"threadsPerThreadgroup.depth(%lu))(%lu) must be <= %lu. (kernel threadgroup size limit)",
           name, (unsigned long)threads.width, (unsigned long)threads.height, (unsigned long)threads.depth,
           (unsigned long)all, (unsigned long)limit);
  if (_compute->pipeline->_multiple && all % SM_LANES)
    broken(@"Compute Function(%s): the pipeline was promised multiples of the thread execution width, %d, "
           @"but got %lu "
           @"threads per threadgroup",
           name, SM_LANES, (unsigned long)all);
}
- (void)dispatch:(MTLSize)grid threads:(MTLSize)threads {
  [self requireGrid:grid threads:threads];
  const softmetal::Kernel& kernel = *_compute->pipeline->_kernel;
  auto dispatch = std::make_unique<softmetal::Dispatch>();
  dispatch->kernel = &kernel;
  const NSUInteger sides[3] = {grid.width, grid.height, grid.depth};
  const NSUInteger parts[3] = {threads.width, threads.height, threads.depth};
  for (int axis = 0; axis < 3; ++axis) {
    dispatch->grid[axis] = sides[axis];
    dispatch->group[axis] = parts[axis];
    dispatch->groups[axis] = (sides[axis] + parts[axis] - 1) / parts[axis];
  }
  softmetal::Section& section = *_compute->section;
  NSUInteger group_bytes = kernel.variable_bytes;
  for (const sm_argument& argument : kernel.arguments) {
    const softmetal::Slot& slot = _compute->slots[argument.index];
    if (argument.kind == SM_BUFFER) {
      softmetal::bind(kernel, argument, slot, *dispatch);
      if (slot.bytes) section.bytes.push_back(slot.bytes);
      if (slot.buffer) section.buffers.push_back(slot.buffer);
      continue;
    }
    const NSUInteger bytes = _compute->group_bytes[argument.index];
    if (!bytes)
      broken(@"Compute Function(%s): missing threadgroupMemory binding at index %u for %s[0]: call "
             @"setThreadgroupMemoryLength.",
             kernel.name.c_str(), argument.index, argument.name);
    if (bytes < argument.size)
      broken(
          @"Compute Function(%s): threadgroup memory at index %u has %lu bytes, but %s[0] has a length(%u).",
          kernel.name.c_str(), argument.index, (unsigned long)bytes, argument.name, argument.size);
    dispatch->group_bytes[argument.index] = static_cast<unsigned>(bytes);
    group_bytes += bytes;
  }
  softmetal::require_own_names(kernel, _compute->slots);
  if (group_bytes > SM_GROUP_BYTES)
    broken(@"Compute Function(%s): Threadgroup memory size (%lu) exceeds the maximum threadgroup memory "
           @"allowed (%d)",
           kernel.name.c_str(), (unsigned long)group_bytes, SM_GROUP_BYTES);
  section.dispatches.push_back(std::move(dispatch));
  if (_type == MTLDispatchTypeSerial) [self closeSection];
}
@end
