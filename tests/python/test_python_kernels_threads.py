"""Which thread runs a kernel in Python, and what it finds there."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import ringway as rw
from ringway import errors

T = 30  # seconds that nothing here takes
WHO: contextvars.ContextVar[int] = contextvars.ContextVar("who", default=0)


@rw.message
class ThreadAsk(rw.Message):
    sleep: rw.f64 = 0.0


@rw.message
class ThreadAnswer(rw.Message):
    thread: rw.u64
    seen: rw.i64


def tell(ctx: rw.Context, msg: ThreadAsk, state: list[Any]) -> None:
    time.sleep(msg.sleep)
    state.append(threading.get_ident())
    WHO.set(WHO.get() + 1)
    ctx.reply(ThreadAnswer(threading.get_ident(), WHO.get()))


def fail(ctx: rw.Context, msg: ThreadAsk, state: list[Any]) -> None:
    if msg.sleep < 0:
        raise KeyError(threading.get_ident())
    ctx.reply(ThreadAnswer(threading.get_ident(), 0))


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=1) as started:
        yield started


def asked_until(kernel: Any, here: bool) -> None:
    """ThreadAsk until the caller, or another thread, has run the handler."""
    end = time.monotonic() + T
    while (kernel.request(ThreadAsk(), timeout=T).thread == threading.get_ident()) != here:
        assert time.monotonic() < end


def test_a_handler_keeps_to_one_thread_of_its_own(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(rw.kernel(mode="python")(tell))
    for _ in range(200):
        kernel.request(ThreadAsk(), timeout=T)
    (thread,) = set(kernel.read_state())
    assert thread != threading.get_ident()


def test_whoever_waits_runs_a_handler_that_any_thread_may_run(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(rw.kernel(mode="python", thread="any")(tell))
    asked_until(kernel, here=True)
    WHO.set(100)
    seen = kernel.request(ThreadAsk(), timeout=T).seen
    assert seen == len(kernel.read_state())  # its context variables are its own, whatever thread
    assert WHO.get() == 100
    kernel.send(ThreadAsk())
    end = time.monotonic() + T
    while len(kernel.read_state()) != seen + 1:  # nobody waits: its own thread
        assert time.monotonic() < end
    assert kernel.read_state()[-1] != threading.get_ident()


def test_a_failure_on_a_caller_s_thread_is_the_asker_s(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0.0)
    kernel = runtime.launch(rw.kernel(mode="python", thread="any")(fail), options=options)
    for _ in range(50):
        with pytest.raises(errors.HandlerError, match="KeyError"):
            kernel.request(ThreadAsk(-1.0), timeout=T)
        kernel.request(ThreadAsk(), timeout=T)
    assert kernel.telemetry().restarts == 50


def test_handlers_that_ask_each_other_run_within_one_another(runtime: rw.Runtime) -> None:
    inner = runtime.launch(rw.kernel(mode="python", thread="any")(tell))

    def outer(ctx: rw.Context, msg: ThreadAsk, state: None) -> None:
        mine = threading.get_ident()
        theirs = inner.request(msg, timeout=T)
        ctx.reply(ThreadAnswer(theirs.thread, mine == theirs.thread))

    kernel = runtime.launch(rw.kernel(mode="python", thread="any")(outer))
    end = time.monotonic() + T
    while True:
        answer = kernel.request(ThreadAsk(), timeout=T)
        if answer == ThreadAnswer(threading.get_ident(), 1):
            return
        assert time.monotonic() < end


def test_many_callers_share_one_handler(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(rw.kernel(mode="python", thread="any")(tell))
    threads = [
        threading.Thread(target=lambda: [kernel.request(ThreadAsk(), timeout=T) for _ in range(300)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kernel.read_state()) == 1200
    assert kernel.request(ThreadAsk(), timeout=T).seen == 1201


def test_an_event_loop_s_thread_runs_no_handler() -> None:
    async def main() -> set[int]:
        async with rw.AsyncRuntime("cpu", workers=1) as runtime:
            kernel = await runtime.launch(rw.kernel(mode="python", thread="any")(tell))
            return {(await kernel.request(ThreadAsk(), timeout=T)).thread for _ in range(100)}

    assert threading.get_ident() not in asyncio.run(main())


def test_a_spinning_kernel_in_python_answers(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(rw.kernel(mode="python")(tell), options=rw.LaunchOptions(idle="spin"))
    for _ in range(10):
        kernel.request(ThreadAsk(), timeout=T)
    kernel.terminate()


def test_coroutines_and_compiled_kernels_have_their_thread() -> None:
    async def waits(ctx: rw.Context, msg: ThreadAsk, state: None) -> None: ...

    async def ticks(ctx: rw.Context, state: list[Any]) -> None: ...

    with pytest.raises(errors.KernelError, match="waits is an async def, whose event loop belongs to one"):
        rw.kernel(mode="python", thread="any")(waits)
    with pytest.raises(errors.KernelError, match="ticks is an async def"):
        rw.kernel(mode="python", thread="any")(tell).timer(every=1)(ticks)
    with pytest.raises(errors.InvalidOption, match="thread is 'one'; it must be 'own' or 'any'"):
        rw.kernel(mode="python", thread="one")  # type: ignore[call-overload]
    with pytest.raises(errors.InvalidOption, match="thread is 'any'; a compiled kernel runs on any thread"):
        rw.kernel(thread="any")  # type: ignore[call-overload]
