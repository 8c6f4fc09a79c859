// What the bindings of queues within a process and of those between processes share.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "bindings/bindings.h"
#include "core/queue_table.h"

namespace ringway::bindings {

// `message`: None, the class bytes, a message class, or a dtype as (description, bytes).
NamedQueueOptions named_queue_options(const std::string& name, const py::object& message,
                                      std::int64_t capacity, std::int64_t slot_size,
                                      const std::string& policy, double block_timeout,
                                      std::int64_t dead_letters);

// Closes the queue before the interpreter ends.
void close_at_exit(const std::shared_ptr<NamedQueue>& queue);

}  // namespace ringway::bindings
