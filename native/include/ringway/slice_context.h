// What a handler sees while it runs in a slice: one object per slice, on the thread's stack.
#pragma once
#include "atomics.h"
#include "ring_loop.h"
#include "slice_layout.h"

namespace ringway {

template <class A>
RW_FN RW_SHARED QueueHeader<A>* queue_at(RW_SHARED SliceControl* control, i64 offset) {
  return (RW_SHARED QueueHeader<A>*)((RW_SHARED u8*)control + offset);
}
template <class A>
RW_FN Ring<A> ring_at(RW_SHARED QueueHeader<A>* header) {
  return attach<A>(header, (RW_SHARED u8*)(header + 1));
}
RW_FN RW_SHARED SliceLink* link_at(RW_SHARED SliceControl* control, i64 table, u32 i) {
  const i64 offset = ((RW_SHARED const i64*)((RW_SHARED u8*)control + table))[i];
  return (RW_SHARED SliceLink*)((RW_SHARED u8*)control + offset);
}
RW_FN RW_SHARED QueueHeader<DeviceLinkAtomics>* queue_of(RW_SHARED SliceLink* link) {
  return (RW_SHARED QueueHeader<DeviceLinkAtomics>*)(link + 1);
}

// Relaxed: whether a message still goes into the link is a matter of time.
RW_FN RW_SHARED DeviceLinkAtomics::Word* ended_word(RW_SHARED SliceLink* link) {
  return (RW_SHARED DeviceLinkAtomics::Word*)&link->ended;
}

struct SliceContext {
  RW_SHARED SliceControl* control;
  Producer<HostLinkAtomics, false> to_host;
  Producer<DeviceLinkAtomics, false> out;  // of the link `output`
  u32 output;                              // 0: none is open
  u32 from;                                // input()
  u32 sent;
  u32 nowhere;  // SliceNoteReason of what was reserved; 0: has a place
  Envelope outgoing;

  RW_FN void open(RW_SHARED SliceControl* of, Ring<HostLinkAtomics> host) RW_PRIVATE {
    control = of;
    to_host.open(host);
    output = from = sent = nowhere = 0;
  }
  RW_FN void close() RW_PRIVATE {
    if (output) out.show();
    to_host.show();
    control->report.published = to_host.next;
  }

  RW_FN u32 input() const RW_PRIVATE { return from; }
  RW_FN void handled(u32, u32) RW_PRIVATE {}
  RW_FN u64 now_us() const RW_PRIVATE { return control->now_us; }
  RW_FN u64 now_ns() const RW_PRIVATE { return control->now_ns; }
  RW_FN bool wait_until(u64 ns) const RW_PRIVATE { return control->now_ns >= ns; }

  RW_FN RW_SHARED u8* reserve(u32 to, u32 bytes) RW_PRIVATE {
    if (to == 0) return reserve_message(control->emits, bytes);
    nowhere = 0;
    if (to > control->output_count) return drop(kNoteClosed, bytes);
    RW_SHARED SliceLink* link = link_at(control, control->outputs, to - 1);
    if (DeviceLinkAtomics::load_word(ended_word(link))) return drop(kNoteClosed, bytes);
    if (bytes > link->max_message) return drop(kNoteTooLarge, bytes);
    if (output != to) {
      if (output) out.show();
      out.open(ring_at(queue_of(link)));
      output = to;
    }
    return has_room(&out) ? (RW_SHARED u8*)raw_payload(out.ring.slot(out.next)) : (RW_SHARED u8*)nullptr;
  }
  RW_FN void commit(u32 to, u32 bytes) RW_PRIVATE {
    if (to == 0) return commit_message(bytes);
    if (nowhere) return note_drop(false, bytes);
    out.publish(out.next, bytes, 0);
    ++out.next;
    ++sent;
  }

  RW_FN RW_SHARED u8* reserve_message(u32 type_id, u32 bytes) RW_PRIVATE {
    begin(type_id);
    outgoing.priority = kDefaultPriority;
    outgoing.receiver = kNoEndpoint;
    return reserve_host(bytes);
  }
  RW_FN RW_SHARED u8* reserve_answer(RW_SHARED const Envelope* request, u32 type_id, u32 bytes) RW_PRIVATE {
    begin(type_id);
    outgoing.priority = request->priority;
    for (u32 i = 0; i < 4; ++i) outgoing.correlation_id[i] = request->message_id[i];
    outgoing.receiver = request->sender;
    outgoing.sequence = request->sequence;  // of the cell
    return reserve_host(bytes);
  }
  RW_FN u32 answer_id(u32 word) const RW_PRIVATE { return outgoing.message_id[word]; }
  RW_FN void commit_answer(u32 bytes) RW_PRIVATE { commit_message(bytes); }

  RW_FN RW_SHARED u8* buffer(u64 handle, RW_PRIVATE u64* bytes) const RW_PRIVATE {
    const u32 i = u32(handle);
    if (i >= control->buffer_count) return nullptr;
    RW_SHARED const SliceBuffer* entry =
        (RW_SHARED const SliceBuffer*)((RW_SHARED u8*)control + control->buffers) + i;
    if (!handle || entry->handle != handle) return nullptr;
    *bytes = entry->bytes;
    return (RW_SHARED u8*)entry->address;
  }

  // Tells the host of a message that is not handled; false: there is no room for it yet.
  RW_FN bool note(u32 reason, u32 error, RW_SHARED const u8* slot, bool enveloped) RW_PRIVATE {
    if (!has_room(&to_host)) return false;
    const u32 all = payload_bytes(slot);
    write_note(reason, error, enveloped ? all - u32(sizeof(Envelope)) : all, enveloped, nullptr, slot + 8,
               all);
    return true;
  }

 private:
  template <class A>
  RW_FN bool has_room(RW_PRIVATE Producer<A, false>* producer) const RW_PRIVATE {
    const u32 n = within<A>(1, producer->next, producer->limit);
    return n && ready_run(producer->ring, producer->next, n, 0);
  }

  RW_FN void begin(u32 type_id) RW_PRIVATE {
    nowhere = 0;
    const u64 number = control->to_host_count;
    outgoing.message_id[0] = control->id[0];
    outgoing.message_id[1] = control->id[1];
    outgoing.message_id[2] = control->id[2] + u32(number >> 32);
    outgoing.message_id[3] = control->id[3] + u32(number);
    for (u32 i = 0; i < 4; ++i) outgoing.correlation_id[i] = 0;
    outgoing.sequence = number;
    outgoing.sender = i32(control->endpoint);
    outgoing.type_id = type_id;
    outgoing.flags = 0;
    outgoing.ttl_10ms = 0;
  }

  RW_FN RW_SHARED u8* reserve_host(u32 bytes) RW_PRIVATE {
    const bool wanted = outgoing.receiver != kNoEndpoint;
    const bool fits = u64(bytes) + sizeof(Envelope) <= control->max_message;
    if (!has_room(&to_host)) return nullptr;  // for a note, too
    if (!fits) return drop(wanted ? kNoteAnswerTooLarge : kNoteTooLarge, bytes);
    return (RW_SHARED u8*)raw_payload(to_host.ring.slot(to_host.next)) + sizeof(Envelope);
  }
  RW_FN void commit_message(u32 bytes) RW_PRIVATE {
    outgoing.timestamp_us = control->now_us;
    if (nowhere) return note_drop(true, bytes);
    *(RW_SHARED Envelope*)raw_payload(to_host.ring.slot(to_host.next)) = outgoing;
    publish(bytes + u32(sizeof(Envelope)), 0);
    ++sent;
  }
  RW_FN void publish(u32 bytes, u32 flags) RW_PRIVATE {
    to_host.publish(to_host.next, bytes, flags);
    ++to_host.next;
    ++control->to_host_count;
  }

  // A place for what goes nowhere; null when there is no room to tell of it, or not even such a place.
  RW_FN RW_SHARED u8* drop(u32 reason, u32 bytes) RW_PRIVATE {
    if (!has_room(&to_host) || bytes > control->nowhere_bytes) return nullptr;
    nowhere = reason;
    return (RW_SHARED u8*)control + control->nowhere;
  }
  RW_FN void note_drop(bool enveloped, u32 bytes) RW_PRIVATE {
    const u32 reason = nowhere;
    nowhere = 0;
    if (reason == kNoteAnswerTooLarge) ++sent;
    write_note(reason, 0, bytes, enveloped, enveloped ? &outgoing : (RW_PRIVATE Envelope*)nullptr,
               (RW_SHARED u8*)control + control->nowhere, reason == kNoteAnswerTooLarge ? 0 : bytes);
  }
  RW_FN void write_note(u32 reason, u32 error, u32 bytes, bool enveloped, RW_PRIVATE const Envelope* envelope,
                        RW_SHARED const u8* message, u32 message_bytes) RW_PRIVATE {
    RW_SHARED u8* to = (RW_SHARED u8*)raw_payload(to_host.ring.slot(to_host.next));
    RW_SHARED SliceNote* head = (RW_SHARED SliceNote*)to;
    head->reason = reason;
    head->error = error;
    head->bytes = bytes;
    head->enveloped = enveloped;
    u32 at = u32(sizeof(SliceNote));
    if (envelope) {
      *(RW_SHARED Envelope*)(to + at) = *envelope;
      at += u32(sizeof(Envelope));
    }
    const u32 most = to_host.ring.stride - 8 - at;
    const u32 copied = message_bytes < most ? message_bytes : most;
    copy_bytes(to + at, message, copied);
    publish(at + copied, kSlotNote);
  }
};

}  // namespace ringway
