"""Dispatches: kernels that run over a grid of threads, and the buffers they work on."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ringway import _core
from ringway.arguments import instance, seconds, whole
from ringway.errors import DispatchError, InvalidOption, Timeout

POOL_LIMIT = 256 << 20  # bytes
MOST_ELEMENTS = 1 << 62
STORAGES = ("shared", "private")
Extent = int | Sequence[int]


@dataclasses.dataclass(frozen=True)
class PoolStatistics:
    """What the pool of a device has done: buffers made from memory it held, and from the system; bytes."""

    hits: int
    misses: int
    bytes_held: int
    bytes_in_use: int


class Dispatch:
    """A dispatch that was started; wait for it, or ``await`` it."""

    __slots__ = ("_core", "_kernel")

    def __init__(self, core: _core.Started, kernel: str) -> None:
        self._core = core
        self._kernel = kernel

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._core.done

    def wait(self, timeout: float | None = None) -> None:
        """Return when it has ended. This thread takes part in the work meanwhile.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as it takes.

        Raises
        ------
        HandlerError
            The kernel failed: threads of a group did not meet the same barriers, or a GPU ended it; the text
            holds the GPU's words.
        OutOfMemory, DeviceLost
            A GPU has no room for the dispatch, or is gone.
        Timeout
            It has not ended in time; it goes on.
        Closed
            It was cancelled, or the device closed, before it ended.
        KeyboardInterrupt
            It goes on; `cancel` ends it.
        """
        if not self._core.wait(None if timeout is None else seconds(timeout, 0)):
            raise Timeout(f"the dispatch of '{self._kernel}' has not ended within {timeout} s")

    def cancel(self) -> bool:
        """Cancel it; False when it has ended already.

        Groups that have not begun are not run, those that have run to their end: what these wrote stays.
        Returns at once; the dispatch is ``done``, and its waiters get `Closed`, once no group runs any more.
        A cancelled ``await`` of the dispatch does the same, and returns then.
        """
        return self._core.cancel()

    def __await__(self) -> Generator[Any, None, None]:
        from ringway.dispatch_port import DispatchLoop

        yield from DispatchLoop.of_running_loop().ended(self._core).__await__()
        self._core.finish()

    def __repr__(self) -> str:
        return f"<ringway dispatch of {self._kernel!r}, {'done' if self.done else 'under way'}>"


class DeviceKernel:
    """A kernel of a device; call it to run it.

    Arguments are the kernel's, in order or by name: buffers of the device or arrays, which are used in place,
    and numbers. ``signature`` lists them with the least sizes of buffers.
    """

    __slots__ = ("_core", "_device")

    def __init__(self, device: _core.Device, core: _core.DispatchKernel) -> None:
        self._device = device
        self._core = core

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.name

    @property
    def signature(self) -> str:
        """Arguments with element types and least sizes; ``T`` is one of the types at the end."""
        return self._device.signature(self._core)

    @property
    def dtypes(self) -> list[str]:
        """Names of the element types that the device has it for."""
        return self._device.dtypes(self._core)

    def __call__(
        self,
        *arguments: Any,
        threads: Extent | None = None,
        groups: Extent | None = None,
        group: Extent | None = None,
        threadgroup_memory: int | None = None,
        **named: Any,
    ) -> None:
        """Run it and return when it has ended. On the CPU this thread takes part in the work.

        Parameters
        ----------
        threads
            Threads of the whole grid, on one to three axes, x first: exactly these run. 0 runs none.
        groups
            Instead of ``threads``: the number of groups, all of them whole.
        group
            Threads of a group, at most 1,024. None: 256, 16 × 16 or 8 × 8 × 4, by the number of axes.
        threadgroup_memory
            Bytes for each group; None: what the kernel needs.

        Raises
        ------
        DispatchError
            The grid or an argument does not fit; nothing was run. The text names it, with what was wanted and
            given.
        OutOfMemory
            There is no memory for the threads' stacks of a kernel with barriers; groups may have run.
        HandlerError
            The kernel failed: threads of a group did not meet the same barriers.
        Closed, ForkedError
            The device is not usable.
        KeyboardInterrupt
            Groups that had not begun are not run; what was written stays.
        """
        self._device.run(self._core, arguments, named, threads, groups, group, threadgroup_memory)

    def start(
        self,
        *arguments: Any,
        threads: Extent | None = None,
        groups: Extent | None = None,
        group: Extent | None = None,
        threadgroup_memory: int | None = None,
        **named: Any,
    ) -> Dispatch:
        """Start it and return at once; parameters and errors as in a call.

        Dispatches of a device run in the order in which they were started, each after the one before has
        ended. Buffers may be let go; their memory stays until the dispatch has ended.
        """
        core = self._device.start(self._core, arguments, named, threads, groups, group, threadgroup_memory)
        return Dispatch(core, self._core.name)

    def __repr__(self) -> str:
        return f"<ringway dispatch kernel {self.signature}>"


class Device:
    """A device that runs dispatches; ends with its ``with`` block.

    Parameters
    ----------
    backend
        ``"cpu"``, ``"cuda"``, ``"metal"``, or ``"auto"``: the first of cuda, metal, cpu that is present.
    workers
        Groups that run at a time on the CPU; None means the cores that this process may use. Its threads are
        made when they are first needed, and sleep when there is nothing to run. A GPU has no such choice:
        `InvalidOption`.
    pool_limit
        Bytes that the pool of buffers may hold unused.
    """

    def __init__(
        self, backend: str = "auto", *, workers: int | None = None, pool_limit: int = POOL_LIMIT
    ) -> None:
        instance("backend", backend, str)
        if workers is not None:
            workers = whole("workers", workers, "1 to 1024, or None for every core")
        limit = whole("pool_limit", pool_limit, "a number of bytes of 0 or more")
        self._core = _core.Device(backend, workers, limit)
        self._end = weakref.finalize(self, self._core.close)

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._core.backend

    @property
    def name(self) -> str:
        """What the device is."""
        return self._core.name

    @property
    def workers(self) -> int:
        """Groups that run at a time; 0 where nobody knows."""
        return self._core.workers

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._core.closed

    def buffer(
        self, source: Any, dtype: DTypeLike | None = None, *, storage: str = "shared"
    ) -> _core.DeviceBuffer:
        """Make a buffer.

        Parameters
        ----------
        source
            A number or a tuple of numbers: a shape; the memory comes from the pool and is zero. An array or
            another object with the buffer protocol or DLPack: its memory, used in place, C-contiguous. On
            CUDA, arrays on the GPU too, by DLPack or ``__cuda_array_interface__``. A list is copied.
        dtype
            Element type. None: float32 for a shape, the array's own for an array, which is never converted.
        storage
            ``"shared"``: memory that the host sees. ``"private"``: memory that only a GPU sees, zero, or with
            a copy of the array; `copy` brings data in and out. Backends without such memory refuse it.

        Raises
        ------
        InvalidOption
            ``storage`` is neither, or the backend has no private memory.
        DispatchError
            The memory cannot be used in place, or has another element type than ``dtype``; an axis has more
            than 2^62 elements.
        OutOfMemory
            The system does not give that much memory.
        """
        if instance("storage", storage, str) not in STORAGES:
            raise InvalidOption(f"storage is {storage!r}; it must be 'shared' or 'private'")
        hidden = storage == "private"
        wanted = None if dtype is None else _dtype(dtype)
        shape = source if isinstance(source, tuple) else (source,)
        if all(isinstance(length, (int, np.integer)) for length in shape):
            if any(not 0 <= length <= MOST_ELEMENTS for length in shape):
                raise DispatchError(f"buffer: the shape is {shape}; an axis has 0 to 2^62 elements")
            return self._core.allocate(shape, wanted or np.dtype(np.float32), hidden)
        found = self._wrap(source, wanted)
        if wanted is not None and found.dtype != wanted:
            raise DispatchError(
                f"buffer: the array has dtype {found.dtype}, and {wanted} is asked for; "
                "convert it by astype first"
            )
        if not hidden:
            return found
        made = self._core.allocate(found.shape, found.dtype, hidden)
        self.copy(found, made)
        return made

    def copy(self, source: Any, target: Any) -> None:
        """Copy between a private buffer of this device and memory of the host; return when it is done.

        Parameters
        ----------
        source, target
            One is a buffer with ``storage="private"``; the other a shared buffer, or an array as `buffer`
            takes it. Both have the same element type and number of elements.

        Raises
        ------
        DispatchError
            They do not fit, or neither is private; the text says which.
        InvalidOption, OutOfMemory, Closed, KeyboardInterrupt
            As in a dispatch.
        """
        self.start_copy(source, target).wait()

    def start_copy(self, source: Any, target: Any) -> Dispatch:
        """Start a copy and return at once; it takes its turn in the order of the device's dispatches."""
        sides = (
            side if isinstance(side, _core.DeviceBuffer) else self._wrap(side, None)
            for side in (source, target)
        )
        return Dispatch(self._core.start_copy(*sides), "copy")

    def _wrap(self, source: Any, dtype: np.dtype[Any] | None) -> _core.DeviceBuffer:
        if isinstance(source, (list, tuple)):
            try:
                return self._core.wrap(np.array(source, dtype, order="C"))
            except (TypeError, ValueError, OverflowError) as error:
                raise DispatchError(f"buffer: the list is no array: {error}") from error
        try:
            memoryview(source)
        except (TypeError, BufferError, ValueError):
            if hasattr(source, "__dlpack__"):
                return self._core.from_dlpack(source)
            if hasattr(source, "__cuda_array_interface__"):
                return self._core.from_cuda_array(source)
            source = np.asarray(source)  # of an object with __array__
        return self._core.wrap(source)

    def from_dlpack(self, array: Any) -> _core.DeviceBuffer:
        """Make a buffer of an array of another library, used in place; `DispatchError` when it cannot be."""
        return self._core.from_dlpack(array)

    def kernel(self, name: str) -> DeviceKernel:
        """Return a kernel by name; `NotFound` when there is none."""
        return DeviceKernel(self._core, self._core.kernel(instance("name", name, str)))

    def kernels(self) -> list[str]:
        """Return the names of the kernels that the device has."""
        return self._core.kernels()

    def pool(self) -> PoolStatistics:
        """Return what the pool of buffers has done."""
        return PoolStatistics(**self._core.pool())

    def trim(self) -> int:
        """Give the memory that the pool holds unused to the system; return its bytes."""
        return self._core.trim()

    def close(self) -> None:
        """End it. Dispatches that have not ended raise `Closed` at their waiters; buffers stay."""
        self._end()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ringway device on {self.backend}, {'closed' if self.closed else self.name}>"


def _dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise DispatchError(f"buffer: dtype is {dtype!r}, which NumPy does not know") from error
