#include "core/queue.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "core/error.h"

namespace ringway {
namespace {

using Header = QueueHeader<QueueAtomics>;

std::string text(u64 number) {
  return std::to_string(number);
}

std::string describe(u32 fault, Header* header, std::size_t bytes) {
  auto field = [](const u32& word) { return text(QueueAtomics::load_word(&word)); };
  switch (fault) {
    case kOtherVersion:
      return "its layout version is " + field(header->layout) + ", this library's is " + text(kLayout) +
             "; use the same version of ringway on both sides";
    case kOtherKind:
      return "its kind is " + field(header->kind) + ", not that of a queue (" + text(kKindQueue) + ")";
    case kOtherTickets:
      return "its tickets have " + field(header->ticket_bits) + " bits, this side's have 64";
    case kBadCapacity:
      return "its capacity is " + field(header->capacity) + ", not a power of two from " +
             text(kMinCapacity) + " to " + text(kMaxCapacity);
    case kBadStride:
      return "its stride is " + field(header->stride) + " bytes, not a multiple of " + text(kLine) +
             " up to " + text(kMaxStride);
    case kMemoryTooSmall:
      return field(header->capacity) + " slots of " + field(header->stride) + " bytes do not fit in the " +
             text(bytes) + " bytes given";
    default: return "it does not begin with a ringway header; was the queue created?";
  }
}

}  // namespace

u32 slot_stride_for(u64 max_message, bool variable_length) {
  const u64 wanted = variable_length ? max_message + (max_message + 4) / 5 : max_message;
  if (max_message > kMaxMessage) {
    throw Error(ErrorKind::kInvalidOption, "slots for messages of " + text(max_message) +
                                               " bytes: the largest are " + text(kMaxMessage) +
                                               "; send a buffer's handle instead");
  }
  const u64 payload = wanted < kMaxMessage ? wanted : u64(kMaxMessage);
  return u32((payload + sizeof(PackedHead) + kLine - 1) / kLine * kLine);
}

Queue::Queue(QueueOptions options) : options_(std::move(options)) {
  const u32 capacity = options_.capacity;
  if (capacity < kMinCapacity || capacity > kMaxCapacity || (capacity & (capacity - 1))) {
    throw Error(ErrorKind::kInvalidOption, "capacity " + text(capacity) + " of queue '" + name() +
                                               "': must be a power of two from " + text(kMinCapacity) +
                                               " to " + text(kMaxCapacity));
  }
  const u32 stride = options_.max_message ? slot_stride_for(options_.max_message, options_.variable)
                                          : slot_stride_for(kUndeclaredMessage, false);
  own_header_ = std::make_unique<Header>();
  bytes_ = std::size_t(capacity) * stride;
  pages_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages_ == MAP_FAILED) {
    pages_ = nullptr;
    throw Error(ErrorKind::kOutOfMemory, "queue '" + name() + "' of " + text(capacity) + " slots of " +
                                             text(stride) +
                                             " bytes does not fit in memory; ask for less capacity "
                                             "or smaller messages");
  }
  u8* slots = static_cast<u8*>(pages_);
  if (options_.prefault) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    for (std::size_t at = 0; at < bytes_; at += page) *const_cast<volatile u8*>(slots + at) = 0;
  }
  create<QueueAtomics>(own_header_.get(), slots, capacity, stride, 0);
  ring_ = attach<QueueAtomics>(own_header_.get(), slots);
}

Queue::Queue(void* memory, std::size_t bytes, std::string name, Backpressure policy) {
  options_.name = std::move(name);
  options_.policy = policy;
  const std::string failed = "cannot attach queue '" + options_.name + "': ";
  if (reinterpret_cast<std::uintptr_t>(memory) % kIndexLine || bytes < sizeof(Header)) {
    throw Error(ErrorKind::kLayout, failed + "its memory must be aligned to " + text(kIndexLine) +
                                        " bytes and hold at least " + text(sizeof(Header)));
  }
  auto* header = static_cast<Header*>(memory);
  u8* slots = static_cast<u8*>(memory) + sizeof(Header);
  const u32 fault = attach_checked<QueueAtomics>(header, slots, bytes - sizeof(Header), &ring_);
  if (fault != kLayoutGood) throw Error(ErrorKind::kLayout, failed + describe(fault, header, bytes));
  options_.capacity = ring_.capacity;
  options_.max_message = max_message();
}

Queue::~Queue() {
  if (pages_) munmap(pages_, bytes_);
}

Queue::Queue(Queue&& other) noexcept
    : options_(std::move(other.options_)),
      ring_(other.ring_),
      own_header_(std::move(other.own_header_)),
      pages_(std::exchange(other.pages_, nullptr)),
      bytes_(other.bytes_),
      latency_(std::move(other.latency_)) {}

Queue& Queue::operator=(Queue&& other) noexcept {
  std::swap(options_, other.options_);
  std::swap(ring_, other.ring_);
  std::swap(own_header_, other.own_header_);
  std::swap(pages_, other.pages_);
  std::swap(bytes_, other.bytes_);
  std::swap(latency_, other.latency_);
  return *this;
}

QueueCounts Queue::counts() const {
  Header* header = ring_.header;
  // The stored indices are hints while a side is alone (Producer::show), and move between the two loads.
  const u64 taken = settled(ring_, QueueAtomics::load_index(&header->dequeue), 1),
            put = settled(ring_, QueueAtomics::load_index(&header->enqueue), 0);
  return {put > taken ? put - taken : 0,
          QueueAtomics::load_index(&header->dropped_oldest),
          QueueAtomics::load_index(&header->dropped_new),
          QueueAtomics::load_index(&header->refused_full),
          QueueAtomics::load_index(&header->refused_size),
          taken};
}

}  // namespace ringway
