// Named memory that several processes map: POSIX shared memory, of this user only.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "ringway/config.h"

namespace ringway {

class SharedMemory {
 public:
  // Letters of a name. macOS takes 31 bytes with what is put before it; elsewhere a name that works there is asked too.
  static constexpr std::size_t kMostName = 26;
  // Throws kInvalidOption unless the name is 1 to kMostName of A-Z a-z 0-9 . _ - and does not begin with a dot.
  static void check_name(const std::string& name);

  // New memory of that many zero bytes, readable and writable by this user only. Throws kInvalidState when the name is
  // taken, kInvalidOption when it is no name or there is not so much memory.
  static SharedMemory create(const std::string& name, std::size_t bytes);
  // Throws kNotFound; kLayout when it belongs to another user, or others may open it. Empty memory, which its creator
  // has not given its size yet, has no data().
  static SharedMemory open(const std::string& name);
  // What this user has, sorted.
  static std::vector<std::string> names();
  // False when there was none.
  static bool unlink(const std::string& name);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) = delete;
  ~SharedMemory();

  const std::string& name() const { return name_; }
  u8* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // The descriptor, the caller's from now on; once.
  int take_descriptor();

 private:
  SharedMemory(std::string name, int descriptor);
  void map(std::size_t bytes);

  std::string name_;
  int descriptor_;
  u8* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace ringway
