"""Dead letters: each reason gets one, it can be read and sent again, and the list is bounded."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import ringway as rw
from ringway import errors
from ringway.pagerank_messages import PageRankControl


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime(workers=2, assist=False) as started:
        yield started


def full(runtime: rw.Runtime, **options: object) -> rw.Kernel:
    """An inactive echo with 16 messages, 0 to 15, in its 16 slots."""
    chosen = rw.LaunchOptions(capacity=16, **options)  # type: ignore[arg-type]
    kernel = runtime.launch("echo", activate=False, options=chosen)
    for number in range(16):
        kernel.send(b"%d" % number)
    return kernel


def until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.001)


def only(kernel: rw.Kernel) -> rw.DeadLetter:
    (letter,) = kernel.dead_letters()
    return letter


def test_drop_new(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new")
    number = uuid.uuid4()
    before = time.time()
    assert kernel.send(b"16", priority=7, message_id=number) is False
    letter = only(kernel)
    assert (letter.reason, letter.message, letter.body, letter.id) == ("drop_new", b"16", b"16", number)
    assert letter.priority == 7
    assert abs(letter.time - before) < 60
    assert "16 messages" in letter.error
    assert "drop_new" in repr(letter)
    assert kernel.telemetry().dropped["new"] == 1


def test_drop_oldest(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_oldest")
    for number in (16, 17):
        kernel.send(b"%d" % number)
    assert [(letter.reason, letter.message) for letter in kernel.dead_letters()] == [
        ("drop_oldest", b"0"),
        ("drop_oldest", b"1"),
    ]


def test_asker_whose_request_is_dropped_hears_at_once(runtime: rw.Runtime) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(assist=False) as asynchronous:
            options = rw.LaunchOptions(capacity=16, policy="drop_oldest")
            kernel = await asynchronous.launch("echo", activate=False, options=options)
            request = asyncio.create_task(kernel.request(b"first", timeout=60))
            await asyncio.sleep(0)
            for _ in range(16):
                await kernel.send(b"x")
            with pytest.raises(errors.QueueFull, match="drop_oldest"):
                await asyncio.wait_for(request, 20)
            (letter,) = kernel.dead_letters()
            assert letter.message == b"first"

    asyncio.run(main())


def test_handler_failed(runtime: rw.Runtime) -> None:
    kernel = runtime.launch("pagerank.checker")
    message = PageRankControl(1, 2, 3, action=0, run=1, max_iterations=1, report_every=0, tolerance=0.0)
    with pytest.raises(errors.HandlerError):
        kernel.request(message, timeout=20)
    letter = only(kernel)
    assert (letter.reason, letter.message) == ("failed", message)
    assert "no buffer" in letter.error


def test_left_over_at_termination_and_sent_again(runtime: rw.Runtime) -> None:
    kernel = full(runtime)
    kernel.terminate(drain=False)
    letters = kernel.dead_letters()
    assert [letter.message for letter in letters] == [b"%d" % number for number in range(16)]
    assert {letter.reason for letter in letters} == {"terminated"}
    successor = runtime.launch("echo")
    for letter in letters:
        assert successor.resend(letter)
    assert [successor.receive(timeout=20) for _ in letters] == [letter.message for letter in letters]


def test_closed_link(runtime: rw.Runtime) -> None:
    first, second = runtime.launch("relay"), runtime.launch("relay")
    runtime.link(first, second, capacity=16, slot_size=64)
    second.terminate()
    for _ in range(17):
        first.send(b"x")
    until(lambda: first.telemetry().dropped["closed"] == 1)
    letter = only(first)
    assert (letter.reason, letter.message, letter.id) == ("closed", b"x", None)


def test_larger_than_the_links_slots(runtime: rw.Runtime) -> None:
    first, second = runtime.launch("relay"), runtime.launch("relay")
    runtime.link(first, second, slot_size=64)
    first.send(bytes(1000))
    until(lambda: first.telemetry().dropped["closed"] == 1)
    letter = only(first)
    assert (letter.reason, letter.body) == ("too_large", bytes(1000))
    assert "1000 bytes" in letter.error


def test_capacity_is_kept_and_what_it_costs_is_counted(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new", dead_letters=3)
    for number in range(16, 21):
        kernel.send(b"%d" % number)
    assert [letter.message for letter in kernel.dead_letters()] == [b"18", b"19", b"20"]
    assert kernel.telemetry().dropped["dead_letters"] == 2


def test_none_are_kept_when_the_option_says_so(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new", dead_letters=0)
    kernel.send(b"16")
    assert kernel.dead_letters() == []
    assert kernel.telemetry().dropped["new"] == 1
    assert kernel.telemetry().dropped["dead_letters"] == 0


def test_clear_takes_the_letters_out(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new")
    kernel.send(b"16")
    assert len(kernel.dead_letters(clear=True)) == 1
    assert kernel.dead_letters() == []


def test_resend_keeps_the_message_and_takes_the_letter_out(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new")
    number = uuid.uuid4()
    kernel.send(b"16", message_id=number)
    letter = only(kernel)
    assert kernel.resend(letter) is False  # still no room
    assert [again.id for again in kernel.dead_letters()] == [number, number]
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(16)] == [b"%d" % number for number in range(16)]
    assert kernel.resend(letter) is True
    assert kernel.receive(timeout=20) == b"16"
    assert len(kernel.dead_letters()) == 1


def test_resend_needs_a_type_that_the_kernel_takes(runtime: rw.Runtime) -> None:
    kernel = full(runtime, policy="drop_new")
    kernel.send(b"16")
    with pytest.raises(errors.TypeMismatch, match="VectorRequest"):
        runtime.launch("vector_op").resend(only(kernel))


def test_resend_waits_for_room_in_asyncio() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(assist=False) as asynchronous:
            options = rw.LaunchOptions(capacity=16, block_timeout=0.05)
            ended = await asynchronous.launch("echo", activate=False)
            await ended.send(b"x")
            await ended.terminate(drain=False)
            (letter,) = ended.dead_letters()
            kernel = await asynchronous.launch("echo", activate=False, options=options)
            for _ in range(16):
                await kernel.resend(letter)
            with pytest.raises(errors.QueueFull, match="block_timeout"):
                await kernel.resend(letter)
            assert kernel.telemetry().dropped["refused"] == 1
            await kernel.activate()
            assert [await kernel.receive(timeout=20) for _ in range(16)] == [b"x"] * 16

    asyncio.run(main())
