// What a runtime writes into its recording about itself.
#include "core/record/fields.h"
#include "core/runtime.h"
#include "core/version.h"

namespace ringway {

void Runtime::start_recording(const RecordOptions& options) {
  check_usable();
  std::lock_guard lock(changing_);
  check_usable();
  recorder_->start(options);
  recorder_->put(RecordKind::kRuntime, 0, 0,
                 {{"ringway", version()},
                  {"backend", backend_name_},
                  {"workers", std::to_string(backend_->workers())},
                  {"assist", std::to_string(int(options_.assist))}});
  const u64 buffers = atomic::load_relaxed(&buffers_made_);
  if (buffers) recorder_->put(RecordKind::kBuffers, 0, buffers, 0, {});
  for (const auto& kernel : kernels()) {
    record_launch(*kernel, true);
    const std::string failure = kernel->failure();
    recorder_->put(RecordKind::kState, kernel->port().index, 0, u32(kernel->state()),
                   {{failure.data(), failure.size()}});
  }
  for (const auto& queue : queues()) {
    if (queue->recorded()) record_queue(*queue, true);
  }
  record_idle();
  std::lock_guard list(listing_);  // a link is recorded here or by who makes it
  for (const TimedLink& link : links_) record_link(link);
  recorder_->begin();
}

RecordReport Runtime::stop_recording() {
  if (forked()) check_usable();
  std::lock_guard lock(changing_);
  if (recorder_->on()) record_idle();
  return recorder_->stop();
}

void Runtime::record_launch(const Kernel& kernel, bool earlier) {
  const auto type = kernel.type();
  RecordFields fields = fields_of(
      {type->name, kernel.name(), kernel.port().index, 0, kernel.options(), kernel.grid(), kernel.block()});
  add_program(&fields, *type, kernel.first_state());
  recorder_->put(RecordKind::kLaunch, kernel.port().index, u32(earlier), fields);
}

void Runtime::record_link(const TimedLink& link) {
  recorder_->put(RecordKind::kLink, link.source_index, 0,
                 {{"target", std::to_string(link.target_index)},
                  {"capacity", std::to_string(link.spec.capacity)},
                  {"slot_size", std::to_string(link.spec.payload)}});
}

void Runtime::record_queue(const NamedQueue& queue, bool earlier) {
  recorder_->put(RecordKind::kQueueOpen, queue.number(), u32(earlier), fields_of(queue));
}

// Of the kernels that had handled everything. What comes in between this and the end is seen in the file by its place behind the mark.
void Runtime::record_idle() {
  for (const auto& kernel : kernels()) {
    if (kernel->idle()) recorder_->put(RecordKind::kIdle, kernel->port().index, 0, 0, {});
  }
}

}  // namespace ringway
