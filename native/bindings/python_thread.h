// Native threads that run Python for a while, again and again.
#pragma once
#include <pybind11/pybind11.h>

#include "ringway/atomics_runtime.h"

namespace ringway::bindings {

// The Python side of one native thread, or, in whose place they run its work, of Python's own: kept between two visits, because making one costs more than a short handler, and what
// the program keeps per thread would be gone each time.
class PythonThread {
 public:
  // Has the GIL for its life. One at a time.
  class Visit {
   public:
    explicit Visit(PythonThread& thread) : thread_(thread) {
      thread_.enter();
      atomic::add_relaxed(&visits(), 1U);  // relaxed: a hint
    }
    ~Visit() {
      thread_.exit();
      atomic::add_relaxed(&visits(), ~0U);  // less one
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    // The last one, by the native thread.
    void end() { thread_.ends_ = true; }
    bool lent() const { return thread_.lent_; }
    // For a few microseconds while there is one, of any thread: who got an answer from a handler, and would ask for the GIL
    // that the handler is about to let go of, would fall asleep and take longer to wake up.
    static void let_end();

   private:
    static u32& visits();
    PythonThread& thread_;
  };

  // For its life this thread runs no handler in place of another: it is an event loop's, which would stand still.
  class Kept {
   public:
    Kept() { here() = true; }
    ~Kept() { here() = false; }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    static bool& here();
  };
  // Whether this thread may run a handler in place of the native one: it is one of Python's, and has not got the GIL, which
  // the thread that runs the kernel may be waiting for.
  static bool may_stand_in() {
    return PyGILState_GetThisThreadState() && !PyGILState_Check() && !Kept::here();
  }

 private:
  void enter();
  void exit();

  bool ends_ = false;
  bool lent_ = false;               // the visit is by one of Python's threads
  PyThreadState* state_ = nullptr;  // of the native thread
  PyGILState_STATE before_{};       // of the native thread
  PyGILState_STATE lent_before_{};
};

// Calls what may run long. An interpreter that ends, before Python 3.14, ends threads that come back to it by unwinding
// their stacks, which nobody may catch; such a thread stops here for ever instead, as it does from 3.14 on.
PyObject* call_python(PyObject* callable, PyObject* const* arguments, std::size_t n);

// With the GIL, whether this thread has it or not; not at all once the interpreter ends.
template <class Work>
void with_interpreter(Work work) {
  if (PyGILState_Check()) return work();
#if PY_VERSION_HEX >= 0x030D0000
  if (!Py_IsInitialized() || Py_IsFinalizing()) return;
#else
  if (!Py_IsInitialized() || _Py_IsFinalizing()) return;
#endif
  const PyGILState_STATE before = PyGILState_Ensure();
  work();
  PyGILState_Release(before);
}

}  // namespace ringway::bindings
