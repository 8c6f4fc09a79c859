"""Options of the CPU backend, validation, presets. Those of every backend: tests/conformance."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ringway as rw
from ringway import _core, errors


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2, assist=False) as started:
        yield started


def worker_ticks() -> int:
    """Processor time of this process's other threads, in clock ticks."""
    me = threading.get_native_id()
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != me:
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's process files")
def test_idle_spin_takes_a_core_and_park_does_not(runtime: rw.Runtime) -> None:
    parked = runtime.launch("echo")
    parked.request(b"x", timeout=20)
    time.sleep(0.05)
    before = worker_ticks()
    time.sleep(0.5)
    assert worker_ticks() - before <= 2
    spinning = runtime.launch("echo", options=rw.LaunchOptions(idle="spin", worker=0))
    before = worker_ticks()
    end = time.monotonic() + 30
    while worker_ticks() - before < 10:
        assert time.monotonic() < end
        time.sleep(0.05)
    spinning.terminate()
    time.sleep(0.05)
    before = worker_ticks()
    time.sleep(0.5)
    assert worker_ticks() - before <= 2


def test_idle_poll_looks_every_interval(runtime: rw.Runtime) -> None:
    slow = runtime.launch("echo", options=rw.LaunchOptions(idle="poll", poll_interval=0.2, worker=0))
    time.sleep(0.05)
    start = time.monotonic()
    for _ in range(3):
        assert slow.request(b"x", timeout=20) == b"x"
    assert time.monotonic() - start >= 0.2


def test_worker_is_where_the_kernel_lives(runtime: rw.Runtime) -> None:
    assert runtime.workers == 2
    with pytest.raises(errors.InvalidOption, match="number of workers, 2"):
        runtime.launch("echo", options=rw.LaunchOptions(worker=2))
    assert [runtime.launch("echo", options=rw.LaunchOptions(worker=1)).worker for _ in range(3)] == [1] * 3
    assert sorted(runtime.launch("echo").worker for _ in range(2)) == [0, 1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity", 17),
        ("capacity", 8),
        ("capacity", 1 << 21),
        ("slot_size", 0),
        ("slot_size", "large"),
        ("slot_size", 1 << 24),
        ("policy", "explode"),
        ("block_timeout", -1.0),
        ("block_timeout", float("nan")),
        ("message_timeout", float("inf")),
        ("idle", "sleep"),
        ("poll_interval", 0.0),
        ("batch", 0),
        ("worker", -1),
        ("bridge", "tunnel"),
        ("staging_capacity", 1000),
        ("device_polls", -1),
        ("device_polls", 1_000_001),
        ("on_error", "retry"),
        ("restart_limit", -1),
        ("restart_limit", 1_000_001),
        ("restart_backoff", -0.1),
        ("restart_backoff", float("nan")),
    ],
)
def test_validation_names_field_value_and_range(field: str, value: object) -> None:
    with pytest.raises(errors.InvalidOption, match=rf"LaunchOptions\.{field} is .*; it must be"):
        rw.LaunchOptions(**{field: value})  # type: ignore[arg-type]


def test_the_cpu_refuses_to_poll_for_a_gpu(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.InvalidOption, match=r"is 5; on the CPU it must be 0.*idle='spin'"):
        runtime.launch("echo", options=rw.LaunchOptions(device_polls=5))


def test_presets() -> None:
    assert rw.LaunchOptions.production() == rw.LaunchOptions(dedup=1024)
    low = rw.LaunchOptions.low_latency()
    assert (low.capacity, low.policy, low.idle, low.prefault) == (256, "reject", "spin", True)
    assert low.dedup == 256
    high = rw.LaunchOptions.high_throughput()
    assert (high.capacity, high.batch) == (16384, 1024)


@pytest.mark.parametrize("runtime_class", [rw.Runtime, rw.AsyncRuntime])
@pytest.mark.parametrize("assist", [True, False])
def test_assist_reaches_the_native_runtime(
    monkeypatch: pytest.MonkeyPatch, runtime_class: type, assist: bool
) -> None:
    """What it does there is tested there: tests/litmus/test_worker_parking.cpp."""
    given: list[object] = []

    def start(*arguments: object) -> None:
        given.extend(arguments)
        raise rw.Error("enough")

    monkeypatch.setattr(_core, "Runtime", start)
    with pytest.raises(rw.Error, match="enough"):
        runtime_class("cpu", assist=assist)
    assert given[2] is assist
