// Every failure that a user can cause. The text says what was wrong, where, the limit and the remedy; the
// kind selects the Python class (python/ringway/errors.py holds the same names).
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace ringway {

enum class ErrorKind {
  kInvalidOption,       // a field outside its range
  kInvalidState,        // a transition the state table does not have
  kClosed,              // the runtime, kernel or queue was closed
  kNotFound,            // no kernel, queue or backend of that name
  kBackendUnavailable,  // the backend exists but not on this machine; the text says why
  kTypeMismatch,        // a message of a type the queue does not accept
  kMessageTooLarge,     // larger than the slot
  kQueueFull,           // refused by the policy `reject`, or not accepted within the block time-out
  kTimeout,             // nothing arrived in time
  kHandler,             // the handler reported a failure for this message
  kLayout,              // memory that is not a queue of this layout version
  kGraph,               // a graph or graph file that cannot be read
  kOutOfMemory,         // the system gives no more
  kDispatch,            // a dispatch whose grid or arguments do not fit its kernel
  kDuplicate,           // a message of that id was handled before
  kForked,              // a runtime used in a child after fork()
  kDeviceLost,          // the device is gone, or will not go on; what was on it is lost
  kRecording,           // a recording that cannot be written, or read
  kKernel,              // a kernel of the program's own that cannot be compiled
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace ringway
