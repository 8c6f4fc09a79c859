// Kernels whose handlers Python runs, each replica on a thread of its own. What is called of the handler is written down
// in python/ringway/interpreted/handler.py.
#pragma once
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "bindings/python_thread.h"
#include "core/user_kernel.h"

namespace ringway::bindings {

namespace py = pybind11;

struct MessageType;
class PythonResident;

// `ctx` of a handler in Python, for one message.
class HandlerContext {
 public:
  explicit HandlerContext(PythonResident* resident) : resident_(resident) {}
  void send(const py::str& link, const py::object& message);
  void reply(const py::object& message);
  void emit(const py::object& message);
  u64 now_us();
  u32 self_id();
  u32 replica();
  u64 missed();
  void count(const py::str& name, const py::object& n);
  void deactivate();

 private:
  friend class PythonResident;
  KernelContext& running(const char* call) const;

  PythonResident* resident_;  // null: it is gone
};

class PythonResident : public Resident {
 public:
  // With the GIL, as whatever is not said to need none.
  PythonResident(const KernelType& type, const py::object& handler, py::object state, bool any_thread);
  ~PythonResident() override;  // without, or with it

  u32 drain(KernelContext* ctx, u8* first, u32 stride, u32 n, DrainStatus* status) override;  // without
  void tick(KernelContext* ctx, u32 timer, DrainStatus* status) override;                     // without
  void describe(const DrainStatus& status, ErrorText& text) const override;                   // without
  void restart() override;                                                                    // without
  void arrive() override;                                                                     // without
  void leave() override;                                                                      // without

  // The next message of the run, once the handler is done with the one before; None: it is over.
  py::object next();
  // Of the state, for others than the handler.
  py::object snapshot() const;
  // The state itself, the classes of the messages, and what makes a state, for a kernel that takes its place; while no handler runs.
  const py::object& state() const { return parts_->state; }
  py::object messages() const { return parts_->handler.attr("messages"); }
  py::object new_state() const { return parts_->handler.attr("new_state"); }

 private:
  friend class HandlerContext;
  struct Run {
    KernelContext* context = nullptr;  // null: no handler runs
    u8* first = nullptr;
    u32 stride = 0, n = 0;
    u32 done = 0;
    bool begun = false;  // message number `done`
    DrainStatus* status = nullptr;
    std::int64_t until = 0;  // of now_ns(): no further message is begun
  };
  // References that are dropped with the GIL, or not at all once the interpreter ends.
  struct Parts {
    py::object handler, function, waits, prepare, snapshot, outputs, counters, state, context, driver;
    py::object variables;  // context variables of a handler that runs on any thread
  };

  void run();
  void run_tick(u32 timer);
  // Runs the program's code; what it throws becomes the status.
  template <class Work>
  void guarded(const PythonThread::Visit& visit, Work work);
  void renew_context();
  void handle(const py::object& message);
  py::object message_of(u8* slot);
  void failed(const std::string& text, DrainCode code);
  void send(u32 output, const py::object& message, bool typed);

  const KernelType& type_;
  PythonThread thread_;
  std::unique_ptr<Parts> parts_;
  std::vector<const MessageType*> classes_;  // of its messages; empty: any
  Run run_;
  bool ticks_ = false;  // it runs a tick
  std::string failure_;
};

class PythonKernel : public UserKernel {
 public:
  // One launch: `states` are those of the replicas.
  // `any_thread`: threads of Python that wait for an answer may run the handler.
  PythonKernel(KernelType type, const py::object& handler, const std::vector<py::object>& states,
               bool any_thread);

  bool may_wait() const override { return true; }
  bool keeps_to_its_thread() const override { return !any_thread_; }
  bool may_run_here() const override { return any_thread_ && PythonThread::may_stand_in(); }
  void check(const LaunchSpec& spec) const override;
  std::shared_ptr<Resident> settle(const LaunchSpec& spec, u32 replica) const override;
  // All replicas, instead of a launch.
  std::vector<std::shared_ptr<Resident>> resume() const;

 private:
  // Here too, so that a launch that fails drops no reference under the runtime's lock.
  std::vector<std::shared_ptr<PythonResident>> residents_;
  const bool any_thread_;
  mutable bool launched_ = false;
};

}  // namespace ringway::bindings
