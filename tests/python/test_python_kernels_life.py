"""Kernels that Python runs: async handlers, calls of the runtime from within, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ringway as rw
from ringway import errors

from tests.python.python_kernels import (
    Mean32,
    Sample32,
    T,
    TextLine,
    running_mean,
)


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def test_async_handlers_are_awaited_one_after_the_other(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    async def relay(ctx: rw.Context, msg: TextLine, state: list[str]) -> None:
        state.append(f"begin {msg.text}")
        await asyncio.sleep(0.001)
        async with asyncio.timeout(T) if hasattr(asyncio, "timeout") else contextlib.nullcontext():
            await asyncio.sleep(0)
        state.append(f"end {msg.text}")
        ctx.reply(TextLine(msg.text))

    kernel = runtime.launch(relay)
    askers = [threading.Thread(target=kernel.request, args=(TextLine(str(i)), T)) for i in range(5)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    state = kernel.read_state()
    assert len(state) == 10
    assert all(state[i].replace("begin", "end") == state[i + 1] for i in range(0, 10, 2))


def test_an_async_handler_s_failures_are_its_message_s(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    async def fails(ctx: rw.Context, msg: TextLine, state: None) -> None:
        await asyncio.sleep(0)
        if msg.text == "bad":
            raise KeyError(msg.text)
        ctx.reply(msg)

    kernel = runtime.launch(fails, options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=r"test_python_kernels_life\.py:\d+: KeyError: 'bad'"):
        kernel.request(TextLine("bad"), timeout=T)
    assert kernel.request(TextLine("good"), timeout=T) == TextLine("good")


def test_tasks_that_an_async_handler_leaves_are_cancelled_at_the_end(runtime: rw.Runtime) -> None:
    ends: list[str] = []

    async def background(ctx: rw.Context) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            try:
                ctx.emit(b"late")
            except errors.InvalidState:
                ends.append("cancelled")
            raise

    @rw.kernel(mode="python")
    async def leaves(ctx: rw.Context, msg: Any, state: list[Any]) -> None:
        state.append(asyncio.ensure_future(background(ctx)))
        await asyncio.sleep(0)
        ctx.reply(b"")

    kernel = runtime.launch(leaves)
    kernel.request(b"", timeout=T)
    kernel.terminate()
    assert ends == ["cancelled"]


def test_a_context_is_for_one_message(runtime: rw.Runtime) -> None:
    kept: list[rw.Context] = []

    @rw.kernel(mode="python")
    def keeps(ctx: rw.Context, msg: TextLine, state: None) -> None:
        kept.append(ctx)
        for old in kept[:-1]:
            with pytest.raises(errors.InvalidState, match=r"ctx\.reply\(\) is for a handler while"):
                old.reply(TextLine("to another's question"))
        ctx.reply(msg)

    kernel = runtime.launch(keeps)
    assert [kernel.request(TextLine(text), timeout=T).text for text in "abc"] == ["a", "b", "c"]
    kernel.terminate()
    with pytest.raises(errors.InvalidState):
        kept[0].emit(TextLine("x"))
    with pytest.raises(errors.InvalidState):
        kept[-1].now_us()


def test_a_handler_asks_other_kernels(runtime: rw.Runtime) -> None:
    echo, mean = runtime.launch("echo"), runtime.launch(running_mean)

    @rw.kernel(mode="python")
    def asks(ctx: rw.Context, msg: Any, state: None) -> None:
        assert echo.request(b"x", timeout=T) == b"x"
        echo.send(b"y")
        assert echo.receive(timeout=T) == b"y"
        ctx.reply(mean.request(Sample32(1, 3.0), timeout=T))

    with rw.Runtime("cpu", workers=1) as other:  # where they would share a worker
        kernel = other.launch(asks)
        assert kernel.request(b"", timeout=T) == Mean32(1, 3.0)
    kernel = runtime.launch(asks)
    assert kernel.request(b"", timeout=T) == Mean32(2, 3.0)


CALLS: dict[str, Callable[[rw.Runtime, rw.Kernel], object]] = {
    "request": lambda _, me: me.request(b"", timeout=T),
    "deactivate": lambda _, me: me.deactivate(),
    "terminate": lambda _, me: me.terminate(),
    "read_state": lambda _, me: me.read_state(),
    "link": lambda runtime, me: runtime.link(me, me),
    r"Runtime\.close": lambda runtime, _: runtime.close(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("watchdog", [0, 10])
def test_a_call_that_would_wait_for_the_handler_itself_is_refused(call: str, watchdog: float) -> None:
    mine: list[rw.Kernel] = []

    @rw.kernel(mode="python")
    def calls(ctx: rw.Context, msg: Any, state: None) -> None:
        CALLS[call](runtime, mine[0])

    with rw.Runtime("cpu", workers=1, watchdog=watchdog) as runtime:
        mine.append(runtime.launch(calls, options=rw.LaunchOptions(on_error="skip")))
        with pytest.raises(
            errors.HandlerError, match=rf"InvalidState: {call} of kernel 'calls-0' in its own"
        ):
            mine[0].request(b"", timeout=T)
        assert mine[0].state == "active"
        assert not runtime.closed


def test_two_that_wait_for_each_other_time_out(runtime: rw.Runtime) -> None:
    kernels: list[rw.Kernel] = []

    @rw.kernel(mode="python")
    def asks_the_other(ctx: rw.Context, msg: TextLine, state: None) -> None:
        other = kernels[0 if msg.text == "1" else 1]
        ctx.reply(other.request(TextLine("0" if msg.text == "1" else "1"), timeout=0.3))

    options = rw.LaunchOptions(on_error="skip")
    kernels += [runtime.launch(asks_the_other, options=options) for _ in range(2)]
    with pytest.raises(errors.HandlerError, match="Timeout"):
        kernels[0].request(TextLine("0"), timeout=T)


def test_a_handler_lets_go_of_a_buffer_and_launches_and_ends_another(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def manages(ctx: rw.Context, msg: Any, state: None) -> None:
        buffer = runtime.buffer(64)
        child = runtime.launch("echo", name="child")
        assert child.request(b"z", timeout=T) == b"z"
        child.terminate()
        buffer.release()
        ctx.reply(b"done")

    assert runtime.launch(manages).request(b"", timeout=T) == b"done"


def test_terminate_waits_for_the_message_at_hand_alone(runtime: rw.Runtime) -> None:
    began = threading.Event()

    @rw.kernel(mode="python")
    def slow(ctx: rw.Context, msg: Any, state: list[int]) -> None:
        began.set()
        time.sleep(0.05)
        state.append(1)

    kernel = runtime.launch(slow, activate=False)
    for _ in range(100):
        kernel.send(b"")
    kernel.activate()
    assert began.wait(T)
    report = kernel.terminate(drain=False)
    assert report.processed + report.left_over == 100
    assert report.processed == len(kernel.read_state())
    assert report.left_over > 50


def test_a_handler_that_does_not_return_is_named_and_left_behind() -> None:
    stop = threading.Event()

    @rw.kernel(mode="python")
    def hangs(ctx: rw.Context, msg: Any, state: None) -> None:
        stop.wait(T)

    runtime = rw.Runtime("cpu", workers=1, watchdog=0.1)
    kernel = runtime.launch(hangs, name="hangs")
    kernel.send(b"")
    while not kernel.stuck:
        time.sleep(0.001)
    with pytest.raises(errors.Timeout, match="hangs"):
        kernel.terminate(drain=False)
    with pytest.raises(errors.Timeout, match="hangs"):
        runtime.close()
    stop.set()


def test_ctrl_c_ends_the_wait_and_not_the_handler(runtime: rw.Runtime) -> None:
    stop, ended = threading.Event(), threading.Event()

    @rw.kernel(mode="python")
    def waits(ctx: rw.Context, msg: Any, state: list[int]) -> None:
        stop.wait(T)
        state.append(1)
        ended.set()

    kernel = runtime.launch(waits)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        kernel.request(b"", timeout=T)
    timer.join()
    stop.set()
    assert ended.wait(T)
    assert kernel.read_state() == [1]


def test_nothing_of_a_kernel_is_left() -> None:
    class State:
        """Something to refer to."""

    states: list[weakref.ref[State]] = []

    def make() -> State:
        made = State()
        states.append(weakref.ref(made))
        return made

    def hold(ctx: rw.Context, msg: Any, state: Any) -> None:
        handles.append(launched[0])

    handles: list[rw.Kernel] = []
    launched: list[rw.Kernel] = []
    alive = weakref.ref(hold)
    holding = rw.kernel(mode="python")(hold)
    holding.state = make
    threads = threading.active_count()
    with rw.Runtime("cpu", workers=1) as runtime:
        launched.append(runtime.launch(holding))
        launched[0].send(b"")
        while not handles:
            time.sleep(0.001)
    handles.clear()
    del holding, hold, runtime
    gc.collect()
    assert alive() is None  # though the function holds the kernel, which holds it
    launched.clear()
    gc.collect()
    assert [state() for state in states] == [None]
    assert threading.active_count() <= threads


def test_tasks_launch_and_ask() -> None:
    async def run() -> Any:
        async with rw.AsyncRuntime("cpu", workers=1) as runtime:
            kernel = await runtime.launch(running_mean, state=Mean32(1, 1.0))
            answer = await kernel.request(Sample32(1, 3.0), timeout=T)
            return answer, await kernel.read_state()

    assert asyncio.run(run()) == (Mean32(2, 2.0), Mean32(2, 2.0))


def test_a_trace_has_their_turns(runtime: rw.Runtime, tmp_path: Path) -> None:
    kernel = runtime.launch(running_mean, name="traced")
    with runtime.trace(tmp_path / "trace.json"):
        kernel.request(Sample32(1, 2.0), timeout=T)
        kernel.read_state()  # the turn is over
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert any(event.get("name") == "traced" and event["ph"] == "X" for event in events)
