"""Native calls of runtimes, with their arguments checked."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

from ringway import _core
from ringway.arguments import flag, instance, real, whole
from ringway.errors import InvalidOption
from ringway.options import LaunchOptions
from ringway.user_kernels import UserKernel

_NATIVE_DEFAULTS = LaunchOptions().native()


def launch_checked(
    runtime: _core.Runtime,
    kernel: str | UserKernel[Any],
    *,
    name: str | None,
    grid: int,
    block: int,
    options: LaunchOptions | None,
    state: Any = None,
) -> _core.Kernel:
    """Launch natively; `InvalidOption` on an argument of another type."""
    groups = whole("grid", grid, "a whole number of 1 or more")
    threads = whole("block", block, "a whole number of 1 or more")
    wanted = _NATIVE_DEFAULTS if options is None else instance("options", options, LaunchOptions).native()
    called = "" if name is None else instance("name", name, str)
    if isinstance(kernel, UserKernel):
        native, first = kernel.begin(state, min(groups, runtime.workers), runtime.backend)  # more are refused
        return runtime.launch_user(native, first, called, wanted, groups, threads)
    if not isinstance(kernel, str):
        raise InvalidOption(
            f"kernel is {kernel!r}; it must be the name of one of the backend's, or made by ringway.kernel: "
            "write @ringway.kernel above a function"
        )
    if state is not None:
        raise InvalidOption("state is for kernels made by ringway.kernel; the backend's have their own")
    return runtime.launch(instance("kernel", kernel, str), called, wanted, groups, threads)


def check_output(runtime: _core.Runtime, source: _core.Kernel, output: str | None) -> None:
    """Refuse a link out of a kernel whose links have names, when it is not the next one."""
    names = source.outputs
    if output is not None:
        instance("output", output, str)
    if not names:
        if output is not None:
            raise InvalidOption(
                f"output is {output!r}; the links out of kernel {source.name!r} have no names"
            )
        return
    taken = {link.output for link in runtime.link_telemetry() if link.source == source.name}
    free = [name for number, name in enumerate(names) if number not in taken]
    if not free:
        raise InvalidOption(
            f"kernel {source.name!r} sends by {len(names)} links, {', '.join(names)}: all are there"
        )
    if output is not None and output != free[0]:
        known = f"its links are {', '.join(names)}"
        remedy = f"link {free[0]!r} first" if output in free else f"the next is {free[0]!r}"
        raise InvalidOption(f"output is {output!r}; kernel {source.name!r}: {known}; {remedy}")


def start_checked(
    backend: str, workers: int | None, assist: bool, watchdog: float, name: str | None = None
) -> _core.Runtime:
    """Start natively; `InvalidOption` on an argument of another type."""
    instance("backend", backend, str)
    if workers is not None:
        workers = whole("workers", workers, "1 to 1024, or None for every core")
    return _core.Runtime(
        backend,
        workers,
        flag("assist", assist),
        real("watchdog", watchdog, "0 (off) to 86400 seconds"),
        "" if name is None else instance("name", name, str),
    )


def link_arguments(*, message: type[_core.Message] | None, capacity: int, slot_size: int) -> tuple[int, int]:
    """Return slots and their bytes, for the larger of ``slot_size`` and what ``message`` needs."""
    slots = whole("capacity", capacity, "a power of two, 16 to 1048576")
    size = whole("slot_size", slot_size, "0, or the bytes of the largest message")
    if message is not None:
        known = isinstance(message, type) and issubclass(message, _core.Message)
        if not known or not hasattr(message, "__message_dtype__"):
            raise InvalidOption(
                f"message is {message!r}; it must be a class made by ringway.message, or None"
            )
        size = max(size, message.dtype().itemsize)
    return slots, size


_started: weakref.WeakSet[Any] = weakref.WeakSet()


def open_runtimes() -> list[Any]:
    """Return the runtimes of this process that are open, by name."""
    return sorted((one for one in list(_started) if not one.closed), key=lambda one: str(one.name))


def start_export(runtime: Any, export: bool | None) -> Callable[[], object]:
    """Answer for the runtime when another process asks, if that is wanted; return what ends it."""
    _started.add(runtime)
    if not (
        flag("export", export)
        if export is not None
        else os.environ.get("RINGWAY_EXPORT", "") not in ("", "0")
    ):
        return lambda: None
    from ringway.telemetry.export import Exporter

    return weakref.finalize(runtime, Exporter(runtime).close)
