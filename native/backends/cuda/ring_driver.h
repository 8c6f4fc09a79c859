// The thread that keeps a runtime's ring kernels going: it launches the resident grid when there is work, hands orders
// over, reads reports, lets the grid leave when nothing moves or others may need the device, and launches it again.
// Queues and state lie in memory that outlives each grid.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backends/cuda/instance.h"
#include "backends/cuda/shown_buffers.h"

namespace ringway::cuda {

class RingDriver {
 public:
  // Throws what the driver says of the image.
  RingDriver(const HostServices& services, u32 workers);
  ~RingDriver();

  // Pieces for `make`, which says whether it got all that it wanted; the grid leaves for more memory if it did not.
  void with_memory(const Wait& until, u64 most_of_host, u64 most_of_device,
                   const std::function<bool()>& make);
  const std::shared_ptr<RingMemory>& host_memory() const { return host_; }
  const std::shared_ptr<RingMemory>& device_memory() const { return device_; }

  // Throws kInvalidOption when there is no seat left.
  void add(std::shared_ptr<CudaKernel> kernel);
  // The tables take the place of the old ones. Receivers get theirs first, and make the queues.
  using Tables = std::vector<std::pair<LinkTable*, LinkTable>>;
  void add(const std::vector<std::shared_ptr<CudaLink>>& links, Tables& tables, const Wait& until);
  void set_running(CudaKernel& kernel, bool on);
  // Whether messages wait for the kernel on the GPU.
  bool has_input(const CudaKernel& kernel);
  // Once back, handlers of that kernel, or of all, that ran at the call have returned, and no slice uses a buffer that
  // was released before. Throws kTimeout, naming the kernel, after the watchdog's time.
  void settle(const CudaKernel* kernel, const Wait& until);
  // Discards what is left for a kernel, and gives its seats back; how many messages. When it throws, the next call goes
  // on where it stopped.
  u64 retire(CudaKernel& kernel, const std::string& text, const Wait& until);
  // Messages may have come, or room: by any thread.
  void wake();
  u64 idle_looks() const { return atomic::load_relaxed(&idle_looks_); }
  // Whether its messages may come to the GPU: not while handlers would not find a buffer that a message may name.
  bool is_open(const CudaKernel& kernel);
  // Throws kDeviceLost.
  void check();

  void stop();
  void abandon();

 private:
  struct Seat {
    CudaReplica* replica = nullptr;
    u32 ordered = 0, follows = 0, reports = 0, installs = 0;
    u32 first = 0;  // the replica's orders have numbers above
    std::int64_t ordered_at = 0;
    u32 beat = 0;
    std::int64_t beat_since = 0;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void launch();
  void leave();
  void show_host();
  bool look();
  void look_at_grid();
  void landed();
  void lose(const std::string& text);
  bool wants_grid() const;
  bool wants_leave() const;
  bool is_busy() const;
  void sleep(Lock& lock, bool moved);
  void say(CudaReplica& replica);
  void hand_over();
  bool follows(const CudaReplica& replica) const;
  void wait(Lock& lock, const Wait& until, const std::function<bool()>& done);
  void still(Lock& lock, const Wait& until, const std::function<void()>& change);
  void event();

  // ring_reports.cpp
  void apply(Seat& seat, u32 follows, const SliceReport& report);
  void apply_links(const LinkTable& table);
  void look_for_stuck();
  const CudaKernel* stuck_kernel() const;
  std::string stuck_text(const CudaKernel& kernel) const;
  std::string names_in_handlers() const;

  // ring_end.cpp
  void broke(CudaReplica& replica, const std::string& text);
  void fail(CudaKernel& kernel, const std::string& reason);
  void discard(CudaKernel& kernel, LetterReason reason, const std::string& text);
  bool is_discarded(const CudaKernel& kernel) const;
  void finish_discards();
  void bury_mail(CudaKernel& kernel);
  void resume_due();
  void vacate(CudaKernel& kernel, Lock& lock, const Wait& until);

  const HostServices services_;
  const std::int64_t patience_;  // ns; 0: none
  const std::int64_t turn_ns_;   // after which the grid leaves; 0: never
  const std::shared_ptr<const CudaContext> context_;
  const std::shared_ptr<RingMemory> host_, device_;
  ShownBuffers buffers_;
  CUmodule module_ = nullptr;
  CUfunction function_ = nullptr;
  CUstream stream_ = nullptr;
  CUevent end_ = nullptr;
  u32 most_blocks_ = 0;
  RingPiece command_piece_, seats_piece_, resident_piece_;
  RingCommand* command_ = nullptr;
  RingSeat* shown_ = nullptr;  // of seats_

  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  std::vector<Seat> seats_;
  u32 used_seats_ = 0;  // that were ever taken
  std::vector<std::shared_ptr<CudaKernel>> kernels_;
  std::vector<std::pair<std::vector<std::shared_ptr<CudaLink>>, Tables>> given_up_;
  bool on_gpu_ = false, leaving_ = false;
  u32 flight_ = 0;  // number of the grid
  std::int64_t launched_at_ = 0, moved_at_ = 0, queried_at_ = 0;
  u32 stillness_ = 0;                 // callers that want it
  u64 events_ = 0, left_events_ = 0;  // what may let messages move; as the grid was told to leave
  std::string lost_;
  u64 idle_looks_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ringway::cuda
