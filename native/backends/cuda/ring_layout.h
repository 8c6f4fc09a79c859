// What the host and the resident grid both see. Each replica of a ring kernel has a seat, in page-locked memory; a block
// of the grid serves the seats whose number is its own, modulo the number of blocks.
//
// Orders and reports are handed over like messages in a ring of one slot: the word with the number is written last, by
// release, and read first, by acquire, and neither side writes again before the other has said that it has read.
#pragma once
#include "ringway/atomics.h"
#include "ringway/slice_layout.h"

namespace ringway {

enum : u32 { kRingSeats = 4096 };

// One link of a replica, in a table of the host's.
struct RingLink {
  u64 link;    // SliceLink, in the device's memory; the receiver makes the queue behind it
  u64 report;  // SliceLinkReport, in the host's
  u32 capacity, stride, max_message, reserved;
};

struct RingOrder {
  u32 handler;         // its number in the image; 0: nobody sits here any more
  u32 install;         // another than before: a new replica
  u64 control, bytes;  // in the device's memory: SliceControl, state and ids, made of `image` and else zero
  u64 image;
  u64 dedup_seed;
  u32 dedup_window;
  u32 capacity, stride;  // of the mailbox's lanes
  u32 input_count, output_count, reserved;
  u64 lane_slots[kMailboxLanes];
  u64 inputs, outputs;  // tables of RingLink
  u64 input_places,
      output_places;  // in the device's memory, two words for each: offset, and RingLink::report
  SliceOrder slice;
};

struct RingSeat {
  // By the host.
  alignas(kIndexLine) HostLinkAtomics::Slot ordered;  // the order's number
  HostLinkAtomics::Slot read;                         // number of the last report that was read
  HostLinkAtomics::Word staged;                       // SliceOrder::staged, as it is now
  RingOrder order;
  // By the device.
  alignas(kIndexLine) HostLinkAtomics::Slot reported;  // the report's number
  u32 follows;                                         // number of the order that it follows
  SliceReport report;
  alignas(kIndexLine) HostLinkAtomics::Word beat;  // odd while the handler runs
  alignas(kIndexLine) u32 last_grid;               // number of the grid that left; the rest is as it left
  u32 last_handler, last_follows;
  SliceReport last;
};

// By the host, for all blocks.
struct RingCommand {
  HostLinkAtomics::Word leave;
  HostLinkAtomics::Word seats;  // that were ever taken
  HostLinkAtomics::Slot now_us, now_ns;
};

// The device's own, of each seat; zero at first.
struct RingResident {
  SliceControl* control;
  u32 handler, install;
  u32 follows, reports;
  u32 unreported;
  u32 capacity, stride, reserved;
  u64 lane_slots[kMailboxLanes];
};

// The parameter of the grid.
struct RingGrid {
  RingCommand* command;
  RingSeat* seats;
  RingResident* resident;
  const SliceBuffer* buffers;
  u32 buffer_count;
  u32 number;
};

}  // namespace ringway
