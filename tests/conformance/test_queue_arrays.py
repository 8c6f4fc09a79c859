"""Whole arrays through named queues, and slots held in place."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from numpy.typing import NDArray
from ringway import errors
from ringway.queues import Slots

MakeQueue = Callable[..., rw.Queue]

POINT = np.dtype([("id", "<u8"), ("xyz", "<f8", (3,)), ("tag", "S24"), ("rest", "<u8")])
assert POINT.itemsize == 64


def points(count: int, first: int = 0) -> NDArray[Any]:
    made = np.zeros(count, POINT)
    made["id"] = np.arange(first, first + count)
    made["xyz"] = made["id"][:, None] * [1.0, 2.0, 3.0]
    made["tag"] = [f"point {number}".encode() for number in made["id"]]
    made["rest"] = ~made["id"]
    return made


def test_arrays_wrap_around_the_ring_unchanged(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=64)
    sent, received = points(1000), []
    at = 0
    while at < len(sent):
        at += queue.send_many(sent[at : at + 37])
        received.append(queue.receive_many(37))
    assert (np.concatenate(received) == sent).all()


def test_strided_arrays_are_sent_and_filled_in_place(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=64)
    queue.send_many(points(40)[::-2])
    out = np.zeros(50, POINT)
    got = queue.receive_many(out=out[::2])
    assert np.shares_memory(got, out)
    assert (got == points(40)[::-2]).all()
    assert (out[::2][:20] == got).all()
    assert not out[1::2]["id"].any()


def test_receive_many_takes_what_there_is(make_queue: MakeQueue) -> None:
    queue = make_queue("q", POINT, capacity=64)
    queue.send_many(points(10))
    assert len(queue.receive_many(4)) == 4
    assert len(queue.receive_many()) == 6
    queue.send_many(points(10))
    assert len(queue.receive_many(3, out=np.zeros(5, POINT))) == 3
    for wrong in ({"n": 0}, {"n": -1}, {"n": 6, "out": np.zeros(5, POINT)}, {"out": np.zeros(0, POINT)}):
        with pytest.raises(errors.InvalidOption, match="receive_many of"):
            queue.receive_many(**wrong)
    assert queue.send_many(points(0)) == 0


def test_a_receiver_can_wait_for_a_number_of_messages(make_queue: MakeQueue) -> None:
    queue = make_queue("q", POINT, capacity=64)
    queue.send_many(points(9))
    with pytest.raises(errors.Timeout):
        queue.receive_many(20, least=10, timeout=0.01)
    with pytest.raises(errors.Timeout):
        queue.peek(20, least=10, timeout=0)
    sender = threading.Timer(0.02, lambda: queue.send_many(points(1, first=9)))
    sender.start()
    assert (queue.receive_many(20, least=10, timeout=20) == points(10)).all()
    sender.join()
    queue.send_many(points(3))
    queue.close()
    with queue.peek(20, least=10) as slots:
        assert len(slots) == 3
    for least in (0, 21, 65):
        with pytest.raises(errors.InvalidOption, match=f"least is {least}"):
            queue.receive_many(20, least=least)


@pytest.mark.parametrize(
    "array",
    [
        points(4).reshape(2, 2),
        np.zeros((), POINT),
        np.zeros(4, "<u8"),
        np.zeros(4, "V64"),
        np.zeros(4, POINT.newbyteorder(">")),
        [1, 2],
        b"x" * 64,
    ],
)
def test_wrong_arrays_are_refused_by_both_verbs(array: Any, make_queue: MakeQueue) -> None:
    queue = make_queue("q", POINT)
    with pytest.raises(errors.TypeMismatch, match=r"queue 'q' carries .*send_many"):
        queue.send_many(array)
    with pytest.raises(errors.TypeMismatch, match=r"queue 'q' carries .*receive_many"):
        queue.receive_many(out=array)
    assert queue.counts().sent == 0


def test_a_read_only_array_is_not_filled(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT)
    queue.send_many(points(1))
    out = np.zeros(1, POINT)
    out.flags.writeable = False
    with pytest.raises(errors.InvalidOption, match="read-only"):
        queue.receive_many(out=out)
    assert len(queue) == 1


@rw.message
class Loose(rw.Message):
    text: str


@pytest.mark.parametrize("message", [Loose, None, bytes])
def test_arrays_need_a_fixed_layout(message: Any, make_queue: MakeQueue) -> None:
    queue = make_queue("q", message)
    for call in (lambda: queue.send_many(points(1)), queue.receive_many):
        with pytest.raises(errors.TypeMismatch, match=r"fixed layout.*'q'.*struct"):
            call()
    if message is not bytes:
        for call in (lambda: queue.peek(1), lambda: queue.reserve(1)):
            with pytest.raises(errors.TypeMismatch, match="fixed layout"):
                call()


def test_slots_are_written_and_read_in_place(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=64)
    with queue.reserve(10) as slots:
        assert len(slots) == 10
        slots[:] = points(10)
        slots["rest"] += np.uint64(1)
        assert len(queue) == 10
        with pytest.raises(errors.Timeout):
            queue.receive(timeout=0)
    with queue.peek(20) as slots:
        assert len(slots) == 10
        assert not slots.array.flags.writeable
        assert (slots["rest"] == points(10)["rest"] + np.uint64(1)).all()
        assert np.asarray(slots).base is not None
    assert len(queue) == 0
    assert queue.counts().received == 10


def test_a_run_ends_where_the_ring_does(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=16)
    lengths = []
    for _ in range(6):
        with queue.reserve(10) as slots:
            slots[:] = points(len(slots))
            lengths.append(len(slots))
        with queue.peek(16) as slots:
            assert (slots.array == points(lengths[-1])).all()
    assert lengths == [10, 6, 10, 6, 10, 6]
    for n in (0, -1, 1 << 21):
        with pytest.raises(errors.InvalidOption, match=f"of {n} slots"):
            queue.reserve(n)
        with pytest.raises(errors.InvalidOption, match=f"of {n} slots"):
            queue.peek(n)


def test_released_slots_cannot_be_touched(make_queue: MakeQueue) -> None:
    queue = make_queue("q", POINT, capacity=16)
    with queue.reserve(4) as slots:
        slots[:] = points(4)
    for use in (lambda: slots["id"], lambda: slots.array, lambda: np.asarray(slots)):
        with pytest.raises(errors.InvalidState, match="given back"):
            use()
    with pytest.raises(errors.InvalidState, match="given back"):
        slots["id"] = 1
    with pytest.raises(errors.InvalidState, match="given back"):
        slots.send()
    with queue.peek(4) as slots:
        slots.release()
        with pytest.raises(errors.InvalidState, match="given back"):
            slots["id"]


KEPT: dict[str, Callable[[NDArray[Any]], Any]] = {
    "array": lambda array: array,
    "view": lambda array: array[1:]["xyz"].T,
    "scalar": lambda array: array[0],
    "memoryview": lambda array: memoryview(array["id"]),
    "recarray": lambda array: array.view(np.recarray),
}


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_an_array_that_outlives_its_block_keeps_the_slots(
    keep: Callable[[NDArray[Any]], Any], make_queue: MakeQueue
) -> None:
    queue = make_queue("q", POINT, capacity=16)
    queue.send_many(points(16))
    slots = queue.peek(16)
    left = keep(np.asarray(slots))
    with pytest.raises(errors.InvalidState, match="1 array over slots of queue 'q' outlived"):
        slots.release()
    with pytest.raises(errors.QueueFull):
        queue.send((0, [0, 0, 0], b"", 0), timeout=0)
    assert bytes(left) == bytes(keep(points(16)))
    del left
    assert queue.send_many(points(16)) == 16


def test_reserved_slots_with_arrays_left_are_not_sent(make_queue: MakeQueue) -> None:
    queue = make_queue("q", POINT, capacity=16)
    with pytest.raises(errors.InvalidState, match="unsent"), queue.reserve(16) as slots:
        left = slots["id"]
    with pytest.raises(errors.Timeout):
        queue.receive(timeout=0)
    left[:] = 1
    del left
    queue.send_many(points(3))
    assert (queue.receive_many() == points(3)).all()
    counts = queue.counts()
    assert (counts.sent, counts.received, counts.depth) == (3, 3, 0)


def fail_in(block: Slots) -> None:
    with pytest.raises(KeyError), block as slots:
        raise KeyError(slots["id"][0])


def test_an_exception_gives_the_slots_back(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=16)
    for _ in range(40):
        fail_in(queue.reserve(7))
    queue.send_many(points(5))
    fail_in(queue.peek(2))
    assert queue.receive_many()["id"].tolist() == [2, 3, 4]
    forgotten = queue.reserve(7)
    queue.send_many(points(9))
    del forgotten
    gc.collect()
    with queue.peek(16) as slots:
        assert (slots.array == points(len(slots))).all()


def test_part_of_a_reservation_can_be_sent(make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=16)
    for count in (3, 0, 8):
        with queue.reserve(8) as slots:
            slots[:] = points(len(slots))
            with pytest.raises(errors.InvalidOption, match="at most"):
                slots.send(len(slots) + 1)
            slots.send(count)
        if count:
            assert queue.receive_many()["id"].tolist() == list(range(count))
    with pytest.raises(errors.Timeout):
        queue.receive(timeout=0)
    assert queue.counts().sent == 11


def test_bytes_in_place_have_sizes(make_queue: MakeQueue) -> None:
    queue = make_queue(message=bytes, slot_size=24, capacity=16)
    with queue.reserve(3) as slots:
        slots[:, :4] = np.frombuffer(b"abcd", np.uint8)
        for wrong in ([1, 2], [1, 2, 57], [[1, 2, 3]]):
            with pytest.raises(errors.InvalidOption, match="sizes of 3"):
                slots.sizes = wrong
        slots.sizes = [1, 0, 4]
    queue.send(b"xy")
    with queue.peek(2) as slots:
        assert slots.array.shape == (2, queue.slot_size)
        assert slots.sizes.tolist() == [1, 0]
    assert [queue.receive(), queue.receive()] == [b"abcd", b"xy"]


@pytest.mark.parametrize("in_place", [False, True])
def test_threads_exchange_arrays_without_loss(in_place: bool, make_queue: MakeQueue) -> None:
    queue = make_queue(message=POINT, capacity=256)
    total = 20_000
    sent = points(total)

    def send() -> None:
        at = 0
        while at < total:
            if in_place:
                with queue.reserve(min(100, total - at)) as slots:
                    slots[:] = sent[at : at + len(slots)]
                    at += len(slots)
            else:
                at += queue.send_many(sent[at : at + 333])
        queue.close()

    sender = threading.Thread(target=send)
    sender.start()
    at = 0
    while at < total:
        if in_place:
            with queue.peek(100, timeout=20) as slots:
                assert (slots.array == sent[at : at + len(slots)]).all()
                at += len(slots)
        else:
            got = queue.receive_many(200, timeout=20)
            assert (got == sent[at : at + len(got)]).all()
            at += len(got)
    sender.join(20)
    with pytest.raises(errors.Closed):
        queue.receive()
