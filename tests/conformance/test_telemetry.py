"""Counters and latencies from Python: options, reset, on and off, snapshots of a whole runtime."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


def test_latency_sample_is_honoured(runtime: rw.Runtime, options: Options) -> None:
    for sample, expected in ((0, 0), (1, 64), (16, 4), (64, 1)):
        kernel = runtime.launch("echo", options=options(latency_sample=sample))
        for _ in range(64):
            kernel.request(b"x", timeout=20)
        assert kernel.telemetry().latency.count == expected


def test_telemetry_option_is_honoured(runtime: rw.Runtime, options: Options) -> None:
    kernel = runtime.launch("echo", options=options(telemetry=False))
    assert kernel.telemetry_enabled is False
    kernel.request(b"x", timeout=20)
    assert kernel.telemetry().processed == 0
    kernel.telemetry_enabled = True
    kernel.request(b"x", timeout=20)
    assert kernel.telemetry().processed == 1
    assert kernel.terminate().processed == 2


@pytest.mark.parametrize("value", [-1, 3, 1 << 21])
def test_latency_sample_is_validated(value: int, options: Options) -> None:
    with pytest.raises(
        errors.InvalidOption, match=rf"latency_sample is {value}; it must be 0 \(none\) or a power"
    ):
        options(latency_sample=value)


def test_latency_is_in_seconds(runtime: rw.Runtime, options: Options) -> None:
    kernel = runtime.launch("echo", activate=False, options=options(latency_sample=1))
    kernel.send(b"x")
    time.sleep(0.03)
    kernel.activate()
    kernel.receive(timeout=20)
    latency = kernel.telemetry().latency
    assert 0.028 <= latency.p50 < 20
    assert latency.p50 == latency.p99 == latency.p999 == latency.quantile(0)
    assert 0.03 <= latency.total == latency.mean
    bounds = [bound for bound, _ in latency.buckets]
    assert bounds == sorted(bounds)
    assert next(bound for bound, below in latency.buckets if below) >= 0.03
    assert latency.buckets[-1][1] == 1
    with pytest.raises(errors.InvalidOption, match=r"from 0 to 1, not 1\.5"):
        latency.quantile(1.5)


def test_reset_and_snapshot_of_a_runtime(runtime: rw.Runtime) -> None:
    relay = runtime.launch("relay", name="relay")
    echo = runtime.launch("echo", name="echo")
    runtime.link(relay, echo)
    for _ in range(3):
        relay.send(b"x")
    for _ in range(3):
        echo.receive(timeout=20)
    seen = runtime.telemetry()
    assert list(seen.kernels) == ["relay", "echo"]
    assert seen.kernels["echo"].state == "active"
    assert [(link.source, link.target, link.received, link.capacity) for link in seen.links] == [
        ("relay", "echo", 3, 4096)
    ]
    assert "processed=3" in repr(seen.kernels["echo"])
    runtime.reset_telemetry()
    seen = runtime.telemetry()
    assert (seen.kernels["relay"].sent, seen.links[0].received) == (0, 0)
    assert seen.kernels["relay"].last_message > 0


def test_queues_are_in_the_snapshot_and_reset_with_it(runtime: rw.Runtime) -> None:
    jobs = runtime.queue("jobs", bytes, capacity=16, policy="reject")
    began = time.time()
    for _ in range(16):
        jobs.send(b"x")
    with pytest.raises(errors.QueueFull):
        jobs.send(b"x")
    assert jobs.receive(timeout=20) == b"x"
    seen = runtime.telemetry().queues
    assert list(seen) == ["jobs"]
    assert (seen["jobs"].sent, seen["jobs"].received, seen["jobs"].depth, seen["jobs"].capacity) == (
        16,
        1,
        15,
        16,
    )
    assert seen["jobs"].dropped == {"new": 0, "oldest": 0, "refused": 1}
    assert seen["jobs"].latency.count == 1
    assert abs(seen["jobs"].last_message - began) < 60
    runtime.reset_telemetry()
    seen = runtime.telemetry().queues
    assert (seen["jobs"].sent, seen["jobs"].depth, seen["jobs"].latency.count) == (0, 15, 0)
    assert jobs.counts() == rw.QueueCounts(15, 16, 1, 0, 0, 1)
    assert "depth=15 of 16" in repr(jobs.telemetry())
    jobs.close()
    assert not runtime.telemetry().queues


def test_a_queue_without_telemetry_times_nothing() -> None:
    with rw.Queue("alone", bytes) as queue:
        assert queue.telemetry_enabled
        queue.telemetry_enabled = False
        for _ in range(64):
            queue.send(b"x")
            queue.receive(timeout=20)
        assert (queue.telemetry().latency.count, queue.telemetry().last_message) == (0, 0)
        assert queue.aio().telemetry().received == 64
        queue.reset_telemetry()
        assert queue.telemetry().sent == 0


def test_the_outbox_has_a_depth_too(runtime: rw.Runtime) -> None:
    kernel = runtime.launch("echo")
    for _ in range(5):
        kernel.send(b"x")
    while kernel.telemetry().outbox_depth < 5:  # behind a bridge, later than they are sent
        time.sleep(0.001)
    assert kernel.telemetry().sent == 5
    kernel.receive(timeout=20)
    assert kernel.telemetry().outbox_depth == 4


def test_the_same_for_asyncio(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            kernel = await runtime.launch("echo", name="echo", options=rw.LaunchOptions(telemetry=False))
            await kernel.request(b"x", timeout=20)
            assert runtime.telemetry().kernels["echo"].processed == 0
            kernel.telemetry_enabled = True
            await kernel.request(b"x", timeout=20)
            assert kernel.telemetry().processed == 1
            kernel.reset_telemetry()
            assert kernel.telemetry().processed == 0
            runtime.reset_telemetry()

    asyncio.run(main())
