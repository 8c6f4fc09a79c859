"""Dead letters: each reason gets one, it can be read and sent again, and the list is bounded."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import ringway as rw
from ringway import errors
from ringway.pagerank_messages import PageRankControl

from tests.waiting import until

Options = Callable[..., rw.LaunchOptions]
Fill = Callable[..., Any]


def only(kernel: rw.Kernel) -> rw.DeadLetter:
    (letter,) = kernel.dead_letters()
    return letter


def test_drop_new(full: Fill) -> None:
    kernel, count, _ = full(policy="drop_new")
    message = b"%d" % count
    number = uuid.uuid4()
    before = time.time()
    assert kernel.send(message, priority=7, message_id=number) is False
    letter = only(kernel)
    assert (letter.reason, letter.message, letter.body, letter.id) == ("drop_new", message, message, number)
    assert letter.priority == 7
    assert abs(letter.time - before) < 60
    assert "16 messages" in letter.error
    assert "drop_new" in repr(letter)
    assert kernel.telemetry().dropped["new"] == 1


def test_drop_oldest(full: Fill) -> None:
    kernel, count, oldest = full(policy="drop_oldest")
    for number in (count, count + 1):
        kernel.send(b"%d" % number)
    assert [(letter.reason, letter.message) for letter in kernel.dead_letters()] == [
        ("drop_oldest", b"%d" % oldest),
        ("drop_oldest", b"%d" % (oldest + 1)),
    ]


@pytest.mark.usefixtures("direct")
def test_asker_whose_request_is_dropped_hears_at_once(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend, assist=False) as asynchronous:
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


def test_handler_failed(runtime: rw.Runtime, options: Options) -> None:
    kernel = runtime.launch("pagerank.checker", options=options())
    message = PageRankControl(1, 2, 3, action=0, run=1, max_iterations=1, report_every=0, tolerance=0.0)
    with pytest.raises(errors.HandlerError):
        kernel.request(message, timeout=20)
    letter = only(kernel)
    assert (letter.reason, letter.message) == ("failed", message)
    assert "no buffer" in letter.error


def test_left_over_at_termination_and_sent_again(runtime: rw.Runtime, full: Fill, options: Options) -> None:
    kernel, count, _ = full()
    kernel.terminate(drain=False)
    letters = kernel.dead_letters()
    assert [letter.message for letter in letters] == [b"%d" % number for number in range(count)]
    assert {letter.reason for letter in letters} == {"terminated"}
    successor = runtime.launch("echo", options=options())
    for letter in letters:
        assert successor.resend(letter)
    assert [successor.receive(timeout=20) for _ in letters] == [letter.message for letter in letters]


def test_closed_link(runtime: rw.Runtime, options: Options) -> None:
    first, second = (runtime.launch("relay", options=options()) for _ in range(2))
    runtime.link(first, second, capacity=16, slot_size=64)
    second.terminate()
    for number in range(40):
        first.send(b"%d" % number)
    until(lambda: first.telemetry().dropped["closed"] == 40)
    letters = first.dead_letters()
    assert [(letter.reason, letter.message, letter.id) for letter in letters] == [
        ("closed", b"%d" % number, None) for number in range(40)
    ]


def test_a_link_to_a_kernel_that_has_failed(runtime: rw.Runtime, options: Options) -> None:
    first = runtime.launch("relay", options=options())
    second = runtime.launch("faulty", options=options(on_error="fail"))
    runtime.link(first, second, slot_size=64)
    first.send(b"break")
    until(lambda: second.state == "failed")
    first.send(b"x")
    until(lambda: first.telemetry().dropped["closed"] == 1)
    assert only(first).message == b"x"


def test_larger_than_the_links_slots(runtime: rw.Runtime, options: Options) -> None:
    first, second = (runtime.launch("relay", options=options()) for _ in range(2))
    runtime.link(first, second, slot_size=64)
    first.send(bytes(1000))
    until(lambda: first.telemetry().dropped["closed"] == 1)
    letter = only(first)
    assert (letter.reason, letter.body) == ("too_large", bytes(1000))
    assert "1000 bytes" in letter.error


def test_capacity_is_kept_and_what_it_costs_is_counted(full: Fill) -> None:
    kernel, count, _ = full(policy="drop_new", dead_letters=3)
    for number in range(count, count + 5):
        kernel.send(b"%d" % number)
    assert [int(letter.message) for letter in kernel.dead_letters()] == [count + 2, count + 3, count + 4]
    assert kernel.telemetry().dropped["dead_letters"] == 2


def test_none_are_kept_when_the_option_says_so(full: Fill) -> None:
    kernel, _, _ = full(policy="drop_new", dead_letters=0)
    kernel.send(b"16")
    assert kernel.dead_letters() == []
    assert kernel.telemetry().dropped["new"] == 1
    assert kernel.telemetry().dropped["dead_letters"] == 0


def test_clear_takes_the_letters_out(full: Fill) -> None:
    kernel, _, _ = full(policy="drop_new")
    kernel.send(b"16")
    assert len(kernel.dead_letters(clear=True)) == 1
    assert kernel.dead_letters() == []


def test_resend_keeps_the_message_and_takes_the_letter_out(full: Fill) -> None:
    kernel, count, _ = full(policy="drop_new")
    number = uuid.uuid4()
    kernel.send(b"new", message_id=number)
    letter = only(kernel)
    assert kernel.resend(letter) is False  # still no room
    assert [again.id for again in kernel.dead_letters()] == [number, number]
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(count)] == [b"%d" % number for number in range(count)]
    assert kernel.resend(letter) is True
    assert kernel.receive(timeout=20) == b"new"
    assert len(kernel.dead_letters()) == 1


def test_resend_needs_a_type_that_the_kernel_takes(runtime: rw.Runtime, full: Fill) -> None:
    kernel, _, _ = full(policy="drop_new")
    kernel.send(b"16")
    with pytest.raises(errors.TypeMismatch, match="VectorRequest"):
        runtime.launch("vector_op").resend(only(kernel))


@pytest.mark.usefixtures("direct")
def test_resend_waits_for_room_in_asyncio(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend, assist=False) as asynchronous:
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
