// Where answers go. A request takes a cell; its number travels as the envelope's sender and its generation as
// the envelope's sequence, so that an answer to an earlier holder of the cell is told apart, dropped and
// counted.
//
// The cell's state word holds the generation, a phase, and whether the caller sleeps on the word:
//   free -> waiting -> writing -> done -> free        the answer came
//   waiting -> free                                   the caller gave up
//   waiting -> closed -> free                         the runtime closes
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/completion.h"
#include "core/error.h"
#include "core/wait.h"
#include "ringway/layout.h"

namespace ringway {

class Recorder;

struct Reply {
  const Envelope* envelope;
  std::span<const u8> body;  // valid until the cell is given back
};

class ReplyPool {
 public:
  struct Cell;

  // `recorder`, if any, outlives this.
  explicit ReplyPool(Recorder* recorder = nullptr) : recorder_(recorder) {}
  ~ReplyPool();
  ReplyPool(const ReplyPool&) = delete;
  ReplyPool& operator=(const ReplyPool&) = delete;

  // A cell for one request.
  Cell* take();
  // Writes the cell's address into an outgoing request.
  static void address(Cell* cell, Envelope* request);
  void give_back(Cell* cell);

  static bool answered(const Cell* cell);
  // Sleeps until the answer is there or the runtime closes (true), or the deadline (false).
  static bool wait(Cell* cell, const Wait& until);
  static bool shut(const Cell* cell);  // answered() because the runtime closed
  static Reply reply(const Cell* cell);
  static const Envelope& request(const Cell* cell);

  // Instead of wait(): `port` gets `token` when the answer is there; false when it is there already. From
  // then on only the one who took the token gives the cell back, or who withdrew: true when no token will
  // come.
  static bool listen(Cell* cell, CompletionPort* port, std::uint64_t token);
  bool withdraw(Cell* cell);

  // The handler's side. Room for the answer to `request`; null when nobody waits for it any more.
  Cell* begin(const Envelope& request, u32 bytes);
  static u8* body(Cell* cell);
  void finish(Cell* cell, const Envelope& answer, u32 bytes);
  static void abandon(Cell* cell);  // begun and not finished
  // An error instead of an answer, from the kernel `from`; false when nobody waits for one.
  bool refuse(const Envelope& request, u32 from, ErrorKind kind, std::string_view text);

  void close();
  u64 late() const { return atomic::load_relaxed(&late_); }
  u32 in_use() const { return atomic::load_relaxed(&in_use_); }

 private:
  static constexpr u32 kChunk = 64;
  static constexpr u32 kChunks = 1U << 14;
  Cell* at(u32 index) const;
  Cell* grow();
  static void settle(Cell* cell, u32 from, u32 phase);

  Recorder* const recorder_;
  std::mutex growing_;
  Cell* chunks_[kChunks] = {};
  u32 cells_ = 0;
  u64 free_ = 0;  // number of the first free cell + 1, with a tag against reuse in the high half
  u64 late_ = 0;
  u32 in_use_ = 0;
  u32 closed_ = 0;
};

// Message ids: 64 random bits of this thread and a count.
void fresh_id(u32 (&id)[4]);
// "0f1e2d3c-…": bytes in the order in which .NET and uuid.UUID(bytes_le=…) hold them.
constexpr std::size_t kIdText = 37;
void text_of_id(const u32 (&id)[4], char (&text)[kIdText]);
std::string text_of_id(const u32 (&id)[4]);

}  // namespace ringway
