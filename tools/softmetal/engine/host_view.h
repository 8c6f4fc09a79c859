// What a command buffer sees of memory that the host writes meanwhile: Metal promises neither when nor in what order. The
// GPU works on a copy. A word that the host has written comes into it when the GPU looks at that word by an atomic access,
// and not always then; all of them do at a sequentially consistent fence. What the GPU has written, the host sees when the
// command buffer has ended.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "engine/memory.h"

namespace softmetal {

class HostView {
 public:
  // Of `length` bytes that the host and the GPU share.
  HostView(char* shared, size_t length);

  bool is_of(const char* shared) const { return shared >= shared_ && shared < shared_ + length_; }
  char* copy_of(char* shared) const { return copy_.data() + (shared - shared_); }
  bool holds(const volatile void* in_copy) const;
  // Brings the word in which that byte of the copy lies.
  void see(const volatile void* in_copy);
  void see_all();
  // Gives the host what the GPU has written.
  void show();

 private:
  using Word = unsigned;
  Word* shared_word(size_t i) const { return reinterpret_cast<Word*>(shared_) + i; }
  Word* copied_word(size_t i) const { return reinterpret_cast<Word*>(copy_.data()) + i; }

  char* shared_;
  size_t length_;
  Memory copy_;
  std::vector<Word> seen_;  // of the host's, as it last came into the copy
};

// Those of one command buffer.
class HostViews {
 public:
  void add(char* shared, size_t length);
  // Where the GPU finds what the host has at that place.
  char* copy_of(char* shared) const;
  void see(const volatile void* in_copy);
  void see_all();
  void show();

 private:
  std::vector<std::unique_ptr<HostView>> views_;
};

}  // namespace softmetal
