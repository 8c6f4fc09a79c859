#include "core/record/fields.h"

#include <algorithm>

#include "core/error.h"

namespace ringway {
namespace {

// Calls visit(name, member) for every option, so that writing and reading cannot differ.
template <class Options, class Visit>
void each_option(Options& options, Visit visit) {
  visit("capacity", options.capacity);
  visit("slot_size", options.slot_size);
  visit("policy", options.policy);
  visit("block_timeout", options.block_timeout);
  visit("message_timeout", options.message_timeout);
  visit("idle", options.idle);
  visit("poll_interval", options.poll_interval);
  visit("batch", options.batch);
  visit("worker", options.worker);
  visit("bridge", options.bridge);
  visit("staging_capacity", options.staging_capacity);
  visit("on_error", options.on_error);
  visit("restart_limit", options.restart_limit);
  visit("restart_backoff", options.restart_backoff);
  visit("telemetry", options.telemetry);
  visit("latency_sample", options.latency_sample);
  visit("prefault", options.prefault);
  visit("lanes", options.lanes);
  visit("dedup", options.dedup);
  visit("dead_letters", options.dead_letters);
}

template <class Value>
std::string text_of(Value value) {
  if constexpr (std::is_same_v<Value, double>) {
    return number_text(value);
  } else {
    return std::to_string(static_cast<std::int64_t>(value));
  }
}

template <class Value>
void read(const RecordFields& fields, const char* name, Value* value) {
  if constexpr (std::is_same_v<Value, double>) {
    *value = real_of(fields, name);
  } else {
    *value = static_cast<Value>(whole_of(fields, name));
  }
}

// An enumerator of at most `last`.
template <class Enum>
void check(const char* name, Enum value, Enum last) {
  if (u32(value) <= u32(last)) return;
  throw Error(ErrorKind::kRecording, std::string("the field '") + name + "' of a record is " +
                                         std::to_string(u32(value)) + ", which this version does not know");
}

}  // namespace

RecordFields fields_of(const LaunchSpec& spec) {
  RecordFields fields{{"kernel", spec.kernel},
                      {"name", spec.name},
                      {"grid", std::to_string(spec.grid)},
                      {"block", std::to_string(spec.block)}};
  if (spec.options.ttl) fields["ttl"] = number_text(*spec.options.ttl);
  if (spec.options.device_polls) fields["device_polls"] = std::to_string(spec.options.device_polls);
  each_option(spec.options, [&](const char* name, auto value) { fields[name] = text_of(value); });
  return fields;
}

void add_program(RecordFields* fields, const KernelType& type, const std::vector<u8>& first_state) {
  if (type.source.empty()) return;
  std::string outputs;
  for (const std::string& name : type.outputs) {
    if (!outputs.empty()) outputs += '\n';
    outputs += name;
  }
  RecordFields& all = *fields;
  all["source"] = type.source;
  all["program"] = type.program;
  all["outputs"] = outputs;
  all["opaque_state"] = std::to_string(u32(type.opaque_state));
  all["state"] = std::string(first_state.begin(), first_state.end());
}

bool is_program_s(const RecordFields& fields) {
  return fields.count("source") != 0;
}

LaunchSpec launch_of(const RecordFields& fields) {
  LaunchSpec spec{field_of(fields, "kernel"), field_of(fields, "name"), 0, 0, {},
                  whole_of(fields, "grid"),   whole_of(fields, "block")};
  if (fields.count("ttl")) spec.options.ttl = real_of(fields, "ttl");
  if (fields.count("device_polls")) spec.options.device_polls = whole_of(fields, "device_polls");
  each_option(spec.options, [&](const char* name, auto& value) { read(fields, name, &value); });
  check("policy", spec.options.policy, Backpressure::kDropOldest);
  check("idle", spec.options.idle, Idle::kPoll);
  check("bridge", spec.options.bridge, BridgeKind::kPumped);
  check("on_error", spec.options.on_error, OnError::kSkip);
  return spec;
}

RecordFields fields_of(const NamedQueue& queue) {
  return {{"name", queue.name()},
          {"content", std::to_string(u32(queue.type().content))},
          {"type", queue.type().name},
          {"type_id", std::to_string(queue.type().type_id)},
          {"fixed_size", std::to_string(queue.type().fixed_size)},
          {"capacity", std::to_string(queue.queue().ring().capacity)},
          {"slot_size", std::to_string(queue.max_message())},
          {"policy", std::to_string(u32(queue.queue().options().policy))},
          {"block_timeout", number_text(queue.block_timeout())}};
}

NamedQueueOptions queue_of(const RecordFields& fields) {
  NamedQueueOptions options;
  options.name = field_of(fields, "name");
  options.type = {static_cast<Content>(whole_of(fields, "content")), field_of(fields, "type"),
                  u32(whole_of(fields, "type_id")), u32(whole_of(fields, "fixed_size"))};
  options.capacity = whole_of(fields, "capacity");
  options.slot_size = whole_of(fields, "slot_size");
  options.policy = static_cast<Backpressure>(whole_of(fields, "policy"));
  options.block_timeout = real_of(fields, "block_timeout");
  check("content", options.type.content, Content::kRecord);
  check("policy", options.policy, Backpressure::kDropOldest);
  return options;
}

}  // namespace ringway
