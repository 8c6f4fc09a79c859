"""Memory that messages name by handle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway.arguments import instance, made, whole
from ringway.errors import InvalidOption


class Buffer:
    """Memory that messages name by handle; lives until `release` or until it is forgotten."""

    def __init__(self, runtime: _core.Runtime, memory: NDArray[Any]) -> None:
        self._memory = memory_of(instance("memory", memory, np.ndarray))
        self._core = _core.HandleBuffer(made(runtime, _core.Runtime, "Runtime.buffer"), memory)

    @property
    def handle(self) -> int:
        """The number that messages carry; 0 after `release`."""
        return self._core.handle

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self._core.nbytes

    def numpy(self) -> NDArray[Any]:
        """Return the memory itself as an array, not a copy."""
        return self._memory

    def release(self) -> None:
        """Forget the handle; once back, no kernel uses the memory.

        Raises
        ------
        Timeout
            A handler did not return within the runtime's ``watchdog`` and may use it; so it may after Ctrl-C.
            Call again. Memory that is let go without is never freed.
        Closed
            The runtime's end left such a handler behind.
        """
        self._core.release()


def memory_of(source: NDArray[Any] | bytes | bytearray | memoryview | int) -> NDArray[Any]:
    """Return memory to make a `Buffer` of; see `Runtime.buffer`."""
    if isinstance(source, np.ndarray):
        if source.dtype.hasobject or not source.flags.writeable:
            why = "holds Python objects" if source.dtype.hasobject else "is read-only"
            raise InvalidOption(f"source is an array of {source.dtype} that {why}; kernels write its bytes")
        if source.dtype.kind in "mM":
            raise InvalidOption(f"source is an array of {source.dtype}; pass source.view('i8')")
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return np.frombuffer(bytearray(source), np.uint8)
    must = "a NumPy array, bytes, or a number of bytes of 0 or more"
    size = whole("source", source, must)
    try:
        return np.zeros(size, np.uint8)
    except (ValueError, MemoryError):
        raise InvalidOption(f"source is {size}; it must be {must} that fits in memory") from None
