"""A handler that does not return is named, and nothing waits for it without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

from tests.waiting import until

Start = Callable[..., rw.Runtime]
LIMIT = 0.05


def test_a_stuck_kernel_is_named_until_it_returns(start: Start) -> None:
    with start(workers=2, assist=False, watchdog=LIMIT) as runtime:
        kernel, other = (
            runtime.launch("faulty", options=rw.LaunchOptions(worker=worker)) for worker in range(2)
        )
        kernel.send(b"hang 400")
        until(lambda: kernel.stuck)
        assert not other.stuck
        assert other.request(b"x", timeout=20) == b"x"
        assert kernel.receive(timeout=20) == b"hang 400"
        until(lambda: not kernel.stuck)
        kernel.send(b"hang 400")
        until(lambda: kernel.stuck)
        assert kernel.receive(timeout=20) == b"hang 400"


def test_a_kernel_that_is_only_busy_is_not_named(start: Start) -> None:
    with start(workers=1, assist=False, watchdog=0.25) as runtime:
        kernel = runtime.launch("faulty", options=rw.LaunchOptions(batch=1))
        for _ in range(100):
            kernel.send(b"hang 5")
        for _ in range(100):
            assert not kernel.stuck
            kernel.receive(timeout=20)


@pytest.mark.parametrize("call", ["deactivate", "terminate", "link"])
def test_calls_that_wait_for_a_stuck_handler_name_it_and_change_nothing(start: Start, call: str) -> None:
    with start(workers=1, assist=False, watchdog=LIMIT) as runtime:
        stuck = runtime.launch("faulty", name="slow one")
        other = runtime.launch("relay")
        stuck.send(b"hang 600")
        until(lambda: stuck.stuck)
        target = {"link": lambda: runtime.link(other, stuck)}.get(call) or getattr(stuck, call)
        with pytest.raises(errors.Timeout, match="kernel 'slow one' on worker 0 has not returned"):
            target()
        assert stuck.state == "active"
        assert stuck.receive(timeout=20) == b"hang 600"
        assert not runtime.telemetry().links
        target()


def test_a_stuck_handler_does_not_keep_others_from_being_launched_and_activated(start: Start) -> None:
    with start(workers=1, assist=False, watchdog=LIMIT) as runtime:
        stuck = runtime.launch("faulty")
        stuck.send(b"hang 1000")
        until(lambda: stuck.stuck)
        other = runtime.launch("echo")
        assert other.state == "active"
        assert not stuck.telemetry().processed
        assert other.request(b"x", timeout=20) == b"x"
        assert stuck.receive(timeout=20) == b"hang 1000"


def test_closing_names_a_stuck_kernel_and_ends_every_other_wait(start: Start) -> None:
    runtime = start(workers=2, assist=False, watchdog=LIMIT)
    kernel = runtime.launch("faulty", name="slow one")
    ended: list[str] = []

    def wait(call: Callable[[], object]) -> None:
        try:
            call()
        except errors.Error as error:
            ended.append(type(error).__name__)

    kernel.send(b"hang 1500")
    waits = [
        threading.Thread(target=wait, args=(lambda: kernel.request(b"behind", timeout=60),)),
        threading.Thread(target=wait, args=(kernel.receive,)),
    ]
    for thread in waits:
        thread.start()
    until(lambda: kernel.stuck)
    with pytest.raises(errors.Timeout, match="the runtime is closed, but kernel 'slow one'"):
        runtime.close()
    for thread in waits:
        thread.join(20)
    assert ended == ["Closed", "Closed"]
    assert runtime.closed
    runtime.close()


def test_without_a_watchdog_closing_waits(start: Start) -> None:
    runtime = start(workers=1, assist=False, watchdog=0)
    kernel = runtime.launch("faulty")
    kernel.send(b"hang 300")
    until(lambda: kernel.telemetry().depth == 1)
    time.sleep(0.1)
    assert not kernel.stuck
    runtime.close()
