// Named memory that several processes map: POSIX shared memory, of this user only unless its mode says otherwise.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "ringway/config.h"

namespace ringway {

// Permissions: who has any may read and write, because receivers write too.
enum : u32 { kOwnerOnly = 0600, kGroup = 0660, kEverybody = 0666 };

class SharedMemory {
 public:
  // Letters of a name. macOS takes 31 bytes with what is put before it; elsewhere a name that works there is asked too.
  static constexpr std::size_t kMostName = 26;
  // Throws kInvalidOption unless the name is 1 to kMostName of A-Z a-z 0-9 . _ - and does not begin with a dot.
  static void check_name(const std::string& name);

  // New memory of that many zero bytes. Throws kInvalidState when the name is taken, kInvalidOption when it is no name,
  // `mode` is none of the above or not to be had on this system; kOutOfMemory when there is not so much memory.
  static SharedMemory create(const std::string& name, std::size_t bytes, u32 mode = kOwnerOnly);
  // Throws kNotFound; kOutOfMemory; kLayout when more than `mode` says may open it or, unless that lets others in, when it belongs to
  // another user. Empty memory, which its creator has not given its size yet, has no data().
  static SharedMemory open(const std::string& name, u32 mode = kOwnerOnly);
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
  u32 mode() const { return mode_; }
  bool of_this_user() const { return of_this_user_; }
  // The descriptor, the caller's from now on; once.
  int take_descriptor();

 private:
  SharedMemory(std::string name, int descriptor);
  void map(std::size_t bytes);

  std::string name_;
  int descriptor_;
  u8* data_ = nullptr;
  std::size_t bytes_ = 0;
  u32 mode_ = kOwnerOnly;
  bool of_this_user_ = true;
};

}  // namespace ringway
