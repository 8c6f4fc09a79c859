// Memory of objects of one kind that come and go all the time: what one leaves is the next one's.
#pragma once
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace ringway::metal {

// Pieces of one size, that of the first; at most so many are kept.
class ReusedMemory {
 public:
  static constexpr std::size_t kMostKept = 1024;

  ReusedMemory() { free_.reserve(kMostKept); }
  ~ReusedMemory() {
    for (void* piece : free_) ::operator delete(piece);
  }
  void* take(std::size_t bytes) {
    std::lock_guard lock(changing_);
    if (free_.empty()) return ::operator new(bytes);
    void* const piece = free_.back();
    free_.pop_back();
    return piece;
  }
  void give(void* piece) {
    std::lock_guard lock(changing_);
    if (free_.size() == kMostKept) return ::operator delete(piece);
    free_.push_back(piece);
  }

 private:
  std::mutex changing_;
  std::vector<void*> free_;
};

// For std::allocate_shared(), which allocates one piece for each object.
template <class T>
struct ReusingAllocator {
  using value_type = T;

  explicit ReusingAllocator(std::shared_ptr<ReusedMemory> from) : memory(std::move(from)) {}
  template <class U>
  ReusingAllocator(const ReusingAllocator<U>& other) : memory(other.memory) {}

  T* allocate(std::size_t count) { return static_cast<T*>(memory->take(count * sizeof(T))); }
  void deallocate(T* object, std::size_t) { memory->give(object); }
  template <class U>
  bool operator==(const ReusingAllocator<U>& other) const {
    return memory == other.memory;
  }

  std::shared_ptr<ReusedMemory> memory;
};

}  // namespace ringway::metal
