"""Arrays into and out of kernels, and the dead letters of named queues."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import numpy as np
import pytest
import ringway as rw
from numpy.typing import NDArray
from ringway import errors


@rw.message(layout="struct")
class Sample(rw.Message):
    number: rw.i64
    value: rw.f64


def samples(count: int) -> NDArray[Any]:
    made = np.zeros(count, Sample.dtype())
    made["number"] = np.arange(count)
    made["value"] = made["number"] / 2
    return made


def take(kernel: rw.Kernel, message: Any, count: int) -> NDArray[Any]:
    parts: list[NDArray[Any]] = []
    while (got := sum(map(len, parts))) < count:
        parts.append(kernel.receive_many(message, count - got, timeout=30))
    return np.concatenate(parts)


@pytest.fixture(params=["direct", "pumped"])
def bridge(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_arrays_go_through_a_kernel_in_order(bridge: Literal["direct", "pumped"]) -> None:
    with rw.Runtime("cpu") as rt:
        kernel = rt.launch("echo", options=rw.LaunchOptions(capacity=4096, bridge=bridge))
        sent = samples(1000)
        assert kernel.send_many(sent, Sample) == 1000
        assert (take(kernel, Sample, 1000) == sent).all()
        assert kernel.send_many(sent[::-3], Sample) == 334
        assert (take(kernel, Sample, 334) == sent[::-3]).all()
        # Plain records, and what single messages of the class are.
        assert kernel.send_many(sent["number"]) == 1000
        assert (take(kernel, np.int64, 1000) == sent["number"]).all()
        kernel.send(Sample(7, 3.5))
        assert kernel.receive_many(Sample, 1, timeout=30)["number"].tolist() == [7]
        kernel.send_many(sent[:1], Sample)
        assert kernel.receive(timeout=30) == Sample(0, 0.0)
        assert kernel.send_many(sent[:0], Sample) == 0


def test_policies_and_ids_are_those_of_single_messages() -> None:
    with rw.Runtime("cpu") as rt:
        full = rw.LaunchOptions(capacity=16, block_timeout=0.01)
        kernel = rt.launch("echo", options=full, activate=False)
        with pytest.raises(errors.QueueFull, match="16 messages") as error:
            kernel.send_many(samples(20), Sample)
        assert error.value.sent == 16
        assert kernel.telemetry().dropped["refused"] == 4
        for policy, numbers in (("drop_new", range(16, 20)), ("drop_oldest", range(4))):
            options = rw.LaunchOptions(capacity=16, policy=policy)  # type: ignore[arg-type]
            dropping = rt.launch("echo", options=options, activate=False)
            expected = 16 if policy == "drop_new" else 20
            assert dropping.send_many(samples(20), Sample) == expected
            assert [letter.message.number for letter in dropping.dead_letters()] == list(numbers)
            assert {letter.reason for letter in dropping.dead_letters()} == {policy}
        expiring = rt.launch("echo", options=rw.LaunchOptions(dedup=64), activate=False)
        expiring.send_many(samples(4), Sample, ttl=0.01)
        expiring.send_many(samples(2), Sample, ttl=600.0, priority=3)
        asyncio.run(asyncio.sleep(0.05))
        expiring.activate()
        assert take(expiring, Sample, 2)["number"].tolist() == [0, 1]
        letters = expiring.dead_letters()
        assert [letter.reason for letter in letters] == ["expired"] * 4
        assert len({letter.id for letter in letters}) == 4


def test_lanes_take_arrays_by_priority() -> None:
    with rw.Runtime("cpu", workers=1) as rt:
        kernel = rt.launch("echo", options=rw.LaunchOptions(lanes=True), activate=False)
        kernel.send_many(samples(8), Sample, priority=255)
        kernel.send_many(samples(8)[::-1], Sample, priority=0)
        kernel.activate()
        got = take(kernel, Sample, 16)["number"]
        assert got[:8].tolist() == list(range(7, -1, -1))
        assert got[8:].tolist() == list(range(8))


@pytest.mark.parametrize(
    ("array", "message", "text"),
    [
        ([1, 2], None, "one-dimensional array, not 'list'"),
        (np.zeros((2, 2)), None, r"\(2, 2\)"),
        (np.zeros(2), Sample, "must be of"),
        (np.zeros(2), rw.VectorRequest, "one fixed layout"),
        (np.zeros(2), bytes, "one fixed layout"),
    ],
)
def test_arrays_of_another_kind_are_refused(array: Any, message: Any, text: str) -> None:
    with rw.Runtime("cpu") as rt:
        with pytest.raises(errors.TypeMismatch, match=text):
            rt.launch("echo").send_many(array, message)
        with pytest.raises(errors.TypeMismatch, match="accepts VectorRequest: say"):
            rt.launch("vector_op").send_many(np.zeros(2))
        with pytest.raises(errors.InvalidOption, match="at least 1"):
            rt.launch("echo").receive_many(Sample, 0)


def test_what_is_of_another_type_is_set_aside() -> None:
    with rw.Runtime("cpu") as rt:
        kernel = rt.launch("echo")
        kernel.send(b"other")
        with pytest.raises(errors.TypeMismatch, match="among its dead letters"):
            kernel.receive_many(Sample, 4, timeout=30)
        assert [(letter.reason, letter.message) for letter in kernel.dead_letters()] == [
            ("refused", b"other")
        ]
        with pytest.raises(errors.Timeout):
            kernel.receive_many(Sample, 4, timeout=0)
        kernel.terminate()
        with pytest.raises(errors.Closed):
            kernel.receive_many(Sample, 4)
        with pytest.raises(errors.Closed):
            kernel.send_many(samples(1), Sample)


def test_arrays_for_event_loops() -> None:
    async def run() -> None:
        async with rw.AsyncRuntime("cpu") as rt:
            kernel = await rt.launch("echo", options=rw.LaunchOptions(capacity=16))
            sender = asyncio.create_task(kernel.send_many(samples(300), Sample, timeout=30))
            got: list[int] = []
            while len(got) < 300:
                got += (await kernel.receive_many(Sample, 100, timeout=30))["number"].tolist()
            assert got == list(range(300))
            assert await sender == 300
            idle = await rt.launch("echo", options=rw.LaunchOptions(capacity=16), activate=False)
            with pytest.raises(errors.QueueFull) as error:
                await idle.send_many(samples(20), Sample, timeout=0.01)
            assert error.value.sent == 16
            with pytest.raises(errors.Timeout):
                await kernel.receive_many(Sample, 1, timeout=0.01)

    asyncio.run(run())


@pytest.mark.parametrize("shared", [False, True])
def test_what_a_queue_drops_can_be_read_and_sent_again(shared: bool) -> None:
    for policy in ("drop_new", "drop_oldest"):
        name = f"letters{id(policy) % 10**9}"
        with rw.Runtime("cpu") as rt:
            queue = rt.queue(name, Sample, capacity=16, policy=policy, shared=shared, dead_letters=3)  # type: ignore[arg-type]
            queue.send_many(samples(18))
            queue.send(Sample(18, 9.0))
            queue.send(Sample(19, 9.5))
            letters = queue.dead_letters()
            kept = [17, 18, 19] if policy == "drop_new" else [1, 2, 3]
            assert [letter.message.number for letter in letters] == kept
            assert {letter.reason for letter in letters} == {policy}
            assert all(letter.id is None and "16 messages" in letter.error for letter in letters)
            queue.receive_many(16)
            assert queue.resend(letters[0])
            assert queue.receive(timeout=10).number == kept[0]
            assert len(queue.dead_letters(clear=True)) == 2
            assert not queue.dead_letters()
            kernel = rt.launch("echo")
            assert kernel.resend(letters[1])
            assert kernel.receive(timeout=30).number == kept[1]
            with pytest.raises(errors.TypeMismatch):
                rt.queue("other", bytes).resend(letters[1])
            queue.close()
        if shared:
            rw.remove_shared_queue(name)


def test_letters_of_records_and_of_any_message() -> None:
    records = rw.Queue(message=np.int32, capacity=16, policy="drop_new")
    records.send_many(np.arange(17, dtype=np.int32))
    assert [letter.message for letter in records.dead_letters()] == [16]
    anything = rw.Queue(capacity=16, policy="drop_oldest")
    for number in range(17):
        anything.send(Sample(number, 0.0), priority=9)
    (letter,) = anything.dead_letters()
    assert (letter.message.number, letter.priority) == (0, 9)
    none = rw.Queue(message=bytes, capacity=16, policy="drop_new", dead_letters=0)
    for _ in range(17):
        none.send(b"x")
    assert none.dead_letters() == []
    assert none.counts().dropped_new == 1
