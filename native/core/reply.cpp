#include "core/reply.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <random>
#include <thread>

#include "core/error.h"
#include "core/record/recorder.h"

namespace ringway {

using atomic::claim_seq_cst;
using atomic::load_acquire;
using atomic::load_relaxed;

struct alignas(kIndexLine) ReplyPool::Cell {
  static constexpr u32 kInline = 512;

  u32 state;
  u32 index;
  u32 next_free;  // number of the next free cell + 1
  u32 capacity;
  Completion completion;
  u8* body;
  u32 bytes;
  Envelope request;  // ids and sequence of the request
  Envelope answer;
  alignas(16) u8 inline_body[kInline];
};

namespace {

enum Phase : u32 { kFree, kWaiting, kWriting, kDone, kShut };
constexpr u32 kPhases = 7;
constexpr u32 kParked = 8;
constexpr u32 kGeneration = 16;

u32 phase_of(u32 state) {
  return state & kPhases;
}
u32 generation_of(u32 state) {
  return state / kGeneration;
}
constexpr i32 kFirstCell = kNoEndpoint - 1;

}  // namespace

ReplyPool::~ReplyPool() {
  for (Cell* chunk : chunks_) {
    if (!chunk) break;
    for (u32 i = 0; i < kChunk; ++i) {
      if (chunk[i].body != chunk[i].inline_body) delete[] chunk[i].body;
    }
    delete[] chunk;
  }
}

ReplyPool::Cell* ReplyPool::at(u32 index) const {
  // SYNC: partner store_release in grow(): the chunk's cells are set up before.
  Cell* const chunk = index < kChunk * kChunks ? load_acquire(&chunks_[index / kChunk]) : nullptr;
  return chunk ? chunk + index % kChunk : nullptr;
}

ReplyPool::Cell* ReplyPool::grow() {
  std::lock_guard lock(growing_);
  if (cells_ == kChunk * kChunks) {
    throw Error(ErrorKind::kQueueFull,
                "2^20 requests are waiting for answers, the most that one runtime holds");
  }
  if (cells_ % kChunk == 0) {
    Cell* chunk = new Cell[kChunk]();
    for (u32 i = 0; i < kChunk; ++i) {
      chunk[i].index = cells_ + i;
      chunk[i].body = chunk[i].inline_body;
      chunk[i].capacity = Cell::kInline;
    }
    // SYNC: partner load_acquire in at().
    atomic::store_release(&chunks_[cells_ / kChunk], chunk);
  }
  return at(cells_++);
}

ReplyPool::Cell* ReplyPool::take() {
  Cell* cell = nullptr;
  // SYNC: partner claim_seq_cst in give_back(): next_free is read after it was written; the tag refuses a
  // list whose head went and came back in between.
  u64 head = atomic::load_seq_cst(&free_);
  while (!cell && u32(head)) {
    const u32 index = u32(head) - 1;
    // SYNC: partner store_release in grow().
    Cell* first = load_acquire(&chunks_[index / kChunk]) + index % kChunk;
    const u64 rest = ((head >> 32) + 1) << 32 | load_relaxed(&first->next_free);
    if (claim_seq_cst(&free_, &head, rest)) cell = first;
  }
  if (!cell) cell = grow();
  atomic::add_relaxed(&in_use_, 1U);
  // SYNC: partner close(): either it sees this cell waiting, or this sees that it is closed.
  atomic::exchange_seq_cst(&cell->state, (load_relaxed(&cell->state) & ~(kPhases | kParked)) | kWaiting);
  if (atomic::load_seq_cst(&closed_)) {  // SYNC: partner exchange_seq_cst in close()
    give_back(cell);
    throw Error(ErrorKind::kClosed, "the runtime is closed");
  }
  return cell;
}

void ReplyPool::address(Cell* cell, Envelope* request) {
  request->sender = kFirstCell - i32(cell->index);
  request->sequence = generation_of(load_relaxed(&cell->state));
  std::memcpy(&cell->request, request, sizeof(Envelope));
}

void ReplyPool::give_back(Cell* cell) {
  for (u32 state = load_relaxed(&cell->state);;) {
    if (phase_of(state) == kWriting) {  // the answer is being copied; that takes no longer than a handler
      std::this_thread::yield();
      state = load_relaxed(&cell->state);
      continue;
    }
    const u32 free = (generation_of(state) + 1) * kGeneration | kFree;
    // SYNC: partner begin(): an answer to the old generation finds another state word from here on.
    if (claim_seq_cst(&cell->state, &state, free)) break;
  }
  atomic::add_relaxed(&in_use_, ~0U);
  u64 head = load_relaxed(&free_);
  u64 mine = 0;
  do {
    atomic::store_relaxed(&cell->next_free, u32(head));
    mine = ((head >> 32) + 1) << 32 | (cell->index + 1);
    // SYNC: partner load_seq_cst in take().
  } while (!claim_seq_cst(&free_, &head, mine));
}

bool ReplyPool::answered(const Cell* cell) {
  // SYNC: partner store_phase(): the answer may be read afterwards.
  return phase_of(load_acquire(&cell->state)) >= kDone;
}

bool ReplyPool::wait(Cell* cell, const Wait& until) {
  for (;;) {
    // SYNC: as in answered().
    u32 state = load_acquire(&cell->state);
    if (phase_of(state) >= kDone) return true;
    if (until.over()) return false;
    // SYNC: partner store_phase(): it sees the flag and wakes, or this claim fails and the loop sees its
    // phase.
    if (!(state & kParked) && !claim_seq_cst(&cell->state, &state, state | kParked)) continue;
    park(&cell->state, state | kParked, until.slice());
    if (until.check) until.check();
  }
}

bool ReplyPool::listen(Cell* cell, CompletionPort* port, std::uint64_t token) {
  cell->completion = {port, nullptr, token};
  u32 state = load_relaxed(&cell->state);
  while (phase_of(state) < kDone) {
    // SYNC: partner settle(), which reads the completion when it sees the flag.
    if (claim_seq_cst(&cell->state, &state, state | kParked)) return true;
  }
  return false;
}

bool ReplyPool::withdraw(Cell* cell) {
  u32 state = load_relaxed(&cell->state);
  while (phase_of(state) == kWaiting) {
    // SYNC: partner settle() and begin(): either the answer comes and the node with it, or nothing does.
    if (claim_seq_cst(&cell->state, &state, (state & ~(kPhases | kParked)) | kShut)) {
      give_back(cell);
      return true;
    }
  }
  return false;
}

bool ReplyPool::shut(const Cell* cell) {
  return phase_of(load_relaxed(&cell->state)) == kShut;
}

Reply ReplyPool::reply(const Cell* cell) {
  return {&cell->answer, {cell->body, cell->bytes}};
}

const Envelope& ReplyPool::request(const Cell* cell) {
  return cell->request;
}

ReplyPool::Cell* ReplyPool::begin(const Envelope& request, u32 bytes) {
  Cell* cell = request.sender <= kFirstCell ? at(u32(kFirstCell - request.sender)) : nullptr;
  u32 state = cell ? load_relaxed(&cell->state) : 0;
  while (cell && phase_of(state) == kWaiting && generation_of(state) == u32(request.sequence)) {
    // SYNC: partner take(): the request's ids, written before it was sent, are read below; and give_back(),
    // which from here on waits.
    if (!claim_seq_cst(&cell->state, &state, (state & ~kPhases) | kWriting)) continue;
    if (std::memcmp(cell->request.message_id, request.message_id, sizeof(request.message_id)) != 0) {
      abandon(cell);
      break;
    }
    if (bytes > cell->capacity) {
      u8* const larger = new (std::nothrow) u8[bytes];
      if (!larger) {  // the cell waits on, for an answer that says so
        abandon(cell);
        throw std::bad_alloc();
      }
      if (cell->body != cell->inline_body) delete[] cell->body;
      cell->body = larger;
      cell->capacity = bytes;
    }
    return cell;
  }
  atomic::add_relaxed(&late_, u64(1));
  return nullptr;
}

u8* ReplyPool::body(Cell* cell) {
  return cell->body;
}

// Ends the wait for `cell` in `phase`, unless it is no longer in phase `from`.
void ReplyPool::settle(Cell* cell, u32 from, u32 phase) {
  // SYNC: partner listen() and wait(): what they wrote before they set kParked is read here.
  u32 state = load_acquire(&cell->state);
  while (phase_of(state) == from) {
    Completion* const heard = state & kParked ? &cell->completion : nullptr;
    CompletionPort* const port = heard ? heard->port : nullptr;
    // SYNC: partner load_acquire in answered() and wait(): the answer is written before; and the claim of
    // kParked, which this one sees or makes fail.
    if (!claim_seq_cst(&cell->state, &state, (state & ~(kPhases | kParked)) | phase)) continue;
    // A listener gives the cell back only after it has taken this node.
    if (port) {
      port->push(heard);
    } else if (heard) {
      unpark_all(&cell->state);
    }
    return;
  }
}

void ReplyPool::finish(Cell* cell, const Envelope& answer, u32 bytes) {
  cell->answer = answer;
  cell->bytes = bytes;
  if (recorder_ && recorder_->on()) recorder_->answered(cell->request, answer, cell->body, bytes);
  settle(cell, kWriting, kDone);
}

void ReplyPool::abandon(Cell* cell) {
  u32 state = load_relaxed(&cell->state);
  // SYNC: partner give_back(), which waits for the end of the writing.
  while (!claim_seq_cst(&cell->state, &state, (state & ~kPhases) | kWaiting)) {
  }
}

bool ReplyPool::refuse(const Envelope& request, u32 from, ErrorKind kind, std::string_view text) {
  if (request.sender == kNoEndpoint) return false;
  Cell* cell = nullptr;
  try {
    cell = begin(request, u32(text.size()));
  } catch (const std::bad_alloc&) {
    text = text.substr(0, Cell::kInline);  // for which there is room
    cell = begin(request, u32(text.size()));
  }
  if (!cell) return false;
  Envelope answer{};
  fresh_id(answer.message_id);
  std::memcpy(answer.correlation_id, request.message_id, sizeof(answer.correlation_id));
  answer.timestamp_us = unix_us();
  answer.sender = i32(from);
  answer.receiver = request.sender;
  answer.type_id = u32(kind);
  answer.priority = request.priority;
  answer.flags = kEnvelopeError;
  std::memcpy(cell->body, text.data(), text.size());
  finish(cell, answer, u32(text.size()));
  return true;
}

void ReplyPool::close() {
  // SYNC: partner take(): see there.
  atomic::exchange_seq_cst(&closed_, 1U);
  std::lock_guard lock(growing_);
  for (u32 i = 0; i < cells_; ++i) settle(chunks_[i / kChunk] + i % kChunk, kWaiting, kShut);
}

void fresh_id(u32 (&id)[4]) {
  struct Source {
    u32 fixed[3];
    u32 next;
    Source() {
      std::random_device random;
      for (u32& word : fixed) word = random();
      next = random();
    }
  };
  thread_local Source source;
  std::memcpy(id, source.fixed, sizeof(source.fixed));
  id[3] = source.next++;
}

void text_of_id(const u32 (&id)[4], char (&text)[kIdText]) {
  u8 b[16];
  std::memcpy(b, id, sizeof(b));
  std::snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
                b[15]);
}

std::string text_of_id(const u32 (&id)[4]) {
  char text[kIdText];
  text_of_id(id, text);
  return text;
}

}  // namespace ringway
