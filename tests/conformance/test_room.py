"""How long senders wait for room in a full mailbox, and what ends the wait."""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors

LONG = 600.0  # seconds; a test that waits so long runs into its watchdog
SHORT = 0.05

Options = Callable[..., rw.LaunchOptions]


def fill(kernel: rw.Kernel) -> None:
    """Send until nothing moves any more: a bridge may make room a moment after a refusal."""
    refused = 0
    while refused < 3:
        try:
            kernel.send(b"before", timeout=SHORT)
            refused = 0
        except errors.QueueFull:
            refused += 1
            time.sleep(0.02)


@pytest.fixture
def full(runtime: rw.Runtime, options: Options) -> Callable[..., rw.Kernel]:
    """Launches a kernel whose mailbox is full."""

    def launch(**named: Any) -> rw.Kernel:
        wanted = options(capacity=16, staging_capacity=16, **named)
        kernel = runtime.launch("echo", options=wanted, activate=False)
        fill(kernel)
        return kernel

    return launch


def test_the_timeout_of_a_request_ends_its_wait_for_room(full) -> None:
    kernel = full(block_timeout=LONG)
    before = kernel.telemetry().dropped["refused"]
    with pytest.raises(errors.Timeout, match=r"full .* no room within 0\.05 s"):
        kernel.request(b"x", timeout=SHORT)
    assert kernel.telemetry().dropped["refused"] == before + 1


def test_the_block_timeout_ends_it_sooner(full) -> None:
    with pytest.raises(errors.QueueFull, match=r"no room within 0\.05 s"):
        full(block_timeout=SHORT).request(b"x", timeout=LONG)


def test_a_send_names_its_own_time(full, runtime: rw.Runtime) -> None:
    kernel = full(block_timeout=LONG)
    by_name = functools.partial(runtime.send, kernel.name)
    for send in (kernel.send, runtime.queue_named(f"{kernel.name}.mailbox").send, by_name):
        with pytest.raises(errors.QueueFull, match=r"no room within 0\.05 s"):
            send(b"x", timeout=SHORT)
    with pytest.raises(errors.QueueFull, match="no room within 0 s"):
        kernel.send(b"x", timeout=0)


OWN = r"no room within 0\.05 s, the call's timeout.* give a longer timeout"
BLOCK = r"no room within 0\.05 s, its block_timeout.* a longer block_timeout"
ANSWER = r"no room within 0\.05 s, its message_timeout.* a longer message_timeout"


def refusal(call: Callable[[], object], kind: type[Exception] = errors.QueueFull) -> str:
    with pytest.raises(kind, match="is full") as caught:
        call()
    return str(caught.value)


def names_only(limit: str, text: str) -> None:
    assert re.search(limit, text), text
    for other in {OWN, BLOCK, ANSWER} - {limit}:
        assert not re.search(other, text), text
    assert ("block_timeout" in text) == (limit is BLOCK)


def test_the_refusal_names_what_ended_the_wait(full, runtime: rw.Runtime) -> None:
    patient = full(block_timeout=LONG, message_timeout=SHORT)
    records = np.zeros(1, np.int64)
    names_only(OWN, refusal(lambda: patient.send(b"x", timeout=SHORT)))
    names_only(OWN, refusal(lambda: patient.send_many(records, timeout=SHORT)))
    names_only(OWN, refusal(lambda: patient.request(b"x", timeout=SHORT), errors.Timeout))
    names_only(ANSWER, refusal(lambda: patient.request(b"x"), errors.Timeout))
    hasty = full(block_timeout=SHORT)
    names_only(BLOCK, refusal(lambda: hasty.send(b"x")))
    names_only(BLOCK, refusal(lambda: hasty.send_many(records)))
    names_only(BLOCK, refusal(lambda: hasty.request(b"x", timeout=LONG)))
    queue = runtime.queue("full", bytes, capacity=16, block_timeout=SHORT)
    for _ in range(16):
        queue.send(b"x")
    names_only(OWN, refusal(lambda: queue.send(b"x", timeout=SHORT)))
    names_only(BLOCK, refusal(lambda: queue.send(b"x")))


def test_a_policy_that_does_not_wait_names_no_time(full) -> None:
    kernel = full(policy="reject")
    text = refusal(lambda: kernel.send(b"x", timeout=SHORT))
    assert "policy 'reject'" in text
    assert "timeout" not in text


def letter_of(runtime: rw.Runtime) -> rw.DeadLetter:
    ended = runtime.launch("echo", activate=False)
    ended.send(b"x")
    ended.terminate(drain=False)
    (letter,) = ended.dead_letters()
    return letter


def test_sending_a_letter_again_names_its_own_time(full, runtime: rw.Runtime) -> None:
    kernel, letter = full(block_timeout=LONG), letter_of(runtime)
    queue = runtime.queue("full", capacity=16, block_timeout=LONG)
    for _ in range(16):
        queue.send(b"before")
    for target in (kernel, queue):
        names_only(OWN, refusal(functools.partial(target.resend, letter, timeout=SHORT)))
        for wrong in (-1, float("nan")):
            with pytest.raises(errors.InvalidOption, match="timeout is"):
                target.resend(letter, timeout=wrong)
    queue.receive()
    with pytest.raises(errors.InvalidOption, match="timeout is"):
        queue.resend(letter, timeout=-1)  # with room, too
    assert queue.resend(letter, timeout=SHORT)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "soon", True])
def test_a_wrong_time_is_refused_in_words(runtime: rw.Runtime, timeout: Any) -> None:
    with pytest.raises(errors.InvalidOption, match="timeout is"):
        runtime.launch("echo").send(b"x", timeout=timeout)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "soon", True])
def test_a_wrong_time_is_refused_in_words_to_tasks(backend: str, options: Options, timeout: Any) -> None:
    async def body() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await runtime.launch("echo", options=options())
            for send in (
                kernel.send,
                runtime.queue_named(f"{kernel.name}.mailbox").send,
                rw.AsyncQueue().send,
            ):
                with pytest.raises(errors.InvalidOption, match="timeout is"):
                    await send(b"x", timeout=timeout)

    asyncio.run(body())


async def keep_sending(kernel: rw.AsyncKernel) -> None:
    while True:
        await kernel.send(b"before", timeout=SHORT)


async def full_mailbox(runtime: rw.AsyncRuntime, wanted: rw.LaunchOptions) -> Any:
    kernel = await runtime.launch("echo", options=wanted, activate=False)
    with pytest.raises(errors.QueueFull, match=r"no room within 0\.05 s"):
        await keep_sending(kernel)
    return kernel


def test_tasks_wait_as_long(backend: str, options: Options) -> None:
    async def body() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            patient = options(capacity=16, staging_capacity=16, block_timeout=LONG)
            kernel = await full_mailbox(runtime, patient)
            with pytest.raises(errors.Timeout, match=r"no room within 0\.05 s"):
                await kernel.request(b"x", timeout=SHORT)
            hasty = options(capacity=16, staging_capacity=16, block_timeout=SHORT)
            kernel = await full_mailbox(runtime, hasty)
            with pytest.raises(errors.QueueFull, match=r"no room within 0\.05 s"):
                await kernel.request(b"x", timeout=LONG)

    asyncio.run(body())


def test_a_task_is_told_what_ended_its_wait(backend: str, options: Options, runtime: rw.Runtime) -> None:
    letter = letter_of(runtime)

    async def told(call: Awaitable[object], kind: type[Exception] = errors.QueueFull) -> str:
        with pytest.raises(kind, match="is full") as caught:
            await call
        return str(caught.value)

    async def body() -> None:
        async with rw.AsyncRuntime(backend) as tasks:
            times = {"block_timeout": LONG, "message_timeout": SHORT}
            kernel = await full_mailbox(tasks, options(capacity=16, staging_capacity=16, **times))
            records = np.zeros(1, np.int64)
            names_only(OWN, await told(kernel.send(b"x", timeout=SHORT)))
            names_only(OWN, await told(kernel.send_many(records, timeout=SHORT)))
            names_only(OWN, await told(kernel.resend(letter, timeout=SHORT)))
            names_only(OWN, await told(kernel.request(b"x", timeout=SHORT), errors.Timeout))
            names_only(ANSWER, await told(kernel.request(b"x"), errors.Timeout))
            queue = await tasks.queue("full", capacity=16, block_timeout=LONG)
            for _ in range(16):
                await queue.send(b"before")
            names_only(OWN, await told(queue.resend(letter, timeout=SHORT)))
            for target in (kernel, queue):
                with pytest.raises(errors.InvalidOption, match="timeout is"):
                    await target.resend(letter, timeout=-1)
            await queue.receive()
            assert await queue.resend(letter, timeout=SHORT)

    asyncio.run(body())


class Counted:
    """An event port that counts the waits for room."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.waits = 0

    def watch_room(self, *arguments: Any) -> None:
        self.waits += 1
        self.port.watch_room(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)


def test_a_task_sleeps_until_there_is_room(backend: str, options: Options) -> None:
    async def body() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await full_mailbox(
                runtime, options(capacity=16, staging_capacity=16, block_timeout=LONG)
            )
            port: Any = Counted(runtime._port)
            runtime._port = port
            sending = asyncio.create_task(kernel.send(b"last"))
            asking = asyncio.create_task(kernel.request(b"asked"))
            await asyncio.sleep(4 * SHORT)
            assert port.waits == 2
            assert not sending.done()
            await kernel.activate()
            answer: bytes | None = None
            while answer != b"last":
                answer = await kernel.receive(timeout=60)
            assert await sending
            assert await asking == b"asked"
            assert len(runtime._rooms) == 0

    asyncio.run(body())


def test_a_cancelled_wait_for_room_leaves_nothing(backend: str, options: Options) -> None:
    async def body() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await full_mailbox(
                runtime, options(capacity=16, staging_capacity=16, block_timeout=LONG)
            )
            sending = asyncio.create_task(kernel.send(b"last"))
            await asyncio.sleep(SHORT)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert len(runtime._rooms) == 0
            await kernel.activate()
            came = [await kernel.receive(timeout=60)]
            await kernel.send(b"next")
            while came[-1] != b"next":
                came.append(await kernel.receive(timeout=60))
            assert set(came) == {b"before", b"next"}

    asyncio.run(body())


@pytest.mark.parametrize("how", ["terminate", "close"])
def test_the_end_of_a_kernel_ends_the_wait_of_a_task(backend: str, options: Options, how: str) -> None:
    async def body() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await full_mailbox(
                runtime, options(capacity=16, staging_capacity=16, block_timeout=LONG)
            )
            waiting = [asyncio.create_task(kernel.send(b"x")), asyncio.create_task(kernel.request(b"x"))]
            await asyncio.sleep(SHORT)
            await (kernel.terminate(drain=False) if how == "terminate" else runtime.close())
            for ended in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(ended, errors.Closed)

    asyncio.run(body())
