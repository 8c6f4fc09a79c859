"""Ctrl-C ends each call that waits, for whatever, and leaves things whole."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator

import numpy as np
import pytest
import ringway as rw
from ringway import errors

FOREVER = b"hang 30000"


@contextlib.contextmanager
def interrupted(*, timed: bool = True) -> Iterator[threading.Timer]:
    """Ctrl-C comes while the block runs, which ends long before a handler of `FOREVER` does.

    Not timed, the block starts the timer: ``asyncio.run`` forgets a Ctrl-C that comes while it begins.
    """
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    start = time.monotonic()
    if timed:
        timer.start()
    with pytest.raises(KeyboardInterrupt):
        yield timer
    timer.join()
    assert time.monotonic() - start < 20


def stuck_kernel(runtime: rw.Runtime) -> rw.Kernel:
    kernel = runtime.launch("faulty")
    kernel.send(FOREVER)
    while kernel.telemetry().depth == 0:
        time.sleep(0.001)
    time.sleep(0.05)  # the handler has it: nothing says so without a watchdog
    return kernel


def left_behind(runtime: rw.Runtime) -> None:
    """End a runtime whose handler does not return."""
    with interrupted():
        runtime.close()
    assert runtime.closed
    assert runtime.close() == {}


def deactivate(runtime: rw.Runtime, kernel: rw.Kernel) -> None:
    kernel.deactivate()


def terminate(runtime: rw.Runtime, kernel: rw.Kernel) -> None:
    kernel.terminate(drain=False)


def drain(runtime: rw.Runtime, kernel: rw.Kernel) -> None:
    kernel.terminate(timeout=None)


def link(runtime: rw.Runtime, kernel: rw.Kernel) -> None:
    runtime.link(kernel, kernel)


def close_drained(runtime: rw.Runtime, kernel: rw.Kernel) -> None:
    runtime.close(drain=True, timeout=None)


@pytest.mark.parametrize("watchdog", [0, 60])
@pytest.mark.parametrize("call", [deactivate, terminate, drain, link, close_drained])
def test_a_call_that_waits_for_a_handler(
    call: Callable[[rw.Runtime, rw.Kernel], None], watchdog: float
) -> None:
    runtime = rw.Runtime(workers=1, assist=False, watchdog=watchdog)
    kernel = stuck_kernel(runtime)
    with interrupted():
        call(runtime, kernel)
    assert kernel.state == "active"
    assert not runtime.closed
    assert not runtime.telemetry().links
    kernel.send(b"still taken")
    left_behind(runtime)


@pytest.mark.parametrize("call", [deactivate, terminate, link])
def test_a_call_that_waits_for_another_threads_call(call: Callable[[rw.Runtime, rw.Kernel], None]) -> None:
    runtime = rw.Runtime(workers=1, assist=False, watchdog=0)
    kernel = stuck_kernel(runtime)
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            kernel.deactivate()
        except errors.Error as error:
            ended.append(type(error))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    with interrupted():
        call(runtime, kernel)
    left_behind(runtime)
    thread.join(20)
    assert ended == [errors.Closed]


def test_nothing_waits_for_a_handler_to_launch_or_activate() -> None:
    runtime = rw.Runtime(workers=1, assist=False, watchdog=0)
    stuck_kernel(runtime)
    other = runtime.launch("echo", activate=False)
    other.activate()
    assert other.state == "active"
    left_behind(runtime)


def test_a_process_whose_close_was_interrupted_exits() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import signal, threading, time
                import ringway as rw
                runtime = rw.Runtime(workers=1, assist=False, watchdog=0)
                runtime.launch("faulty").send(b"hang 60000")
                time.sleep(0.05)
                main = threading.main_thread().ident
                threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start()
                try:
                    runtime.close()
                except KeyboardInterrupt:
                    print("out")
                """
            ),
        ],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.stdout == "out\n"
    assert done.returncode == 0, done.stderr


async def await_deactivate(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await kernel.deactivate()


async def await_terminate(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await kernel.terminate(drain=False)


async def await_drain(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await kernel.terminate(timeout=None)


async def await_link(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await runtime.link(kernel, kernel)


async def await_close(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await runtime.close()


async def await_close_drained(runtime: rw.AsyncRuntime, kernel: rw.AsyncKernel) -> None:
    await runtime.close(drain=True, timeout=None)


Awaited = Callable[[rw.AsyncRuntime, rw.AsyncKernel], Awaitable[None]]
CALLS = [await_deactivate, await_terminate, await_drain, await_link, await_close_drained, await_close]


async def with_stuck_kernel(call: Awaited) -> None:
    runtime = rw.AsyncRuntime(workers=1, assist=False, watchdog=0)
    kernel = await runtime.launch("faulty")
    await kernel.send(FOREVER)
    await asyncio.sleep(0.05)
    try:
        await call(runtime, kernel)
    finally:
        if call is not await_close:
            assert kernel.state == "active"
            assert not runtime.telemetry().links
            closing = asyncio.ensure_future(runtime.close())
            await asyncio.sleep(0.01)
            closing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await closing
        assert runtime.closed
        assert await runtime.close() == {}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_inside_asyncio(call: Awaited) -> None:
    with interrupted(timed=False) as timer:

        async def main() -> None:
            timer.start()
            await with_stuck_kernel(call)

        asyncio.run(main())


@pytest.mark.parametrize("call", CALLS)
def test_a_cancelled_call_has_stopped_and_the_loop_ran_meanwhile(call: Awaited) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(with_stuck_kernel(call))
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0.01)
            if turns == 20:
                task.cancel()
        assert turns >= 20
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def full_echo(runtime: rw.Runtime) -> rw.Kernel:
    echo = runtime.launch(
        "echo", name="full", options=rw.LaunchOptions(capacity=16, block_timeout=60), activate=False
    )
    for _ in range(16):
        echo.send(b"x")
    return echo


def resend(runtime: rw.Runtime, echo: rw.Kernel) -> None:
    other = runtime.launch("echo", options=rw.LaunchOptions(ttl=0.01), activate=False)
    other.send(b"late")
    time.sleep(0.03)
    other.activate()
    while not (letters := other.dead_letters()):
        time.sleep(0.001)
    echo.resend(letters[0])


BY_NAME: dict[str, Callable[[rw.Runtime, rw.Kernel], object]] = {
    "send": lambda _, echo: echo.send(b"y"),
    "send by name": lambda runtime, _: runtime.send("full", b"y"),
    "send to the mailbox by name": lambda runtime, _: runtime.send("full.mailbox", b"y"),
    "receive by name": lambda runtime, _: runtime.receive("full"),
    "receive from the outbox by name": lambda runtime, _: runtime.receive("full.outbox"),
    "receive from a queue by name": lambda runtime, _: runtime.receive("queue"),
    "resend": resend,
}


@pytest.mark.parametrize("call", BY_NAME.values(), ids=BY_NAME)
def test_a_call_that_waits_for_room_or_messages(call: Callable[[rw.Runtime, rw.Kernel], object]) -> None:
    with rw.Runtime(workers=1, assist=False) as runtime:
        runtime.queue("queue", bytes)
        echo = full_echo(runtime)
        with interrupted():
            call(runtime, echo)
        echo.activate()
        assert [echo.receive(timeout=20) for _ in range(16)] == [b"x"] * 16
        assert echo.telemetry().depth == 0


async def await_send(runtime: rw.AsyncRuntime, echo: rw.AsyncKernel) -> None:
    await echo.send(b"y")


async def await_receive(runtime: rw.AsyncRuntime, echo: rw.AsyncKernel) -> None:
    await (await runtime.queue()).receive()


async def await_send_by_name(runtime: rw.AsyncRuntime, echo: rw.AsyncKernel) -> None:
    await runtime.send("full", b"y")


async def await_room(runtime: rw.AsyncRuntime, echo: rw.AsyncKernel) -> None:
    queue = await runtime.queue(None, bytes, capacity=16)
    for _ in range(16):
        await queue.send(b"x")
    await queue.send(b"y", timeout=60)


@pytest.mark.parametrize("call", [await_send, await_send_by_name, await_receive, await_room])
def test_a_call_inside_asyncio_that_waits_for_room_or_messages(call: Awaited) -> None:
    async def main(timer: threading.Timer) -> None:
        timer.start()
        async with rw.AsyncRuntime(workers=1, assist=False) as runtime:
            options = rw.LaunchOptions(capacity=16, block_timeout=60)
            echo = await runtime.launch("echo", name="full", options=options, activate=False)
            for _ in range(16):
                await echo.send(b"x")
            try:
                await call(runtime, echo)
            finally:
                await echo.activate()
                assert [await echo.receive(timeout=20) for _ in range(16)] == [b"x"] * 16
                assert echo.telemetry().depth == 0

    with interrupted(timed=False) as timer:
        asyncio.run(main(timer))


SHARED: dict[str, Callable[[rw.Queue, rw.Queue], object]] = {
    "receive": lambda empty, _: empty.receive(),
    "receive_many": lambda empty, _: empty.receive_many(4),
    "peek": lambda empty, _: empty.peek(4),
    "iteration": lambda empty, _: list(empty),
    "send": lambda _, full: full.send(1.0, timeout=60),
    "send_many": lambda _, full: full.send_many(np.ones(4), timeout=60),
    "reserve": lambda _, full: full.reserve(4, timeout=60),
}


@pytest.mark.parametrize("call", SHARED.values(), ids=SHARED)
def test_a_call_of_a_shared_queue(call: Callable[[rw.Queue, rw.Queue], object]) -> None:
    names = [f"ctrl-c-{os.getpid()}-{number}" for number in range(2)]
    with (
        rw.Queue.create_shared(names[0], np.float64, capacity=16) as empty,
        rw.Queue.create_shared(names[1], np.float64, capacity=16) as full,
    ):
        full.send_many(np.arange(16.0))
        with interrupted():
            call(empty, full)
        assert len(empty) == 0
        assert full.receive_many().tolist() == list(range(16))
        empty.send(1.0)
        assert empty.receive(timeout=0) == 1.0
    for name in names:
        rw.remove_shared_queue(name)


def test_a_buffer_that_a_handler_may_use_is_not_let_go() -> None:
    runtime = rw.Runtime(workers=1, assist=False, watchdog=0)
    stuck_kernel(runtime)
    memory = np.zeros(8)
    alive = weakref.ref(memory)
    buffer = runtime.buffer(memory)
    del memory
    with interrupted():
        buffer.release()
    assert buffer.handle
    left_behind(runtime)
    with pytest.raises(errors.Closed, match="waited for no longer"):
        buffer.release()
    del buffer
    gc.collect()
    assert alive() is not None
