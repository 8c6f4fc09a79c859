// Memory for ring kernels, in chunks that are taken from the driver while no grid runs: an allocation may have to wait for
// the grid's end, which would not come.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "backends/cuda/gpu.h"

namespace ringway::cuda {

class RingMemory {
 public:
  enum class Where {
    kHost,
    kDevice
  };  // of the host: page-locked, and the device sees it under the same addresses

  RingMemory(std::shared_ptr<const CudaContext> context, Where where);
  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  bool fits(u64 bytes);
  // 0: there is no room, until somebody grows it. What it holds is undefined.
  u64 take(u64 bytes);
  void give_back(u64 address);
  // So that `bytes` fit in one piece. While no grid runs; throws kOutOfMemory.
  void grow(u64 bytes);

 private:
  const std::shared_ptr<const CudaContext> context_;
  const Where where_;
  std::mutex changing_;
  std::map<u64, u64> free_, taken_;  // address and bytes
  std::map<u64, u64> chunks_;
};

// A piece of it.
class RingPiece {
 public:
  RingPiece() = default;
  // Empty when there is no room.
  RingPiece(std::shared_ptr<RingMemory> memory, u64 bytes)
      : memory_(std::move(memory)), address_(memory_->take(bytes)) {}
  RingPiece(RingPiece&& other) noexcept { swap(other); }
  RingPiece& operator=(RingPiece&& other) noexcept {
    RingPiece(std::move(other)).swap(*this);
    return *this;
  }
  ~RingPiece() {
    if (address_) memory_->give_back(address_);
  }

  explicit operator bool() const { return address_ != 0; }
  u64 address() const { return address_; }
  // Of the host's.
  template <class T>
  T* as(u64 offset = 0) const {
    return reinterpret_cast<T*>(address_ + offset);
  }

 private:
  void swap(RingPiece& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(address_, other.address_);
  }

  std::shared_ptr<RingMemory> memory_;
  u64 address_ = 0;
};

}  // namespace ringway::cuda
