// Pages of the host's own memory that runtimes have locked for the GPU. CUDA locks a page once only and unlocks what was
// locked with it, so what several runtimes want is locked in pieces, each for as long as somebody uses it.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/cuda/gpu.h"

namespace ringway::cuda {

class LockedPages {
 public:
  // The process's.
  static LockedPages& all();

  // Beginnings of the pieces that cover a range of whole pages, of which the caller is a user from now on. With the
  // context current; `result` says why there are none.
  std::vector<u64> lock(const CudaDriver& driver, u64 begin, u64 end, CUresult* result);
  void unlock(const CudaDriver& driver, const std::vector<u64>& pieces);
  // Whether a runtime holds any byte of it, and may let go of it at any time.
  bool holds(u64 begin, u64 end);

 private:
  struct Piece {
    u64 end = 0;
    u32 users = 0;
  };
  std::mutex changing_;
  std::map<u64, Piece> pieces_;  // by their beginnings
};

}  // namespace ringway::cuda
