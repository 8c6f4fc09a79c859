"""What becomes of a kernel whose handler breaks on a message, by policy."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import ringway as rw
from ringway import errors

Faulty = Callable[..., rw.Kernel]


@pytest.fixture
def faulty(runtime: rw.Runtime, options: Callable[..., rw.LaunchOptions]) -> Faulty:
    """Launches the kernel that breaks on demand, inactive."""
    return lambda **fields: runtime.launch("faulty", options=options(**fields), activate=False)


def handled(kernel: rw.Kernel) -> int:
    """Messages that the kernel handled since its state was new."""
    return int.from_bytes(kernel.request(b"count", timeout=20), "little")


def settled(kernel: rw.Kernel) -> rw.Telemetry:
    """The counters after the turn that gave the last answer."""
    kernel.deactivate()
    return kernel.telemetry()


def broken(kernel: rw.Kernel) -> None:
    with pytest.raises(errors.HandlerError, match="told to break"):
        kernel.request(b"break", timeout=20)


def wait_for_depth(kernel: rw.Kernel, messages: int) -> None:
    """Until an inactive kernel has been sent so many; those that a bridge is copying count on both sides."""
    while True:
        now = kernel.telemetry()
        if (now.depth if now.bridge is None else now.bridge["to_device"]) >= messages:
            return
        time.sleep(0.001)


def test_a_message_at_fault_harms_nothing(faulty: Faulty) -> None:
    kernel = faulty()
    kernel.activate()
    assert kernel.request(b"one", timeout=20) == b"one"
    with pytest.raises(errors.HandlerError, match="told to fail"):
        kernel.request(b"fail", timeout=20)
    assert kernel.state == "active"
    assert handled(kernel) == 1


def test_fail_ends_the_kernel_and_answers_everyone(faulty: Faulty) -> None:
    kernel = faulty(on_error="fail")
    answers: list[BaseException] = []

    def ask(message: bytes) -> None:
        try:
            kernel.request(message, timeout=20)
        except errors.HandlerError as error:
            answers.append(error)

    kernel.send(b"before")
    callers = [threading.Thread(target=ask, args=(b"break",))]
    callers[0].start()
    wait_for_depth(kernel, 2)
    callers += [threading.Thread(target=ask, args=(b"behind",)) for _ in range(3)]
    for caller in callers[1:]:
        caller.start()
    wait_for_depth(kernel, 5)
    kernel.activate()
    for caller in callers:
        caller.join(20)
    assert len(answers) == 4
    assert all("told to break" in str(error) for error in answers)
    assert (kernel.state, kernel.failure) == ("failed", "told to break")
    assert kernel.receive(timeout=20) == b"before"
    for call in (lambda: kernel.send(b"x"), lambda: kernel.request(b"x"), kernel.receive):
        with pytest.raises(errors.Closed, match="has failed: told to break"):
            call()
    assert kernel.telemetry().errors == 1
    kernel.terminate()


def test_skip_keeps_state_and_messages(faulty: Faulty) -> None:
    kernel = faulty(on_error="skip")
    for message in (b"1", b"break", b"2", b"break", b"3"):
        kernel.send(message)
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(3)] == [b"1", b"2", b"3"]
    broken(kernel)
    assert handled(kernel) == 3
    counted = settled(kernel)
    assert (counted.errors, counted.restarts, counted.received) == (3, 0, 7)
    assert kernel.state == "inactive"


@pytest.mark.parametrize("policy", ["skip", "restart"])
def test_what_a_handler_broke_on_is_a_dead_letter(faulty: Faulty, policy: str) -> None:
    """With the reason, in order, and none of its neighbours; sent again it breaks again."""
    kernel = faulty(on_error=policy, restart_backoff=0.0, restart_limit=100)
    for message in (b"1", b"break", b"2", b"break", b"3"):
        kernel.send(message)
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(3)] == [b"1", b"2", b"3"]
    broken(kernel)
    counted = settled(kernel)
    letters = kernel.dead_letters()
    assert [(letter.body, letter.reason) for letter in letters] == [(b"break", "failed")] * 3
    assert len({letter.id for letter in letters}) == 3
    assert all("told to break" in letter.error for letter in letters)
    assert counted.errors == 3
    kernel.activate()
    assert kernel.resend(letters[0])
    assert kernel.request(b"after", timeout=20) == b"after"
    settled(kernel)
    again = kernel.dead_letters()
    assert [letter.id for letter in again] == [letters[1].id, letters[2].id, letters[0].id]


def test_restart_makes_the_state_new_and_keeps_messages(faulty: Faulty) -> None:
    kernel = faulty(on_error="restart", restart_backoff=0.0)
    for message in (b"1", b"2", b"break", b"3", b"4", b"break", b"5"):
        kernel.send(message)
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]
    assert handled(kernel) == 1
    counted = settled(kernel)
    assert (counted.errors, counted.restarts, counted.processed) == (2, 2, 6)


def test_restart_limit_counts_restarts_without_a_handled_message(faulty: Faulty) -> None:
    kernel = faulty(on_error="restart", restart_limit=2, restart_backoff=0.0)
    kernel.activate()
    for _ in range(3):
        broken(kernel)
        broken(kernel)
        assert handled(kernel) == 0
    for _ in range(3):
        assert kernel.state == "active"
        broken(kernel)
    assert kernel.state == "failed"
    assert "told to break" in kernel.failure
    assert "restart_limit = 2" in kernel.failure
    assert kernel.telemetry().restarts == 8


def test_restart_backoff_doubles_until_a_message_is_handled(faulty: Faulty) -> None:
    kernel = faulty(on_error="restart", restart_backoff=0.05)
    kernel.activate()
    start = time.monotonic()
    broken(kernel)
    for pauses in (0.05, 0.15, 0.35):  # the first, the first two, all three
        broken(kernel)
        assert time.monotonic() - start >= 0.9 * pauses
    kernel.request(b"x", timeout=20)
    broken(kernel)
    start = time.monotonic()
    kernel.request(b"x", timeout=20)
    assert time.monotonic() - start < 0.4


def test_a_restarting_kernel_ends_at_once_without_a_drain(faulty: Faulty) -> None:
    kernel = faulty(on_error="restart", restart_backoff=60.0)
    kernel.activate()
    broken(kernel)
    kernel.send(b"waits")
    with pytest.raises(errors.Timeout):
        kernel.receive(timeout=0.05)
    assert kernel.telemetry().depth == 1
    start = time.monotonic()
    assert kernel.terminate(timeout=0.05).left_over == 1
    assert time.monotonic() - start < 20


def test_senders_and_receivers_of_a_failing_kernel_are_woken(faulty: Faulty) -> None:
    kernel = faulty(capacity=16, staging_capacity=16, block_timeout=60.0)
    kernel.send(b"break")
    for _ in range(31 if kernel.bridge == "pumped" else 15):
        kernel.send(b"x")
    ended: list[str] = []

    def wait(call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except errors.Error as error:
            ended.append(type(error).__name__)
        else:
            ended.append("sent")  # into the room that the failure made, before the sender saw the failure

    waits = [
        threading.Thread(target=wait, args=(kernel.send, b"no room")),
        threading.Thread(target=wait, args=(kernel.receive,)),
    ]
    for thread in waits:
        thread.start()
    time.sleep(0.05)
    kernel.activate()
    for thread in waits:
        thread.join(20)
    assert sorted(ended) in (["Closed", "Closed"], ["Closed", "sent"])


def test_a_task_that_receives_from_a_failing_kernel_is_woken(backend: str, options) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend, assist=False) as runtime:
            kernel = await runtime.launch("faulty", options=options())
            receiver = asyncio.create_task(kernel.receive())
            await asyncio.sleep(0.01)
            await kernel.send(b"break")
            with pytest.raises(errors.Closed, match="told to break"):
                await asyncio.wait_for(receiver, 20)
            with pytest.raises(errors.Closed, match="told to break"):
                await asyncio.wait_for(kernel.receive(), 20)

    asyncio.run(main())
