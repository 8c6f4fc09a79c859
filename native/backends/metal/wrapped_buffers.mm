#include "backends/metal/wrapped_buffers.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "backends/metal/errors.h"
#include "backends/metal/memory.h"
#include "core/log.h"
#include "ringway/slice_layout.h"

namespace ringway::metal {
// The pages that the memory lies in: a handler gets no address outside of it.
WrappedBuffers::Wrapped WrappedBuffers::wrap(const BufferTable::Named& memory) const {
  u8* const first = page_of(memory.data);
  const u64 skipped = u64(memory.data - first);
  Wrapped wrapped{{}, 0, memory.bytes};
  if (!memory.bytes) {
    wrapped.address = [arena_->buffer() gpuAddress];  // of nothing; never followed
    return wrapped;
  }
  try {
    checked("buffer " + std::to_string(memory.handle),
            [&] { wrapped.buffer = wrap_pages(gpu_, first, skipped + memory.bytes); });
  } catch (const Error& error) {
    log::warning({"metal"}, [&] { return std::string(error.what()); });
  }
  if (wrapped.buffer) wrapped.address = [wrapped.buffer.get() gpuAddress] + skipped;
  return wrapped;
}

void WrappedBuffers::renew() {
  const AutoreleaseScope scope;
  const u64 changes = buffers_.changes();  // before the list, so that a later one is found out
  const auto named = buffers_.list();
  u32 entries = 0;
  for (const BufferTable::Named& memory : named) entries = std::max(entries, u32(memory.handle) + 1);
  if (entries > room_) {  // first: where there is no memory, all stays as it was
    const u32 room = std::max(2 * room_, entries);
    table_ = Block(arena_, u64(room) * sizeof(SliceBuffer));
    room_ = room;
    entries_ = 0;
  }
  std::map<u64, Wrapped> now;
  for (const BufferTable::Named& memory : named) {
    const auto known = wrapped_.find(memory.handle);
    Wrapped wrapped = known != wrapped_.end() ? known->second : wrap(memory);
    if (!wrapped.address) {
      log::warning({"metal"}, [&] {
        return "the GPU cannot use the " + std::to_string(memory.bytes) + " bytes of buffer handle " +
               std::to_string(memory.handle) +
               " where they lie: kernels will not find it; use Runtime.buffer(nbytes)";
      });
    }
    now.emplace(memory.handle, std::move(wrapped));
  }
  std::vector<id<MTLResource>> resources;
  for (const auto& [handle, wrapped] : now) {
    if (wrapped.buffer) resources.push_back(wrapped.buffer.get());
  }
  wrapped_ = std::move(now);
  resources_ = std::move(resources);
  entries_ = entries;
  atomic::store_release(&seen_, changes);  // SYNC: partner stale(): nothing runs that has the older table
  if (!table_) return;
  auto* const table = arena_->as<SliceBuffer>(table_.offset());
  std::fill_n(table, room_, SliceBuffer{0, 0, 0});
  for (const auto& [handle, wrapped] : wrapped_) {
    if (wrapped.address) table[u32(handle)] = {handle, wrapped.address, wrapped.bytes};
  }
}

}  // namespace ringway::metal
