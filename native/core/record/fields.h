// What a recording says of launches and queues, as fields and back.
#pragma once
#include "core/backend.h"
#include "core/queue_table.h"
#include "core/record/format.h"

namespace ringway {

RecordFields fields_of(const LaunchSpec& spec);
// What is kept of a kernel of a program's own beside, so that a replay can be given the same or another one.
void add_program(RecordFields* fields, const KernelType& type, const std::vector<u8>& first_state);
bool is_program_s(const RecordFields& fields);
// Throws kRecording when a field is absent or no number; what it holds is checked by who launches.
LaunchSpec launch_of(const RecordFields& fields);

RecordFields fields_of(const NamedQueue& queue);
NamedQueueOptions queue_of(const RecordFields& fields);

}  // namespace ringway
