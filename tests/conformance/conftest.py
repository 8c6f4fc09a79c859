"""The conformance suite: what every backend does, over the public API.

Each test runs on every backend that is present (the fixture `backend`) and, where it launches kernels, in
every mode that the backend has: a waiting caller may run the kernel or may not, messages come directly or by
a pumped bridge. What a backend lacks is skipped with its reason; RINGWAY_REQUIRE makes a skip of that backend
a failure, but for the bridge of the other kind. A test that compares numbers states its bound.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, NoReturn

import pytest
import ringway as rw
from ringway import errors

from tests.waiting import until


class Mode(NamedTuple):
    name: str
    assist: bool
    bridge: Literal["direct", "pumped"]


MODES = (Mode("assist", True, "direct"), Mode("no-assist", False, "direct"), Mode("pumped", True, "pumped"))


@functools.cache
def why_not(backend: str, bridge: Literal["direct", "pumped"]) -> str:
    """Reason why a backend has no such bridge; empty when it has."""
    with rw.Runtime(backend) as runtime:
        try:
            runtime.launch("echo", options=rw.LaunchOptions(bridge=bridge))
        except errors.InvalidOption as error:
            return str(error)
    return ""


@functools.cache
def why_no_dispatch(backend: str) -> str:
    """Reason why a backend has no dispatch level; empty when it has."""
    try:
        rw.Device(backend).close()
    except errors.BackendUnavailable as error:
        return str(error)
    return ""


@functools.cache
def has_workers(backend: str) -> bool:
    """Whether a device of the backend can be given a number of workers."""
    try:
        rw.Device(backend, workers=1).close()
    except errors.InvalidOption:
        return False
    return True


@pytest.fixture(params=MODES, ids=lambda mode: mode.name)
def mode(request: pytest.FixtureRequest, backend: str) -> Mode:
    asked: Mode = request.param
    reason = why_not(backend, asked.bridge)
    if reason:
        pytest.skip(reason)
    return asked


@pytest.fixture
def direct(backend: str) -> None:
    """For tests that look at each message in its mailbox."""
    if reason := why_not(backend, "direct"):
        pytest.skip(reason)


@pytest.fixture
def pumped(backend: str) -> None:
    """For tests of staging rings."""
    if reason := why_not(backend, "pumped"):
        pytest.skip(reason)


@pytest.fixture
def options(mode: Mode, lacks: Callable[[object], NoReturn]) -> Callable[..., rw.LaunchOptions]:
    """Makes launch options of the mode under test."""

    def make(**fields: Any) -> rw.LaunchOptions:
        return rw.LaunchOptions(bridge=mode.bridge, **fields)

    return make


@pytest.fixture
def start(backend: str, lacks: Callable[[object], NoReturn]) -> Iterator[Callable[..., rw.Runtime]]:
    """Starts a runtime with options of its own, for tests that state their mode themselves."""
    with contextlib.ExitStack() as started:

        def make(**fields: Any) -> rw.Runtime:
            try:
                return started.enter_context(rw.Runtime(backend, **fields))
            except errors.InvalidOption as error:
                lacks(error)

        yield make


@pytest.fixture
def runtime(mode: Mode, start: Callable[..., rw.Runtime]) -> rw.Runtime:
    return start(assist=mode.assist)


@pytest.fixture
def make_queue(backend: str) -> Iterator[Callable[..., rw.Queue]]:
    """Makes named queues in a runtime on the backend."""
    with rw.Runtime(backend) as runtime:
        yield runtime.queue


@pytest.fixture
def open_device(backend: str, lacks: Callable[[object], NoReturn]) -> Iterator[Callable[..., rw.Device]]:
    """Opens devices with options of their own; `workers` counts where the backend has a choice of them."""
    if reason := why_no_dispatch(backend):
        lacks(reason)
    with contextlib.ExitStack() as opened:

        def make(workers: int | None = None, **fields: Any) -> rw.Device:
            try:
                asked = workers if has_workers(backend) else None
                return opened.enter_context(rw.Device(backend, workers=asked, **fields))
            except errors.InvalidOption as error:
                lacks(error)

        yield make


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    return until


class Full(NamedTuple):
    kernel: rw.Kernel
    count: int  # messages that it holds: 0 to count - 1
    oldest: int  # the one that `drop_oldest` drops: behind a bridge, the oldest that the device has not got


@pytest.fixture
def full(runtime: rw.Runtime, mode: Mode, options: Any, wait_until: Any) -> Callable[..., Full]:
    """Launches an inactive echo with 16 slots and fills it, and the staging ring before it."""

    def fill(**fields: Any) -> Full:
        kernel = runtime.launch(
            "echo", activate=False, options=options(capacity=16, staging_capacity=16, **fields)
        )
        for number in range(16):
            assert kernel.send(b"%d" % number)
        if mode.bridge == "direct":
            return Full(kernel, 16, 0)
        wait_until(lambda: (kernel.telemetry().bridge or {})["to_device"] == 16)
        for number in range(16, 32):
            assert kernel.send(b"%d" % number)
        return Full(kernel, 32, 16)

    return fill
