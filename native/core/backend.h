// The contract of a backend. To add one, implement this and put it into the list; see backends/README.md.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/options.h"
#include "core/port.h"
#include "core/pump.h"
#include "core/reply.h"
#include "core/tracer.h"

namespace ringway {

// A kernel that can be launched: one entry of a backend's table.
struct KernelType {
  std::string name;
  std::vector<std::string> accepts;  // wire names of the messages its mailbox takes; empty = any
  std::string emits;                 // wire name of what reserve(0) sends; empty = plain bytes
  u32 body_size = 0;                 // of the largest message it is made for; 0 = any
  std::vector<std::string> errors;   // texts of the error numbers that its handler reports
  std::vector<std::string> outputs =
      {};  // names of the links out of it, in order; empty: any number, without names
  std::vector<std::string> counters = {};  // names of what its handler counts; 1 is the first
  std::vector<std::int64_t> periods = {};  // ns between two ticks of each of its timers
  // Of a program's own, for recordings: a hash of its source, empty for the backend's; where the program has it; and whether
  // its first state has no bytes.
  std::string source = {};
  std::string program = {};
  bool opaque_state = false;
};

class Resident;
class UserKernel;

// What takes the place of a user's kernel, or was replaced by it: one resident for each replica.
struct Replacement {
  std::shared_ptr<const UserKernel> kernel;
  std::vector<std::shared_ptr<Resident>> residents;
};

struct LaunchSpec {
  std::string kernel;
  std::string name;   // of this launch, for texts
  u32 index = 0;      // its endpoint
  u32 body_size = 0;  // of the mailbox and of the queue to the host
  LaunchOptions options;
  std::int64_t grid = 1;                        // groups that run the handler: on the CPU, replicas
  std::int64_t block = 1;                       // threads of a group
  std::shared_ptr<const UserKernel> user = {};  // what runs instead of the backend's kernel of that name
  std::vector<u8> state = {};                   // of a compiled one, at launch and after a restart
};

struct LinkSpec {
  u32 capacity;
  u32 payload;  // bytes of the largest message
  u32 output;   // of the sender, from 0: the next one, or one whose receiver has been terminated
};

// What a backend may use of the runtime that it serves; outlives it.
struct HostServices {
  ReplyPool& replies;
  BufferTable& buffers;
  Pump& pump;  // of the bridges of kernels whose queues the host does not see (core/bridge.h)
  Tracer& tracer;
  double watchdog =
      0;  // seconds after which a handler that has not returned is named, and waited for no longer; 0 = off
  std::string runtime;  // its name, for the log
};

class Backend {
 public:
  virtual ~Backend() = default;  // stops what runs

  virtual std::string device() const = 0;  // what it runs on, for people
  virtual u32 workers() const = 0;         // places that a kernel can be put on
  // (optional) Times that workers have looked for work in vain.
  virtual u64 idle_looks() const { return 0; }
  virtual std::vector<const KernelType*> kernels() const = 0;

  // launch and stop are called by one thread at a time; activate, deactivate, retire and has_input by one thread at a
  // time for each kernel, link for its two; the others by any. What waits for a handler ends when `until` is over, by
  // kClosed, and when until.check throws.
  // Queues and state; not running. Throws kInvalidOption on a grid or block that it does not have.
  virtual std::shared_ptr<Port> launch(const LaunchSpec& spec) = 0;
  // An output of one, the next input of the other; the queues between them, for telemetry.
  // When it throws, nothing has been linked.
  virtual std::vector<std::shared_ptr<const Queue>> link(Port& from, Port& to, const LinkSpec& spec,
                                                         const Wait& until) = 0;
  virtual void activate(Port& port) = 0;    // its handler runs from now on; waits for nothing
  virtual void deactivate(Port& port) = 0;  // its handler begins no further message; waits for nothing
  // Whether messages wait for an active kernel's handler, or `until` is over; lets it run.
  virtual bool has_input(Port& port, const Wait& until) = 0;
  // Of a deactivated kernel: discard what is left, answer its senders, forget it; how many. When it throws, the next
  // call goes on where it stopped.
  virtual u64 retire(Port& port, const Wait& until) = 0;
  // Once back, handlers of one kernel, or of all, that ran at the call have returned. Throws kTimeout, naming the
  // kernel, when one does not within HostServices::watchdog.
  virtual void quiesce(const Port* port, const Wait& until) = 0;
  virtual void stop() = 0;  // nothing runs any more; called once, last
  // (optional) Instead of stop(), when a handler does not return: waits for nothing. The backend then lives for ever.
  virtual void abandon() { stop(); }

  virtual void notify(Port& port) = 0;  // something was put into the mailbox
  // (optional) Whether it launches kernels that a program brings; and calls `look` with a replica of such a one between
  // two of its turns.
  virtual bool runs_user_kernels() const { return false; }
  using Look = std::function<void(Resident&)>;
  virtual void look_at(Port&, u32, const Look&, const Wait&) {}
  // (optional) Whether its kernels can be of a group: Port::restart() and Port::follow_failure() do something.
  virtual bool has_groups() const { return false; }
  // (optional) Whether such kernels can be replaced.
  virtual bool replaces_kernels() const { return false; }
  // (optional) Swaps what a deactivated kernel of a program's runs with what is given, of all replicas or, when it throws,
  // of none. One that has failed takes messages again, from links too.
  virtual void replace(Port&, Replacement*, const Wait&) {}
  // (optional) Runs the kernel on this thread until done(arg), or nothing is left to do. False when it
  // cannot: then notify() is due.
  virtual bool assist(Port&, bool (*)(void*), void*) { return false; }
};

}  // namespace ringway
