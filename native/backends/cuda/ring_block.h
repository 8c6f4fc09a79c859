// What one block of the resident grid does: it goes round its seats, follows orders, runs a slice of each kernel that has
// something to do, and reports. It waits for nothing, so that no block needs another one to run, or the host.
#pragma once
#include "backends/cuda/ring_layout.h"
#include "ringway/slice.h"

namespace ringway {

// `Handlers::run(number, control)` runs a slice.
template <class Handlers>
struct RingBlock {
  RingGrid grid;
  u32 first, step;

  RW_FN bool leaves() const { return HostLinkAtomics::load_word(&grid.command->leave) != 0; }

  // One look at each seat; whether anything moved.
  RW_FN bool turn() {
    const u32 seats = HostLinkAtomics::load_word(&grid.command->seats);
    bool moved = false;
    for (u32 i = first; i < seats; i += step) moved |= serve(grid.seats + i, grid.resident + i);
    return moved;
  }

  // Ordered by the end of the grid, for which the host waits.
  RW_FN void leave() {
    const u32 seats = HostLinkAtomics::load_word(&grid.command->seats);
    for (u32 i = first; i < seats; i += step) {
      RingResident* own = grid.resident + i;
      RingSeat* seat = grid.seats + i;
      seat->last_grid = grid.number;
      seat->last_follows = own->follows;
      seat->last_handler = own->handler;
      if (own->handler) seat->last = write_report(own);
    }
  }

 private:
  RW_FN bool serve(RingSeat* seat, RingResident* own) {
    bool changed = follow(seat, own);
    if (own->handler && has_work(own)) changed |= run_slice(seat, own);
    if (changed) own->unreported = 1;
    if (own->unreported) report(seat, own);
    return changed;
  }

  // Takes the order if there is a new one.
  RW_FN bool follow(RingSeat* seat, RingResident* own) {
    // SYNC: partner store_publish of the host, RingDriver::hand_over(): the order is whole.
    const u32 number = u32(HostLinkAtomics::load_ready(&seat->ordered));
    if (number == own->follows) return false;
    HostLinkAtomics::after_ready();
    own->follows = number;
    const RingOrder& order = seat->order;
    own->handler = order.handler;
    if (!order.handler) return true;
    if (order.install != own->install) install(seat, own);
    SliceControl* control = own->control;
    control->order = order.slice;
    for (u32 i = control->input_count; i < order.input_count; ++i)
      make_link(reinterpret_cast<const RingLink*>(order.inputs)[i]);
    control->inputs = place_links(control, order.inputs, order.input_places, order.input_count);
    control->outputs = place_links(control, order.outputs, order.output_places, order.output_count);
    control->input_count = order.input_count;
    control->output_count = order.output_count;
    resume_slices(control);
    return true;
  }

  static RW_FN void fill_zero(u64 at, u64 bytes) {
    for (u64 i = 0; i < bytes; i += sizeof(u64)) *reinterpret_cast<u64*>(at + i) = 0;
  }

  static RW_FN void install(RingSeat* seat, RingResident* own) {
    const RingOrder& order = seat->order;
    own->install = order.install;
    own->control = reinterpret_cast<SliceControl*>(order.control);
    own->capacity = order.capacity;
    own->stride = order.stride;
    for (u32 lane = 0; lane < kMailboxLanes; ++lane) own->lane_slots[lane] = order.lane_slots[lane];
    fill_zero(order.control, order.bytes);
    *own->control = *reinterpret_cast<const SliceControl*>(order.image);
    own->control->resumed = order.slice.resumes;
    if (!order.dedup_window) return;
    DedupIds ids;
    ids.create(reinterpret_cast<u8*>(own->control) + own->control->dedup, order.dedup_window,
               order.dedup_seed);
  }

  // The sender gets to know of it after this order has been followed.
  static RW_FN void make_link(const RingLink& entry) {
    SliceLink* link = reinterpret_cast<SliceLink*>(entry.link);
    fill_zero(entry.link, sizeof(SliceLink) + sizeof(QueueHeader<DeviceLinkAtomics>) +
                              u64(entry.capacity) * entry.stride);
    link->max_message = entry.max_message;
    QueueHeader<DeviceLinkAtomics>* header = queue_of(link);
    create<DeviceLinkAtomics>(header, reinterpret_cast<u8*>(header + 1), entry.capacity, entry.stride, 0);
  }

  // Returns the table's offset.
  static RW_FN i64 place_links(SliceControl* control, u64 entries, u64 places, u32 count) {
    const RingLink* from = reinterpret_cast<const RingLink*>(entries);
    u64* to = reinterpret_cast<u64*>(places);
    const u64 begin = reinterpret_cast<u64>(control);
    for (u32 i = 0; i < count; ++i) {
      to[i] = from[i].link - begin;
      to[count + i] = from[i].report;
    }
    return i64(places - begin);
  }

  // Without a look at more of the host's memory than one word of each lane.
  RW_FN bool has_work(const RingResident* own) const {
    const SliceControl* control = own->control;
    const SliceReport& report = control->report;
    if (control->order.discard) return !report.discarded;
    if (report.stop) return false;
    if (report.under_way) return true;
    if (!control->order.run) return false;
    for (u32 lane = 0; lane < control->lanes; ++lane) {
      Ring<HostLinkAtomics> ring = {nullptr, reinterpret_cast<u8*>(own->lane_slots[lane]), own->capacity,
                                    own->stride};
      if (turn_run(ring, report.taken[lane], 1, 1)) return true;
    }
    for (u32 i = 0; i < control->input_count; ++i) {
      QueueHeader<DeviceLinkAtomics>* header = queue_of(link_at(own->control, own->control->inputs, i));
      // What a slice has left off at.
      if (turn_run(ring_at(header), DeviceLinkAtomics::load_index(&header->dequeue), 1, 1)) return true;
    }
    return false;
  }

  // Whether there is something to report of it.
  RW_FN bool run_slice(RingSeat* seat, RingResident* own) const {
    SliceControl* control = own->control;
    SliceReport& report = control->report;
    const u32 published = report.published, stop = report.stop, under_way = report.under_way;
    const u32 discarded = report.discarded;
    control->now_us = HostLinkAtomics::load_ready(&grid.command->now_us);
    control->now_ns = HostLinkAtomics::load_ready(&grid.command->now_ns);
    control->buffers = i64(reinterpret_cast<u64>(grid.buffers) - reinterpret_cast<u64>(control));
    control->buffer_count = grid.buffer_count;
    // Relaxed: a lane that has to wait for its messages asks again.
    if (control->lanes > 1) control->order.staged = HostLinkAtomics::load_word(&seat->staged);
    ++control->round;
    Handlers::run(own->handler, control);
    return report.last_round == control->round || report.published != published || report.stop != stop ||
           report.under_way != under_way || report.discarded != discarded;
  }

  static RW_FN void report_links(SliceControl* control, i64 table, u32 count, bool sends) {
    const u64* places = reinterpret_cast<const u64*>(reinterpret_cast<u8*>(control) + table);
    for (u32 i = 0; i < count; ++i) {
      QueueHeader<DeviceLinkAtomics>* header = queue_of(link_at(control, table, i));
      SliceLinkReport* told = reinterpret_cast<SliceLinkReport*>(places[count + i]);
      // Relaxed: the two sides tell one each, and the report orders them.
      HostLinkAtomics::store_word(sends ? &told->published : &told->taken,
                                  DeviceLinkAtomics::load_index(sends ? &header->enqueue : &header->dequeue));
    }
  }
  static RW_FN SliceReport write_report(RingResident* own) {
    SliceControl* control = own->control;
    report_links(control, control->inputs, control->input_count, false);
    report_links(control, control->outputs, control->output_count, true);
    return control->report;
  }

  // If the host has read the last one.
  static RW_FN void report(RingSeat* seat, RingResident* own) {
    // SYNC: partner store_publish of the host, RingDriver::look(): it has read what is written over here.
    if (u32(HostLinkAtomics::load_ready(&seat->read)) != own->reports) return;
    HostLinkAtomics::after_ready();
    seat->follows = own->follows;
    if (own->handler) seat->report = write_report(own);
    own->unreported = 0;
    HostLinkAtomics::before_publish();
    // SYNC: partner load_ready of the host, RingDriver::look(): the report is whole.
    HostLinkAtomics::store_publish(&seat->reported, ++own->reports, 0);
  }
};

}  // namespace ringway
