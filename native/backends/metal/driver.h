// The thread that keeps a runtime's ring kernels going: it encodes slices into command buffers, hands orders over with
// them, reads the reports behind them, and sleeps when no message can move.
//
// A command buffer is a number of rounds; in each, every kernel that may have something to do runs one slice, all of
// them concurrently, and barriers divide the rounds. Two command buffers are under way while there is work, so that the
// GPU need not wait for the host; their orders and reports lie in areas of their own.
//
// Kernels that poll (LaunchOptions::device_polls) look for messages at the begin of each slice. When messages moved and
// none is left, one more command buffer runs, alone, whose first slices go on looking for a while: it listens.
#pragma once
#import <Metal/Metal.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backends/metal/commands.h"
#include "backends/metal/instance.h"
#include "backends/metal/wrapped_buffers.h"

namespace ringway::metal {

class Driver {
 public:
  Driver(const HostServices& services, const Gpu& gpu, Library& library);
  ~Driver();

  // Runs `change` while nothing is on the GPU and this thread alone looks at kernels and arena. What it throws has
  // changed nothing.
  void still(const Wait& until, const std::function<void()>& change);
  // Throws kDeviceLost when the GPU is gone.
  void check();
  // By `change`: they are in the command buffers to come.
  void add(std::shared_ptr<KernelSet> kernel);
  void remove(KernelSet& kernel);
  void add(std::shared_ptr<DeviceLink> link);

  void set_running(KernelSet& kernel, bool on);
  // Whether messages wait for the kernel on the GPU.
  bool has_input(const KernelSet& kernel);
  // Once back, handlers of that kernel, or of all, that ran at the call have returned, and no slice uses a buffer that
  // was released before. Throws kTimeout, naming the kernel, after the watchdog's time.
  void settle(const KernelSet* kernel, const Wait& until);
  // Messages may have come, or room: by any thread. `hurries`: a command buffer that only looks for messages of the
  // host, and will not find these, had better end.
  void wake(bool hurries);
  // Whether what is on the GPU finds each buffer that had been added by the time of the call; by any thread.
  bool knows_all_buffers() const { return !buffers_.stale(); }
  u64 idle_looks() const { return atomic::load_relaxed(&idle_looks_); }

  // Discards what is left for a kernel: its messages become dead letters. While nothing is on the GPU.
  u64 discard(KernelSet& kernel, LetterReason reason, const std::string& text);

  void stop();
  void abandon();

  const std::shared_ptr<Arena>& arena() const { return arena_; }

 private:
  struct Slot {  // in the ring of areas
    u64 controls = 0, orders = 0, reports = 0, link_heads = 0, link_reports = 0, bell = 0;
    Block block;
  };
  struct Flight final : CommandsListener {  // a command buffer under way
    explicit Flight(Driver& of) : driver(of) {}
    void ended(const Ended& what) override;

    Driver& driver;
    u64 number = 0;
    u32 area = 0;
    u32 rounds = 0;
    bool listens = false;            // for messages, having none
    u32 looks = 1;                   // that a slice which polls may take
    std::vector<Replica*> replicas;  // with a slice in it
    std::vector<u32> resumes;        // of all replicas, as it was ordered
    std::int64_t began = 0;
    bool over = false;
    Ended how;
  };
  using Lock = std::unique_lock<std::mutex>;
  static constexpr u32 kInFlight = 2;
  static constexpr u32 kMostRounds = 256, kMostQuantum = 65'536, kMostLooks = 1 << 20;
  static constexpr std::int64_t kUnderWayLook = 300'000;   // ns until a message under way gets its next slice
  static constexpr std::int64_t kExpiryLook = 10'000'000;  // ns between looks for messages that expire
  static constexpr double kTarget = 2e-3;                  // seconds on the GPU for a command buffer

  void run();
  bool take_ended();
  bool wants_slices();
  void sleep(Lock& lock);
  std::int64_t next_look() const;
  std::string name_on_gpu() const;
  bool listening() const { return !flights_.empty() && flights_.back()->listens; }
  void ring();
  void wait(Lock& lock, const Wait& until, const std::function<bool()>& done);
  void lay_out();

  // driver_encode.mm
  std::shared_ptr<Flight> new_flight();
  void encode();
  void nothing_to_do();
  u32 choose_ready(bool listening);
  void write_orders(const Slot& area, Flight* flight);
  void encode_boundary(id<MTLComputeCommandEncoder> encoder, const Slot& area, bool begins, bool ends);
  std::string slices_text(const Flight& flight) const;
  void encode_slice(id<MTLComputeCommandEncoder> encoder, const Replica& replica);

  // driver_report.mm
  void apply(const Flight& flight);
  bool apply(Replica& replica, const SliceReport& report, u32 resumes, const Flight& flight);
  void adapt(const Flight& flight, u32 last_round);
  void look_for_stuck();

  // driver_end.mm
  void broke(Replica& replica, const std::string& text, ErrorKind kind = ErrorKind::kHandler);
  void command_failed(const Flight& flight);
  void lose(const std::string& text);
  void fail(KernelSet& kernel, const std::string& reason, ErrorKind kind = ErrorKind::kHandler);
  void finish_failures();
  void resume_due();
  std::string stuck_text(const KernelSet& kernel) const;
  const KernelSet* stuck_kernel() const;

  const HostServices services_;
  const std::int64_t patience_;  // ns; 0: none
  const std::shared_ptr<Arena> arena_;
  const Pipeline& boundary_;
  const Owned<NSString*> label_;  // of command buffers
  const Owned<id<MTLCommandQueue>> queue_;
  WrappedBuffers buffers_;

  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  std::vector<std::shared_ptr<KernelSet>> kernels_;
  std::vector<Replica*> replicas_;
  std::vector<std::shared_ptr<DeviceLink>> links_;
  Slot areas_[kInFlight];
  bool laid_out_ = true;
  std::vector<std::shared_ptr<Flight>> flights_;  // oldest first
  std::vector<std::shared_ptr<Flight>> landed_;   // whose vectors the next ones use
  std::vector<Replica*> chosen_;                  // by choose_ready()
  std::vector<KernelSet*> news_;                  // by apply()
  u64 committed_ = 0, ended_ = 0;                 // numbers of flights
  u32 stillness_ = 0;                             // callers that want it
  u64 events_ = 0, encoded_events_ = 0;           // what may let messages move
  bool backlog_ = false;                          // messages moved to the last
  bool lively_ = false;  // they moved, of kernels one of which polls, and nothing has listened in vain since
  u32 rounds_ = 1, quantum_ = 256, looks_ = 256;
  std::vector<std::pair<KernelSet*, std::string>> failing_;
  std::string lost_;  // why the GPU is gone; empty: it is there
  u64 idle_looks_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ringway::metal
