"""Messages in and out: bytes, lengths, order, and what is refused at the sender."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


def test_every_length_comes_back_as_it_was(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options())
    for length in [*range(70), 100, 255, 256, 1000, 4095, 4096]:
        body = bytes(number % 251 for number in range(length))
        assert echo.request(body, timeout=20) == body
        assert echo.send(body)
        assert echo.receive(timeout=20) == body


def test_messages_of_a_class_come_back_equal(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options())
    request = rw.VectorRequest([1, 2, 3], [4, 5, 6], op="multiply")
    answer = echo.request(request, timeout=20)
    assert isinstance(answer, rw.VectorRequest)
    assert (list(answer.a), list(answer.b), answer.op) == ([1, 2, 3], [4, 5, 6], request.op)
    assert answer.correlation_id == request.correlation_id


def test_more_messages_than_slots_keep_their_order(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options(capacity=16, staging_capacity=16))
    count = 1000

    def send() -> None:
        for number in range(count):
            assert echo.send(b"%d" % number)

    sender = threading.Thread(target=send)
    sender.start()
    assert [int(echo.receive(timeout=20)) for _ in range(count)] == list(range(count))
    sender.join(20)
    with pytest.raises(errors.Timeout):
        echo.receive(timeout=0.02)


def test_each_sender_keeps_its_order(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options(capacity=64, staging_capacity=64))
    count, senders = 500, 3

    def send(sender: int) -> None:
        for number in range(count):
            echo.send(b"%d %d" % (sender, number))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    received: list[list[int]] = [[] for _ in range(senders)]
    for _ in range(count * senders):
        sender, number = map(int, echo.receive(timeout=20).split())
        received[sender].append(number)
    for thread in threads:
        thread.join(20)
    assert received == [list(range(count))] * senders


def test_a_larger_message_is_refused_and_changes_nothing(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options(slot_size=500))
    with pytest.raises(errors.MessageTooLarge, match="1001 bytes"):
        echo.send(bytes(1001))
    with pytest.raises(errors.MessageTooLarge, match="slot_size"):
        echo.request(bytes(1001))
    assert echo.telemetry().depth == 0
    assert echo.telemetry().dropped["refused"] == 2
    assert echo.request(bytes(500), timeout=20) == bytes(500)


def test_other_types_are_refused_at_the_sender(runtime: rw.Runtime, options: Options) -> None:
    vector_op = runtime.launch("vector_op", options=options())
    with pytest.raises(errors.TypeMismatch, match=r"accepts VectorRequest, not plain bytes"):
        vector_op.send(b"bytes")
    with pytest.raises(errors.TypeMismatch, match=r"accepts VectorRequest, not VectorResponse"):
        vector_op.request(rw.VectorResponse())
    assert vector_op.telemetry().received == 0


def test_telemetry_counts_what_went_through(runtime: rw.Runtime, options: Options, wait_until) -> None:
    echo = runtime.launch("echo", options=options())
    for _ in range(10):
        echo.send(b"x")
        echo.request(b"x", timeout=20)
    for _ in range(10):
        echo.receive(timeout=20)
    wait_until(lambda: echo.telemetry().sent == 20)
    counts = echo.telemetry()
    assert (counts.received, counts.processed, counts.errors, counts.depth) == (20, 20, 0, 0)
    assert counts.uptime > 0
    assert counts.last_message > 1e9
