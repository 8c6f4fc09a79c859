// A request and its reply in one cache line, for two sides that take turns: half the way of two queues,
// because the line that brings the request is the one that takes the reply back.
//
// 1. Call n (n = 1, 2, ... modulo 2^32) is asked when the request's sequence is n and answered when the
// reply's is.
//    Zero-filled memory is an idle cell.
// 2. The payload of both follows the two words. Between calls and until ask() it is the caller's, until
// answer() the
//    other side's.
// 3. Where the language gives no order inside a dispatch, nothing is ever seen as asked or answered: use a
// queue there.
#pragma once
#include "layout.h"

namespace ringway {

// Before the cell is shared, over zero-filled memory.
template <class A>
RW_FN void create_cell(RW_SHARED CallCell<A>* cell) {
  A::store_word(&cell->magic, kMagic);
  A::store_word(&cell->layout, kLayout);
  A::store_word(&cell->kind, kKindCallCell);
  A::store_word(&cell->payload_bytes, kCellPayload);
}
template <class A>
RW_FN bool is_cell(RW_SHARED CallCell<A>* cell) {
  return A::load_word(&cell->magic) == kMagic && A::load_word(&cell->layout) == kLayout &&
         A::load_word(&cell->kind) == kKindCallCell && A::load_word(&cell->payload_bytes) == kCellPayload;
}

template <class A>
struct Caller {
  RW_SHARED CallCell<A>* cell;
  u32 call;  // the last one asked

  RW_FN void open(RW_SHARED CallCell<A>* c) {
    cell = c;
    call = u32(A::load_ready(&c->request));  // only the number is looked at
  }
  // The payload lies behind this slot.
  RW_FN RW_SHARED typename A::Slot* slot() const { return &cell->reply; }
  // Only when the last call was answered.
  RW_FN void ask(u32 bytes, u32 flags) {
    ++call;
    A::prepare(&cell->request, bytes | flags << kSizeBits);
    A::before_publish();
    // SYNC: partner load_ready in Callee::asked(); without release it may read the payload before it is
    // written.
    A::store_publish(&cell->request, call, bytes | flags << kSizeBits);
  }
  RW_FN bool answered() const {
    // SYNC: partner store_publish in Callee::answer(); without acquire the reply may be read before it is
    // written.
    if (!A::kOrdered || u32(A::load_ready(&cell->reply)) != call) return false;
    A::after_ready();
    return true;
  }
  RW_FN u32 size() const { return A::size(&cell->reply, A::load_ready(&cell->reply)) & kSizeMask; }
  RW_FN u32 flags() const { return A::size(&cell->reply, A::load_ready(&cell->reply)) >> kSizeBits; }
};

template <class A>
struct Callee {
  RW_SHARED CallCell<A>* cell;
  u32 call;  // the last one answered

  RW_FN void open(RW_SHARED CallCell<A>* c) {
    cell = c;
    call = u32(A::load_ready(&c->reply));  // only the number is looked at
  }
  RW_FN RW_SHARED typename A::Slot* slot() const { return &cell->reply; }
  RW_FN bool asked() const {
    // SYNC: partner store_publish in Caller::ask(); without acquire the request may be read before it is
    // written.
    if (!A::kOrdered || u32(A::load_ready(&cell->request)) != call + 1) return false;
    A::after_ready();
    return true;
  }
  RW_FN u32 size() const { return A::size(&cell->request, A::load_ready(&cell->request)) & kSizeMask; }
  RW_FN u32 flags() const { return A::size(&cell->request, A::load_ready(&cell->request)) >> kSizeBits; }
  RW_FN void answer(u32 bytes, u32 flags) {
    ++call;
    A::prepare(&cell->reply, bytes | flags << kSizeBits);
    A::before_publish();
    // SYNC: partner load_ready in Caller::answered(); without release it may read the payload before it is
    // written.
    A::store_publish(&cell->reply, call, bytes | flags << kSizeBits);
  }
};

}  // namespace ringway
