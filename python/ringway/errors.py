"""Every exception that ringway raises of its own.

Each message says what was wrong, where, the limit and what to do next. Classes that mean the same as a
built-in one derive from it too, so that ``except TimeoutError`` and ``except ValueError`` keep working.
"""

from __future__ import annotations


class Error(Exception):
    """Base of all ringway errors."""


class InvalidOption(Error, ValueError):
    """An option outside its range; the text names field, value and range."""


class InvalidState(Error):
    """A lifecycle transition that the state table does not have."""


class Closed(Error):
    """The runtime, kernel or queue was closed."""


class NotFound(Error, LookupError):
    """No kernel, queue or backend of that name."""


class BackendUnavailable(Error):
    """A backend that this machine or build does not have; the text says why."""


class TypeMismatch(Error, TypeError):
    """A message of a type that the kernel or queue does not accept."""


class MessageTooLarge(Error, ValueError):
    """A message larger than the slots of its queue, which is left as it was."""


class QueueFull(Error):
    """A queue refused a message: policy ``reject``, or no room within the block time-out.

    ``sent`` is how many messages of a ``send_many`` it had taken before.
    """

    sent = 0


class Timeout(Error, TimeoutError):
    """Nothing arrived in time."""


class HandlerError(Error):
    """A kernel's handler failed on a message; the text holds the message's id and the reason."""


class DuplicateMessage(Error):
    """A request with the id of one that the kernel has taken before, under ``LaunchOptions(dedup=...)``."""


class LayoutError(Error):
    """Memory that does not hold a queue of this layout version."""


class SchemaError(Error, TypeError):
    """A message class or schema that has no wire form; the text names the field."""


class EncodeError(Error, ValueError):
    """A value that does not fit its schema; the text holds the path to the field."""


class DecodeError(Error, ValueError):
    """Bytes that are not a value of the schema. ``offset`` is where reading stopped."""

    def __init__(self, text: str, offset: int = 0) -> None:
        super().__init__(text)
        self.offset = offset

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, int]]:
        return (type(self), (str(self), self.offset))


class GraphError(Error, ValueError):
    """A graph or graph file that cannot be read; the text names file, line and reason."""


class NotConverged(Error, ArithmeticError):
    """An iteration that did not reach its tolerance; the text holds residual, tolerance and iterations."""


class OutOfMemory(Error, MemoryError):
    """The system gives no memory for what was asked; nothing has changed."""


class DispatchError(Error, ValueError):
    """A dispatch or buffer that does not fit; the text names the argument, what was wanted and given."""


class DeviceLost(Error):
    """The device was removed, or will not go on, and what was on it is lost; open another one."""


class RecordingError(Error):
    """A recording that cannot be written, or read; the text names the file and the damaged chunk."""


class KernelError(Error, ValueError):
    """A kernel of the program's own that cannot be compiled; the text names file, line, column and remedy."""


class ForkedError(Error, RuntimeError):
    """A runtime used in a child process after ``fork``; start a new one there."""


class MissingPackage(Error, ImportError):
    """A function that needs an optional package; the text names the extra of ringway that installs it."""
