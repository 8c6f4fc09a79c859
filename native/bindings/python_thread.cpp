#include "bindings/python_thread.h"

#include <chrono>
#include <thread>
#include <utility>

#include "core/wait.h"

namespace ringway::bindings {
namespace {

template <class Call>
auto unless_python_ends(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (...) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

}  // namespace

u32& PythonThread::Visit::visits() {
  static u32 now = 0;
  return now;
}

bool& PythonThread::Kept::here() {
  static thread_local bool kept = false;
  return kept;
}

void PythonThread::Visit::let_end() {
  constexpr std::int64_t kLongest = 20'000;  // ns; about what it takes to be woken
  if (!atomic::load_relaxed(&visits())) return;
  for (const std::int64_t end = now_ns() + kLongest; atomic::load_relaxed(&visits()) && now_ns() < end;) {
    atomic::relax();
  }
}

void PythonThread::enter() {
  unless_python_ends([this] {
    PyThreadState* const here = PyGILState_GetThisThreadState();
    lent_ = here && here != state_;
    if (lent_) return void(lent_before_ = PyGILState_Ensure());
    if (state_) return PyEval_RestoreThread(state_);
    before_ = PyGILState_Ensure();
    state_ = PyThreadState_Get();
  });
}

void PythonThread::exit() {
  if (std::exchange(lent_, false)) return PyGILState_Release(lent_before_);
  ends_ ? PyGILState_Release(before_) : void(PyEval_SaveThread());
}

PyObject* call_python(PyObject* callable, PyObject* const* arguments, std::size_t n) {
  return unless_python_ends([&] { return PyObject_Vectorcall(callable, arguments, n, nullptr); });
}

}  // namespace ringway::bindings
