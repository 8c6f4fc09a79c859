// C++ errors become the classes of python/ringway/errors.py.
#include <new>
#include <system_error>

#include "bindings/bindings.h"
#include "codec/error.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

const char* class_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidOption: return "InvalidOption";
    case ErrorKind::kInvalidState: return "InvalidState";
    case ErrorKind::kClosed: return "Closed";
    case ErrorKind::kNotFound: return "NotFound";
    case ErrorKind::kBackendUnavailable: return "BackendUnavailable";
    case ErrorKind::kTypeMismatch: return "TypeMismatch";
    case ErrorKind::kMessageTooLarge: return "MessageTooLarge";
    case ErrorKind::kQueueFull: return "QueueFull";
    case ErrorKind::kTimeout: return "Timeout";
    case ErrorKind::kHandler: return "HandlerError";
    case ErrorKind::kLayout: return "LayoutError";
    case ErrorKind::kGraph: return "GraphError";
    case ErrorKind::kOutOfMemory: return "OutOfMemory";
    case ErrorKind::kDispatch: return "DispatchError";
    case ErrorKind::kDuplicate: return "DuplicateMessage";
    case ErrorKind::kForked: return "ForkedError";
    case ErrorKind::kDeviceLost: return "DeviceLost";
    case ErrorKind::kRecording: return "RecordingError";
    case ErrorKind::kKernel: return "KernelError";
  }
  return "Error";
}

void raise(const char* name, const char* text) {
  py::object type = py::module_::import("ringway.errors").attr(name);
  PyErr_SetObject(type.ptr(), text_of_bytes(text).ptr());
}

// Errors that pybind11 does not know pass through.
void translate(std::exception_ptr pending) {
  try {
    if (pending) std::rethrow_exception(pending);
  } catch (const codec::DecodeError& error) {
    py::object type = py::module_::import("ringway.errors").attr("DecodeError");
    py::object instance = type(text_of_bytes(error.what()), error.offset());
    PyErr_SetObject(type.ptr(), instance.ptr());
  } catch (const codec::EncodeError& error) {
    raise("EncodeError", error.what());
  } catch (const Error& error) {
    raise(class_name(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    raise(
        "OutOfMemory",
        "the system gives no memory for this call; free some, or ask for less capacity or smaller messages");
  } catch (const std::system_error& error) {
    // Of all that may fail with it, threads are what runs out.
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    raise(
        "OutOfMemory",
        "the system gives no more threads; raise the limit (`ulimit -u`, the container's), or ask for fewer "
        "workers");
  }
}

}  // namespace

py::str text_of_bytes(std::string_view bytes) {
  PyObject* const text = PyUnicode_DecodeUTF8(bytes.data(), py::ssize_t(bytes.size()), "backslashreplace");
  if (!text) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(text);
}

void set_python_error(std::exception_ptr pending) {
  try {
    translate(pending);
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

void init_errors(py::module_&) {
  py::register_local_exception_translator(&translate);
}

}  // namespace ringway::bindings
