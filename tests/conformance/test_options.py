"""Launch options: each test fails on a backend that ignores its option."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


def drained(kernel: rw.Kernel, count: int) -> list[int]:
    kernel.activate()
    return [int(kernel.receive(timeout=20)) for _ in range(count)]


def test_capacity_bounds_the_mailbox(full) -> None:
    kernel, count, _ = full(policy="reject")
    with pytest.raises(errors.QueueFull, match="16 messages"):
        kernel.send(b"%d" % count)
    assert kernel.telemetry().dropped["refused"] == 1
    assert drained(kernel, count) == list(range(count))


def test_policy_reject_refuses_a_request_too(full) -> None:
    kernel, _, _ = full(policy="reject")
    with pytest.raises(errors.QueueFull, match="reject"):
        kernel.request(b"x", timeout=20)


def test_policy_drop_new(full) -> None:
    kernel, count, _ = full(policy="drop_new")
    assert kernel.send(b"%d" % count) is False
    assert kernel.telemetry().dropped["new"] == 1
    assert drained(kernel, count) == list(range(count))


def test_policy_drop_oldest(full) -> None:
    kernel, count, oldest = full(policy="drop_oldest")
    for number in (count, count + 1):
        assert kernel.send(b"%d" % number)
    assert kernel.telemetry().dropped["oldest"] == 2
    kept = [*range(oldest), *range(oldest + 2, count + 2)]
    assert drained(kernel, count) == kept


def test_policy_block_waits_for_room(full) -> None:
    kernel, count, _ = full(policy="block", block_timeout=20.0)
    sender = threading.Thread(target=kernel.send, args=(b"%d" % count,))
    sender.start()
    assert drained(kernel, count + 1) == list(range(count + 1))
    sender.join(20)
    assert not sender.is_alive()


def test_block_timeout_ends_the_wait(full) -> None:
    kernel, count, _ = full(policy="block", block_timeout=0.05)
    start = time.monotonic()
    with pytest.raises(errors.QueueFull, match="block_timeout"):
        kernel.send(b"x")
    assert time.monotonic() - start >= 0.05
    assert drained(kernel, count) == list(range(count))


def test_message_timeout_is_the_default_of_request(runtime: rw.Runtime, options: Options) -> None:
    kernel = runtime.launch("echo", activate=False, options=options(message_timeout=0.05))
    start = time.monotonic()
    with pytest.raises(errors.Timeout, match=r"0\.05"):
        kernel.request(b"x")
    assert time.monotonic() - start >= 0.05


def test_slot_size_bounds_the_body(runtime: rw.Runtime, options: Options) -> None:
    large = runtime.launch("echo", options=options(capacity=16, staging_capacity=16, slot_size=100_000))
    assert large.request(bytes(100_000), timeout=20) == bytes(100_000)
    auto = runtime.launch("echo", options=options())
    with pytest.raises(errors.MessageTooLarge, match="slot_size"):
        auto.send(bytes(5000))
    vector_op = runtime.launch("vector_op", options=options(slot_size=64))
    with pytest.raises(errors.MessageTooLarge, match="VectorRequest"):
        vector_op.send(rw.VectorRequest(range(25), range(25)))


def test_bridge_is_the_one_asked_for(runtime: rw.Runtime, mode, options: Options) -> None:
    assert runtime.launch("echo", options=options()).bridge == mode.bridge


def test_capacity_of_the_queue_to_the_host_holds_the_kernel_back(
    runtime: rw.Runtime, options: Options, wait_until
) -> None:
    kernel = runtime.launch("echo", options=options(capacity=16, staging_capacity=16, block_timeout=0.05))
    sent = 0

    def send() -> None:
        nonlocal sent
        while sent < 1000:
            kernel.send(b"%d" % sent)
            sent += 1

    with pytest.raises(errors.QueueFull):
        send()
    # At most two queues, or five over a bridge, and what the handler holds of one.
    assert 32 <= sent <= 6 * 16
    assert [int(kernel.receive(timeout=20)) for _ in range(sent)] == list(range(sent))


def test_batch_bounds_a_turn(runtime: rw.Runtime, options: Options) -> None:
    def iterations(batch: int) -> int:
        kernel = runtime.launch("echo", activate=False, options=options(capacity=64, batch=batch))
        for _ in range(64):
            kernel.send(b"x")
        kernel.activate()
        for _ in range(64):
            kernel.receive(timeout=20)
        return kernel.telemetry().iterations

    assert iterations(1) >= 64
    assert iterations(64) < 16


def test_prefault_takes_the_pages_at_launch(runtime: rw.Runtime, options: Options) -> None:
    """In the first lap of a mailbox of 256 pages; what else the thread touches is far less."""

    def faults(prefault: bool) -> int:
        chosen = options(capacity=256, slot_size=4000, prefault=prefault)
        kernel = runtime.launch("echo", activate=False, options=chosen)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(256):
            kernel.send(body)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    body = bytes(4000)
    faults(False)
    assert faults(False) >= 256
    assert faults(True) < 128
