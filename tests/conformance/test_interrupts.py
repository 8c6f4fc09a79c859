"""Ctrl-C ends each call that waits, and leaves everything as it was."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw

CALLS: dict[str, Callable[[rw.Queue, rw.Queue], Any]] = {
    "receive": lambda empty, _: empty.receive(),
    "receive_many": lambda empty, _: empty.receive_many(4),
    "peek": lambda empty, _: empty.peek(4),
    "iteration": lambda empty, _: list(empty),
    "send": lambda _, full: full.send(1.0, timeout=60),
    "send_many": lambda _, full: full.send_many(np.ones(4), timeout=60),
    "reserve": lambda _, full: full.reserve(4, timeout=60),
}


def interrupt_main_soon() -> threading.Timer:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    return timer


def full_outbox(runtime: rw.Runtime) -> rw.Kernel:
    """A kernel with messages left that it cannot handle, because nobody receives its answers."""
    kernel = runtime.launch("echo", options=rw.LaunchOptions(capacity=16))
    for _ in range(16):
        kernel.send(b"x")
    while kernel.telemetry().processed < 16:
        time.sleep(0.001)
    for _ in range(16):
        kernel.send(b"y")
    return kernel


@pytest.mark.usefixtures("direct")
def test_ctrl_c_ends_a_drain(start: Callable[..., rw.Runtime]) -> None:
    kernel = full_outbox(start())
    timer = interrupt_main_soon()
    with pytest.raises(KeyboardInterrupt):
        kernel.terminate(timeout=60)
    timer.join()
    assert kernel.state == "active"
    assert [kernel.receive(timeout=20) for _ in range(32)] == [b"x"] * 16 + [b"y"] * 16


def blocked_request(kernel: rw.AsyncKernel) -> object:
    return kernel.request(b"x", timeout=60)


def blocked_receive(kernel: rw.AsyncKernel) -> object:
    return kernel.receive(timeout=60)


@pytest.mark.parametrize("call", [blocked_request, blocked_receive])
def test_ctrl_c_inside_asyncio_ends_the_program_and_nothing_is_left(
    backend: str,
    call: Callable[[rw.AsyncKernel], object],
) -> None:
    closed: list[bool] = []

    async def main() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await runtime.launch("echo", activate=False)
            try:
                await call(kernel)  # type: ignore[misc]
            finally:
                await runtime.close()
                closed.append(runtime.closed)

    timer = interrupt_main_soon()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    timer.join()
    assert closed == [True]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_ctrl_c_ends_every_wait_and_leaves_the_queue_as_it_was(
    make_queue: Callable[..., rw.Queue],
    call: Callable[[rw.Queue, rw.Queue], Any],
) -> None:
    empty, full = (make_queue(message=np.float64, capacity=16) for _ in range(2))
    full.send_many(np.arange(16.0))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call(empty, full)
    timer.join()
    assert len(empty) == 0
    assert full.receive_many().tolist() == list(range(16))
    empty.send(1.0)
    assert empty.receive(timeout=0) == 1.0
