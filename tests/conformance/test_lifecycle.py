"""The table of states: which transition each state has, and what it does to messages and callers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]

# By state: what activate(), deactivate() and terminate() lead to; None is refused.
TABLE = {
    "launched": ("active", None, "terminated"),
    "active": ("active", "inactive", "terminated"),
    "inactive": ("active", "inactive", "terminated"),
    "terminated": (None, None, None),
}
VERBS = ("activate", "deactivate", "terminate")


def kernel_in(runtime: rw.Runtime, options: Options, state: str) -> rw.Kernel:
    kernel = runtime.launch("echo", options=options(), activate=state != "launched")
    if state == "inactive":
        kernel.deactivate()
    if state == "terminated":
        kernel.terminate()
    assert kernel.state == state
    return kernel


@pytest.mark.parametrize("verb", range(3), ids=VERBS)
@pytest.mark.parametrize("state", TABLE)
def test_transitions(runtime: rw.Runtime, options: Options, state: str, verb: int) -> None:
    kernel = kernel_in(runtime, options, state)
    leads_to = TABLE[state][verb]
    if leads_to is None:
        with pytest.raises(errors.InvalidState, match=f"is {state}; {VERBS[verb]}"):
            getattr(kernel, VERBS[verb])()
        assert kernel.state == state
    else:
        getattr(kernel, VERBS[verb])()
        assert kernel.state == leads_to


def test_an_inactive_kernel_keeps_its_messages(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options(), activate=False)
    echo.send(b"first")
    with pytest.raises(errors.Timeout, match="launched"):
        echo.receive(timeout=0.02)
    assert echo.telemetry().depth == 1
    echo.activate()
    assert echo.receive(timeout=20) == b"first"
    echo.deactivate()
    before = echo.telemetry().processed
    echo.send(b"second")
    with pytest.raises(errors.Timeout, match="inactive"):
        echo.receive(timeout=0.02)
    assert echo.telemetry().processed == before
    echo.activate()
    assert echo.receive(timeout=20) == b"second"


@pytest.mark.parametrize("drain", [True, False])
def test_terminate_drains_or_discards(runtime: rw.Runtime, options: Options, drain: bool) -> None:
    echo = runtime.launch("echo", options=options(), activate=False)
    for number in range(100):
        echo.send(b"%d" % number)
    report = echo.terminate(drain=drain, timeout=20)
    assert (report.processed, report.left_over) == ((100, 0) if drain else (0, 100))
    assert report.uptime > 0
    if drain:  # what it sent before its end can still be received
        assert [int(echo.receive(timeout=20)) for _ in range(100)] == list(range(100))
    for call in (lambda: echo.send(b"x"), lambda: echo.request(b"x"), lambda: echo.receive(timeout=20)):
        with pytest.raises(errors.Closed):
            call()


def test_terminate_answers_who_waits(runtime: rw.Runtime, options: Options, wait_until) -> None:
    echo = runtime.launch("echo", options=options(), activate=False)
    caught: list[type] = []

    def ask() -> None:
        try:
            echo.request(b"x", timeout=30)
        except errors.Error as error:
            caught.append(type(error))

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for caller in callers:
        caller.start()
    wait_until(lambda: echo.telemetry().depth == 8)
    assert echo.terminate(drain=False).left_over == 8
    for caller in callers:
        caller.join(20)
    assert caught == [errors.Closed] * 8


def test_closing_ends_every_wait(runtime: rw.Runtime, options: Options, wait_until) -> None:
    active = runtime.launch("echo", options=options())
    idle = runtime.launch("echo", options=options(), activate=False)
    caught: list[type] = []

    def call(function: Callable[[], object]) -> None:
        try:
            function()
        except errors.Error as error:
            caught.append(type(error))

    # Without a time-out of its own, or with one behind the joins below: what ends them is the close.
    calls = (active.receive, lambda: idle.request(b"x", timeout=300))
    threads = [threading.Thread(target=call, args=(function,)) for function in calls]
    for thread in threads:
        thread.start()
    wait_until(lambda: idle.telemetry().depth == 1)
    runtime.close()
    for thread in threads:
        thread.join(20)
    assert caught == [errors.Closed] * 2
    assert runtime.closed
    runtime.close()


def test_names_are_unique_and_found(runtime: rw.Runtime, options: Options) -> None:
    with pytest.raises(errors.NotFound, match="echo"):
        runtime.launch("nothing")
    echo = runtime.launch("echo", name="one", options=options())
    assert (echo.name, echo.kind) == ("one", "echo")
    assert runtime.kernel("one").name == "one"
    with pytest.raises(errors.InvalidOption, match="one"):
        runtime.launch("echo", name="one")
    others = {runtime.launch("echo", options=options()).name for _ in range(3)}
    assert len(others) == 3
    assert runtime.kernels()[0].name == "one"
    echo.terminate()
    with pytest.raises(errors.NotFound, match="one"):
        runtime.kernel("one")
    assert runtime.launch("echo", name="one", options=options()).state == "active"


def test_many_lives(runtime: rw.Runtime, options: Options) -> None:
    for _ in range(50):
        echo = runtime.launch("echo", options=options(capacity=16, staging_capacity=16))
        assert echo.request(b"x", timeout=20) == b"x"
        echo.terminate()
    assert runtime.kernels() == []
