// C++ errors become the classes of python/ringway/errors.py.
#include <new>

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
