#include "backends/metal/grid_job.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr u32 kGroupBytesUnit = 16;  // of threadgroup memory lengths

MTLSize size_of(const Extent& extent) {
  return MTLSizeMake(extent[0], extent[1], extent[2]);
}

u32 threadgroup_length(const DispatchRequest& request) {
  return std::max((request.group_bytes + kGroupBytesUnit - 1) / kGroupBytesUnit * kGroupBytesUnit,
                  kGroupBytesUnit);
}

bool has_threadgroup_memory(const Pipeline& pipeline) {
  return std::any_of(pipeline.bindings.begin(), pipeline.bindings.end(),
                     [](const Binding& binding) { return binding.threadgroup; });
}

std::string scalar_text(DType dtype, u64 word) {
  char text[32];
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, &word, sizeof(value));
    std::snprintf(text, sizeof(text), "%g", double(value));
    return text;
  }
  const u32 unused = 64 - 8 * ringway::size_of(dtype);
  word <<= unused;
  return is_signed(dtype) ? std::to_string(i64(word) >> unused) : std::to_string(word >> unused);
}

}  // namespace

GridJob::GridJob(const DispatchRequest& asked, GridParts& parts, bool is_awaited)
    : LineJob(asked, is_awaited), parts_(parts), passes_(parts.kernels.passes(*asked.kernel, asked.element)) {
  check_limits();
  bind_arguments();
}

void GridJob::check_limits() const {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::kDispatch, request.kernel->name + ": " + what);
  };
  const u64 threads = count_of(request.grid.group);
  for (const Pipeline* pass : passes_) {
    if (threads > pass->most_group_threads) {
      refuse("groups have " + std::to_string(threads) + " threads; on " + parts_.gpu.name +
             " this kernel has at most " + std::to_string(pass->most_group_threads));
    }
    const u64 bytes = has_threadgroup_memory(*pass) ? threadgroup_length(request) : 0;
    const u64 fixed = [pass->state.get() staticThreadgroupMemoryLength];
    if (bytes + fixed > parts_.gpu.most_group_bytes) {
      refuse("groups need " + std::to_string(bytes + fixed) + " bytes of threadgroup memory; on " +
             parts_.gpu.name + " there are " + std::to_string(parts_.gpu.most_group_bytes));
    }
  }
}

void GridJob::bind_arguments() {
  for (const ArgumentMemory& memory : memory_of(request)) {
    Bound bound{memory, How::kInPool, {}};
    if (bound.bytes == 0) {
      bound.how = How::kEmpty;
    } else {
      bound.place = parts_.pages->find(bound.data, bound.bytes);
      if (!bound.place.buffer) in_place_ = false;
    }
    bounds_.push_back(std::move(bound));
  }
}

// Metal's buffer for an argument outside of the pool's pages.
void GridJob::provide(Bound& bound) {
  const auto label = [&] {
    [bound.place.buffer.get() setLabel:string_of(request.kernel->arguments[bound.index].name)];
  };
  if (bound.how == How::kEmpty) {
    bound.place.buffer = parts_.copies.take(1);
    return label();
  }
  for (Bound& other : bounds_) {
    if (&other == &bound) break;
    if (other.data != bound.data || other.bytes != bound.bytes || other.how == How::kSame) continue;
    other.read |= bound.read;
    other.written |= bound.written;
    bound.place = other.place;
    bound.how = How::kSame;
    return;
  }
  checked([this] { return text_of(request); },
          [&] { bound.place.buffer = wrap_pages(parts_.gpu, bound.data, bound.bytes); });
  bound.how = bound.place.buffer ? How::kInPlace : How::kCopied;
  if (!bound.place.buffer) bound.place.buffer = parts_.copies.take(bound.bytes);
  label();
}

void GridJob::encode(Commands& commands) {
  const auto label = [this] { return text_of(request); };
  for (Bound& bound : bounds_) {
    if (!bound.place.buffer) provide(bound);
  }
  for (const Bound& bound : bounds_) {
    if (bound.how == How::kCopied && bound.read)
      std::memcpy([bound.place.buffer.get() contents], bound.data, bound.bytes);
  }
  id<MTLComputeCommandEncoder> encoder = commands.compute(passes_[0]->label.get());
  checked(label, [&] {
    for (const Pipeline* pass : passes_) encode_pass(encoder, *pass);
  });
  log::debug({"bound"}, [&] { return label() + "; " + bindings_text(); });
}

void GridJob::encode_pass(id<MTLComputeCommandEncoder> encoder, const Pipeline& pass) const {
  [encoder setComputePipelineState:pass.state.get()];
  for (const Bound& bound : bounds_)
    [encoder setBuffer:bound.place.buffer.get() offset:bound.place.offset atIndex:bound.index];
  for (u32 i = 0; i < request.kernel->arguments.size(); ++i) {
    const DispatchArgument& argument = request.kernel->arguments[i];
    if (!argument.scalar()) continue;
    [encoder setBytes:&request.words[i]
               length:ringway::size_of(argument.dtype.value_or(request.element))
              atIndex:i];
  }
  if (has_threadgroup_memory(pass))
    [encoder setThreadgroupMemoryLength:threadgroup_length(request) atIndex:0];
  [encoder dispatchThreads:size_of(request.grid.threads) threadsPerThreadgroup:size_of(request.grid.group)];
}

void GridJob::settle(bool good) {
  for (Bound& bound : bounds_) {
    if (bound.how == How::kCopied && bound.written && good)
      std::memcpy(bound.data, [bound.place.buffer.get() contents], bound.bytes);
    if (bound.how == How::kCopied || bound.how == How::kEmpty) {
      if (bound.place.buffer) parts_.copies.put_back(std::move(bound.place.buffer));
    }
    bound.place = {};
  }
}

// "a: 4000 bytes in place, b: 400 bytes copied in, total: 4 bytes copied in and out, n = 1000"
std::string GridJob::bindings_text() const {
  std::string text;
  for (const Bound& bound : bounds_) {
    text += (text.empty() ? "" : ", ") + request.kernel->arguments[bound.index].name + ": " +
            std::to_string(bound.bytes) + " bytes ";
    switch (bound.how) {
      case How::kInPool: text += "in the pool"; break;
      case How::kInPlace: text += "in place"; break;
      case How::kSame: text += "as before"; break;
      case How::kEmpty: break;
      case How::kCopied:
        text += std::string("copied") + (bound.read ? " in" : "") +
                (bound.read && bound.written ? " and" : "") + (bound.written ? " out" : "");
        break;
    }
  }
  for (u32 i = 0; i < request.kernel->arguments.size(); ++i) {
    const DispatchArgument& argument = request.kernel->arguments[i];
    if (argument.scalar())
      text += (text.empty() ? "" : ", ") + argument.name + " = " +
              scalar_text(argument.dtype.value_or(request.element), request.words[i]);
  }
  return text;
}

}  // namespace ringway::metal
