// Descriptors that a child must not keep after fork(): it closes them before fork() returns there.
#pragma once
#include <cstddef>
#include <vector>

namespace ringway {

class Inherited {
 public:
  Inherited();
  ~Inherited();  // closes them
  Inherited(const Inherited&) = delete;
  Inherited& operator=(const Inherited&) = delete;

  // At `place`, where nothing is open; the descriptor is this object's from now on.
  void put(std::size_t place, int descriptor);
  // -1 where nothing is open, as everywhere in a child.
  int at(std::size_t place) const;
  void close(std::size_t place);

 private:
  void close_all();
  static void forget_in_child();
  std::vector<int> descriptors_;
};

}  // namespace ringway
