"""Named queues: types, policies, closing, names, waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors

MakeQueue = Callable[..., rw.Queue]
Start = Callable[..., rw.Runtime]

TICK = np.dtype([("price", "<f8"), ("volume", "<u4"), ("venue", "S4")])


@rw.message(layout="struct")
class Order(rw.Message):
    number: rw.i32
    price: rw.f64


@rw.message
class Note(rw.Message):
    text: str


def fill(queue: rw.Queue, count: int) -> None:
    for number in range(count):
        queue.send(Order(number, 1.0))


def numbers(queue: rw.Queue) -> list[int]:
    queue.close()
    return [order.number for order in queue]


def in_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run the call in a thread; its result, or what it raised, goes into the list."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except errors.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome


def joined(thread: threading.Thread) -> None:
    thread.join(20)
    assert not thread.is_alive()


def test_each_kind_of_queue_gives_back_what_was_sent(make_queue: MakeQueue) -> None:
    record = np.array((1.5, 7, b"XETR"), TICK)
    for message, sent in [(Order, Order(1, 2.5)), (Note, Note("hi")), (bytes, b"abc"), (TICK, record)]:
        queue = make_queue(message=message)
        assert queue.send(sent)
        assert len(queue) == 1
        assert queue.receive() == sent
    plain: rw.Queue = make_queue(message=np.float64)
    plain.send(2.5)
    assert plain.receive() == 2.5
    anything = make_queue()
    for sent in (Order(1, 2.5), b"", Note("two")):
        anything.send(sent)
    assert [anything.receive() for _ in range(3)] == [Order(1, 2.5), b"", Note("two")]


def test_another_type_is_refused_and_both_are_named(make_queue: MakeQueue) -> None:
    orders = make_queue("orders", Order)
    for wrong, name in [(Note("x"), "Note"), (b"x", "bytes")]:
        with pytest.raises(errors.TypeMismatch, match=f"'orders' carries Order, not {name}"):
            orders.send(wrong)
    with pytest.raises(errors.TypeMismatch, match="carries bytes, not Order"):
        make_queue(message=bytes).send(Order(1, 1.0))
    ticks = make_queue("ticks", TICK)
    for record in (np.float64(1), "x", np.zeros(2, TICK)):
        with pytest.raises(errors.TypeMismatch, match="'ticks'"):
            ticks.send(record)
    assert orders.counts().sent == ticks.counts().sent == 0


def test_a_message_that_does_not_fit_is_refused_and_counted(make_queue: MakeQueue) -> None:
    queue = make_queue("small", bytes, slot_size=56)
    assert queue.slot_size == 56
    with pytest.raises(errors.MessageTooLarge, match=r"57 bytes .* 'small', whose slots hold 56"):
        queue.send(bytes(57))
    assert queue.send(bytes(56))
    assert queue.counts().refused == 1
    assert make_queue(slot_size=100).slot_size >= 100


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"capacity": 17}, "capacity of queue 'q' is 17; .*power of two, 16 to 1048576"),
        ({"capacity": "16"}, "capacity of queue 'q' is '16'"),
        ({"slot_size": 0}, "slot_size"),
        ({"slot_size": 1 << 24}, "slot_size of queue 'q' is 16777216"),
        ({"slot_size": 8}, "slot_size of queue 'q' is 8; .*at least 16, the bytes of Order"),
        ({"policy": "drop"}, "policy of queue 'q' is 'drop'; .*drop_oldest"),
        ({"block_timeout": -1.0}, "block_timeout of queue 'q' is -1"),
        ({"block_timeout": float("nan")}, "block_timeout of queue 'q' is nan"),
        ({"message": 7}, "message is 7"),
        ({"message": np.dtype("O")}, "Python objects"),
        ({"message": np.dtype(("<f4", (4,)))}, "structured dtype"),
        (
            {"message": np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i4"], "offsets": [0, 2]})},
            "overlap",
        ),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any], text: str, make_queue: MakeQueue) -> None:
    with pytest.raises(errors.InvalidOption, match=text):
        make_queue("q", **{"message": Order, **options})


def test_policy_block_waits_for_room_and_then_refuses(make_queue: MakeQueue) -> None:
    queue = make_queue("full", Order, capacity=16, block_timeout=0.05)
    fill(queue, 16)
    start = time.monotonic()
    with pytest.raises(errors.QueueFull, match=r"'full' is full .* no room within 0.05 s"):
        queue.send(Order(16, 1.0))
    assert time.monotonic() - start >= 0.05
    with pytest.raises(errors.QueueFull):
        queue.send(Order(16, 1.0), timeout=0)
    thread, sent = in_thread(lambda: queue.send(Order(16, 1.0), timeout=20))
    time.sleep(0.02)
    assert queue.receive().number == 0
    joined(thread)
    assert sent == [True]
    assert queue.counts() == rw.QueueCounts(16, 17, 1, 0, 0, 2)
    assert numbers(queue) == list(range(1, 17))


def test_policy_reject_refuses_at_once(make_queue: MakeQueue) -> None:
    queue = make_queue("full", Order, capacity=16, policy="reject")
    fill(queue, 16)
    with pytest.raises(errors.QueueFull, match="policy 'reject'"):
        queue.send(Order(16, 1.0))
    with pytest.raises(errors.QueueFull) as caught:
        queue.send_many(np.zeros(4, Order.dtype()))
    assert caught.value.sent == 0
    queue.receive()
    with pytest.raises(errors.QueueFull) as caught:
        queue.send_many(np.zeros(4, Order.dtype()))
    assert caught.value.sent == 1
    assert queue.counts().refused == 1 + 4 + 3


def test_policy_drop_new_drops_what_comes_and_counts(make_queue: MakeQueue) -> None:
    queue = make_queue(message=Order, capacity=16, policy="drop_new")
    fill(queue, 16)
    assert not queue.send(Order(16, 1.0))
    assert queue.send_many(np.zeros(4, Order.dtype())) == 0
    assert queue.counts().dropped_new == 5
    assert numbers(queue) == list(range(16))


def test_policy_drop_oldest_drops_what_is_there_and_counts(make_queue: MakeQueue) -> None:
    queue = make_queue(message=Order, capacity=16, policy="drop_oldest")
    fill(queue, 20)
    more = np.zeros(3, Order.dtype())
    more["number"] = [20, 21, 22]
    assert queue.send_many(more) == 3
    assert queue.counts() == rw.QueueCounts(16, 23, 0, 0, 7, 0)
    with pytest.raises(errors.InvalidState, match="drops the oldest message"):
        queue.peek(1)
    with pytest.raises(errors.InvalidState, match="drops the oldest message"):
        queue.reserve(1)
    assert numbers(queue) == list(range(7, 23))


def test_a_closed_queue_gives_what_is_left_and_then_ends(make_queue: MakeQueue) -> None:
    queue = make_queue("q", Order)
    fill(queue, 3)
    queue.close()
    assert queue.closed
    with pytest.raises(errors.Closed, match="queue 'q' is closed"):
        queue.send(Order(3, 1.0))
    assert [order.number for order in queue] == [0, 1, 2]
    for call in (queue.receive, lambda: queue.receive_many(1), lambda: queue.peek(1)):
        with pytest.raises(errors.Closed):
            call()
    queue.close()
    fresh = make_queue(message=Order)
    fill(fresh, 3)
    fresh.close(discard=True)
    with pytest.raises(errors.Closed):
        fresh.receive()


def test_closing_wakes_every_waiter(make_queue: MakeQueue) -> None:
    empty, full = make_queue(message=Order), make_queue(message=Order, capacity=16)
    fill(full, 16)
    many = np.zeros(1, Order.dtype())
    waits = [
        in_thread(call)
        for call in (
            empty.receive,
            lambda: empty.receive_many(1),
            lambda: empty.peek(1),
            lambda: full.send(Order(0, 0.0), timeout=60),
            lambda: full.send_many(many, timeout=60),
            lambda: full.reserve(1, timeout=60),
        )
    ]
    time.sleep(0.05)
    empty.close()
    full.close()
    for thread, outcome in waits:
        joined(thread)
        assert isinstance(outcome[0], errors.Closed)


def test_no_message_is_lost_when_senders_race_a_close(make_queue: MakeQueue) -> None:
    for _ in range(20):
        queue = make_queue(message=Order, capacity=16)
        sent = [0, 0]

        def send(which: int, queue: rw.Queue = queue, sent: list[int] = sent) -> None:
            with contextlib.suppress(errors.Closed):
                while queue.send(Order(which, 1.0), timeout=20):
                    sent[which] += 1

        threads = [threading.Thread(target=send, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        received = [queue.receive(timeout=20).number for _ in range(50)]
        queue.close()
        received += [order.number for order in queue]
        for thread in threads:
            joined(thread)
        assert [received.count(0), received.count(1)] == sent


def test_threads_keep_each_senders_order(make_queue: MakeQueue) -> None:
    queue = make_queue(message=Order, capacity=64)
    senders = [threading.Thread(target=fill, args=(queue, 2000)) for _ in range(3)]
    receivers = [in_thread(lambda: [order.number for order in queue]) for _ in range(2)]
    for thread in senders:
        thread.start()
    for thread in senders:
        joined(thread)
    queue.close()
    got: list[int] = []
    for thread, outcome in receivers:
        joined(thread)
        got += outcome[0]
    assert sorted(got) == sorted(list(range(2000)) * 3)


def test_time_outs_are_kept_and_named(make_queue: MakeQueue) -> None:
    queue = make_queue("q", Order)
    for call in (queue.receive, queue.receive_many, lambda timeout: queue.peek(1, timeout=timeout)):
        with pytest.raises(errors.Timeout, match=r"'q' got no message within 0\.0 s"):
            call(timeout=0)
        start = time.monotonic()
        with pytest.raises(errors.Timeout):
            call(timeout=0.02)
        assert 0.02 <= time.monotonic() - start < 5
        with pytest.raises(errors.InvalidOption, match="timeout is -1"):
            call(timeout=-1)


def test_queues_of_a_runtime_are_found_by_name(start: Start) -> None:
    with start() as runtime:
        orders = runtime.queue("orders", Order)
        ticks = runtime.queue("ticks", TICK)
        unnamed = runtime.queue()
        kernel = runtime.launch("echo", name="echo")
        names = [queue.name for queue in runtime.queues()]
        assert names == ["orders", "ticks", unnamed.name, "echo.mailbox", "echo.outbox"]
        found = runtime.queue_named("orders")
        assert (found.message, found.capacity) == (Order, 4096)
        assert runtime.queue_named("ticks").dtype == TICK
        assert runtime.send("orders", Order(1, 1.0))
        assert orders.receive(timeout=0) == Order(1, 1.0)
        ticks.send((1.0, 2, b"A"))
        assert runtime.receive("ticks", timeout=0)["volume"] == 2
        assert runtime.send("echo", b"x")
        assert runtime.receive("echo", timeout=20) == b"x"
        assert runtime.send("echo.mailbox", b"y")
        assert runtime.receive("echo.outbox", timeout=20) == b"y"
        for name in ("orders", "echo", "a.mailbox"):
            with pytest.raises(errors.InvalidOption, match=name):
                runtime.queue(name)
        with pytest.raises(errors.InvalidOption, match="a queue named 'orders'"):
            runtime.launch("echo", name="orders")
        for name in ("nobody", "nobody.mailbox", "echo.side"):
            with pytest.raises(errors.NotFound, match=name):
                runtime.queue_named(name)
        with pytest.raises(errors.InvalidState, match=r"echo\.mailbox"):
            runtime.queue_named("echo.outbox").send(b"x")
        with pytest.raises(errors.InvalidState, match=r"echo\.outbox"):
            runtime.queue_named("echo.mailbox").receive()
        orders.close()
        assert runtime.queue("orders", Note).message is Note
        kernel.terminate()
        assert "echo.mailbox" not in [queue.name for queue in runtime.queues()]


def test_a_runtimes_end_closes_its_queues(start: Start) -> None:
    with start() as runtime:
        queue = runtime.queue("orders", Order)
        thread, outcome = in_thread(queue.receive)
        time.sleep(0.02)
    joined(thread)
    assert isinstance(outcome[0], errors.Closed)
    with pytest.raises(errors.Closed):
        queue.send(Order(1, 1.0))
    with pytest.raises(errors.Closed):
        runtime.queue()


def test_default_names_are_unique_and_pass_over_taken_ones(start: Start) -> None:
    with start() as runtime:
        runtime.queue("queue-1")
        assert [runtime.queue().name for _ in range(3)] == ["queue-0", "queue-2", "queue-3"]
