"""What a queue carries: any message, plain bytes, one message class, or records of one NumPy dtype."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway.errors import InvalidOption, LayoutError, TypeMismatch

Carried = type[Any] | np.dtype[Any] | None


@dataclasses.dataclass(frozen=True)
class QueueType:
    """A queue's type as Python sees it; ``dtype`` is None where messages have no fixed layout."""

    message: Carried
    dtype: np.dtype[Any] | None

    @property
    def name(self) -> str:
        """The type in words."""
        if self.message is None:
            return "any message"
        return self.message.__name__ if isinstance(self.message, type) else str(self.message)

    def outgoing(self, queue: str, message: Any) -> Any:
        """Return what the native core takes for a message: records become bytes."""
        if not isinstance(self.message, np.dtype):
            return message
        dtype = self.message
        if isinstance(message, (np.ndarray, np.generic)) and message.dtype != dtype:
            raise TypeMismatch(f"queue {queue!r} carries {dtype}, not {message.dtype}")
        try:
            record = np.array(message, dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeMismatch(f"queue {queue!r} carries {dtype}; {message!r} is none: {error}") from None
        if record.shape:
            raise TypeMismatch(
                f"send to queue {queue!r} takes one {dtype}, not an array of shape {record.shape}; "
                "use send_many"
            )
        return record.tobytes()

    def incoming(self, message: Any) -> Any:
        """Return a received message as its user sees it."""
        if not isinstance(self.message, np.dtype):
            return message
        if len(message) != self.message.itemsize:  # a peer that writes nonsense into shared memory
            raise LayoutError(
                f"a message of {len(message)} bytes came where {self.message} has {self.message.itemsize}"
            )
        record = np.frombuffer(message, self.message)[0]
        if isinstance(record, np.str_) and np.frombuffer(record.tobytes(), np.uint32).max() > sys.maxunicode:
            # Python makes such a string, and then cannot use it.
            raise LayoutError(f"a message came where {self.message} has text: {message!r}")
        return record

    def check_array(self, verb: str, queue: str, array: Any) -> None:
        """Raise `TypeMismatch` unless ``array`` is a one-dimensional array of the queue's layout."""
        dtype = self.dtype
        if dtype is None:
            return  # the native core says so
        if not isinstance(array, np.ndarray):
            found = f"a {type(array).__name__}"
        elif array.dtype is not dtype and array.dtype != dtype:
            found = f"one of {array.dtype}"
        elif array.ndim != 1:
            found = f"one of shape {array.shape}"
        else:
            return
        raise TypeMismatch(
            f"queue {queue!r} carries {self.name}: {verb} takes a one-dimensional array of {dtype}, "
            f"not {found}"
        )

    def empty(self, count: int) -> NDArray[Any]:
        """Return room for ``count`` messages; bytes where they have no fixed layout."""
        return np.empty(count, np.uint8 if self.dtype is None else self.dtype)


def resolve(message: Any) -> tuple[QueueType, Any]:
    """Return the type for a ``message`` argument, and the native core's form of that argument."""
    if message is None or message is bytes:
        return QueueType(message, None), message
    if isinstance(message, type) and not issubclass(message, np.generic):
        return QueueType(message, _layout_of(message)), message
    dtype = _checked_dtype(message)
    return QueueType(dtype, dtype), (_description(dtype), dtype.itemsize)


def of_core(core: _core.Queue) -> QueueType:
    """Return the type of a queue that was looked up.

    What its memory says of it may be a peer's. `LayoutError` when that is no layout of the bytes there,
    `TypeMismatch` when it is a class that is not here.
    """
    kind = _named_by(core)
    here = 0 if kind.dtype is None else kind.dtype.itemsize
    if here != core.fixed_size:
        raise LayoutError(
            f"messages of queue {core.name!r} have {core.fixed_size or 'any number of'} bytes, but "
            f"{kind.name} has {here or 'any number'} here"
        )
    return kind


def _named_by(core: _core.Queue) -> QueueType:
    if core.content == "record":
        try:
            dtype = _described(core.type_name)
            fault = _no_layout(dtype)
        except Exception as error:  # whatever Python's parser and NumPy make of a text that says nothing
            fault = str(error)
        if fault:
            raise LayoutError(f"messages of queue {core.name!r} are {core.type_name!r}: {fault}")
        return QueueType(dtype, dtype)
    if core.content == "message":
        cls = _core.class_of_type_id(core.type_id)
        if cls is None:
            raise TypeMismatch(
                f"queue {core.name!r} carries {core.type_name}, which is no class of this process; import "
                "the module that declares it"
            )
        return QueueType(cls, _layout_of(cls))
    return QueueType(bytes if core.content == "bytes" else None, None)


def _layout_of(cls: type[Any]) -> np.dtype[Any] | None:
    """Return the dtype of a message class in struct form; None for another class."""
    dtype: np.dtype[Any] | None = getattr(cls, "__message_dtype__", None)
    return dtype


def _checked_dtype(message: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(message)
    except (TypeError, ValueError) as error:
        raise InvalidOption(
            f"message is {message!r}; it must be a message class, bytes, a NumPy dtype or None"
        ) from error
    if fault := _no_layout(dtype):
        raise InvalidOption(f"message is the dtype {dtype}, {fault}")
    return dtype


def _no_layout(dtype: np.dtype[Any]) -> str:
    """Say why records of a dtype are not plain bytes; "" when they are."""
    if dtype.hasobject:
        return "which holds Python objects; they have no layout"
    if dtype.subdtype is not None or dtype.itemsize == 0:
        return "which is no record by itself; give it as a field of a structured dtype"
    return ""


def _description(dtype: np.dtype[Any]) -> str:
    with contextlib.suppress(ValueError, SyntaxError):
        text = repr(np.lib.format.dtype_to_descr(dtype))
        if _described(text) == dtype:
            return text
    raise InvalidOption(
        f"message is the dtype {dtype}, whose fields overlap, are out of order or have metadata"
    )


@functools.lru_cache(maxsize=256)
def _described(text: str) -> np.dtype[Any]:
    return np.lib.format.descr_to_dtype(ast.literal_eval(text))
