"""Kernels from Python: messages, lifecycle, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import ringway as rw
from ringway import errors


@pytest.fixture(params=[True, False], ids=["assist", "no-assist"])
def runtime(request: pytest.FixtureRequest) -> Iterator[rw.Runtime]:
    with rw.Runtime(workers=2, assist=request.param) as started:
        yield started


def test_echo_answers_with_the_same_bytes(runtime: rw.Runtime) -> None:
    echo = runtime.launch("echo")
    for body in (b"", b"hello", bytes(range(256)) * 16):
        assert echo.request(body, timeout=10) == body


def test_send_then_receive_in_order(runtime: rw.Runtime) -> None:
    echo = runtime.launch("echo")
    for number in range(100):
        assert echo.send(b"%d" % number)
    assert [echo.receive(timeout=10) for _ in range(100)] == [b"%d" % number for number in range(100)]


def test_inactive_kernel_keeps_its_messages(runtime: rw.Runtime) -> None:
    echo = runtime.launch("echo", activate=False)
    assert echo.state == "launched"
    echo.send(b"kept")
    with pytest.raises(errors.Timeout, match="launched"):
        echo.receive(timeout=0.02)
    assert echo.telemetry().depth == 1
    echo.activate()
    assert echo.receive(timeout=10) == b"kept"
    echo.deactivate()
    assert echo.state == "inactive"


def test_closing_ends_a_receive_in_another_thread(runtime: rw.Runtime) -> None:
    echo = runtime.launch("echo")
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            echo.receive()
        except errors.Closed as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    runtime.close()
    thread.join(20)
    assert not thread.is_alive()
    assert caught


def test_terminate_reports(runtime: rw.Runtime) -> None:
    echo = runtime.launch("echo", activate=False)
    for _ in range(5):
        echo.send(b"x")
    assert echo.terminate(drain=False).left_over == 5
    assert echo.state == "terminated"
    with pytest.raises(errors.InvalidState, match="terminated"):
        echo.activate()
    with pytest.raises(errors.Closed):
        echo.send(b"x")


def test_wrong_names_and_sizes(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.NotFound, match="echo"):
        runtime.launch("nothing")
    with pytest.raises(errors.BackendUnavailable, match="CUDA"):
        rw.Runtime("cuda")
    echo = runtime.launch("echo", name="one", options=rw.LaunchOptions(slot_size=500))
    with pytest.raises(errors.InvalidOption, match="one"):
        runtime.launch("echo", name="one")
    with pytest.raises(errors.MessageTooLarge, match="1001 bytes"):
        echo.send(bytes(1001))
    assert runtime.kernel("one").name == "one"
    assert echo.telemetry().depth == 0


def test_echo_passes_what_comes_by_a_link_to_the_host() -> None:
    with rw.Runtime() as runtime:
        relay, echo = runtime.launch("relay"), runtime.launch("echo")
        runtime.link(relay, echo)
        for body in (b"", b"0123", bytes(range(256))):
            relay.send(body)
            assert echo.receive(timeout=5) == body
        assert echo.request(b"mailbox", timeout=5) == b"mailbox"
