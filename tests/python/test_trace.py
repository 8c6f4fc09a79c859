"""Traces: valid JSON whose slices nest, whose counts equal telemetry, and whose memory is bounded."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ringway as rw
from ringway import errors


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime(workers=2, name="traced") as started:
        yield started


def read(path: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """What the file says of itself, and its events by phase."""
    whole = json.loads(path.read_text())
    assert set(whole) == {"displayTimeUnit", "otherData", "traceEvents"}
    phases = defaultdict(list)
    for event in whole["traceEvents"]:
        assert event["pid"] == os.getpid()
        assert event["ph"] == "M" or event["ts"] >= 0
        phases[event["ph"]].append(event)
    return whole["otherData"], phases


def check_nesting(slices: list[dict[str, Any]]) -> None:
    """Slices of a track lie beside or inside each other."""
    tracks = defaultdict(list)
    for one in slices:
        tracks[one["tid"]].append((round(one["ts"] * 1e3), -round(one["dur"] * 1e3)))
    for track in tracks.values():
        open_until: list[int] = []
        for began, length in sorted(track):
            while open_until and open_until[-1] <= began:
                open_until.pop()
            assert not open_until or began - length <= open_until[-1]
            open_until.append(began - length)


def quiet(*kernels: rw.Kernel) -> None:
    """Once back, the turns that handled what was sent are over."""
    for kernel in kernels:
        kernel.deactivate()


def test_slices_nest_and_count_what_telemetry_counts(runtime: rw.Runtime, tmp_path: Path) -> None:
    options = rw.LaunchOptions(latency_sample=1)
    relay = runtime.launch("relay", name="relay", options=options)
    with runtime.trace(tmp_path / "t.json", interval=0.001):
        echo = runtime.launch("echo", name='a "late" one', options=options)
        runtime.link(relay, echo)
        jobs = runtime.queue("jobs", bytes)
        for _ in range(200):
            relay.send(b"x")
            jobs.send(b"x")
        for _ in range(200):
            echo.receive(timeout=20)
        for _ in range(50):
            echo.request(b"y", timeout=20)
        quiet(relay, echo)
        time.sleep(0.01)
        seen = runtime.telemetry().kernels
    about, events = read(tmp_path / "t.json")
    assert (about["runtime"], about["ringway"]) == ("traced", rw.__version__)
    assert about["dropped_turns"] == about["dropped_arrows"] == about["dropped_depths"] == 0
    check_nesting(events["X"])
    turns = [event for event in events["X"] if event["cat"] == "turn"]
    for name, kernel in seen.items():
        of = [event["args"] for event in turns if event["name"] == name]
        assert sum(args["messages"] for args in of) == kernel.received > 0
        assert sum(args["sent"] for args in of) == kernel.sent > 0
    # Arrows: each begins and ends in a slice; those from the host are all there.
    starts, ends = ({event["id"]: event for event in events[phase]} for phase in "sf")
    assert set(starts) == set(ends)
    from_host = [event for event in events["X"] if event["cat"] == "send"]
    assert len(from_host) == 250
    link = seen["relay"], runtime.telemetry().links[0].latency.count
    assert len(starts) == 250 + link[1]
    for number, start in starts.items():
        end = ends[number]
        assert end["ts"] >= start["ts"]
        for event in (start, end):
            assert any(
                one["tid"] == event["tid"] and one["ts"] <= event["ts"] <= one["ts"] + one["dur"] + 1e-3
                for one in events["X"]
            )
    counters = {event["name"] for event in events["C"]}
    assert {"relay.mailbox", "relay.outbox", 'a "late" one.mailbox', "jobs"} <= counters
    assert [event["args"]["messages"] for event in events["C"] if event["name"] == "jobs"][-1] == 200
    titles = {(event["name"], event["args"]["name"]) for event in events["M"]}
    assert titles >= {("process_name", "ringway traced"), ("thread_name", "worker 1")}


def test_memory_is_bounded_and_drops_are_said(runtime: rw.Runtime, tmp_path: Path) -> None:
    kernel = runtime.launch("echo", options=rw.LaunchOptions(latency_sample=1, worker=0))
    with runtime.trace(tmp_path / "t.json", events=10):
        for _ in range(100):
            kernel.request(b"x", timeout=20)
        quiet(kernel)
    about, events = read(tmp_path / "t.json")
    turns = [event for event in events["X"] if event["cat"] == "turn"]
    assert len(turns) == 10
    assert about["dropped_turns"] == 90
    assert about["dropped_arrows"] == 90
    check_nesting(events["X"])
    assert [turn["ts"] for turn in turns] == sorted(turn["ts"] for turn in turns)


def test_nothing_is_kept_before_or_after(runtime: rw.Runtime, tmp_path: Path) -> None:
    kernel = runtime.launch("echo", name="echo")
    kernel.request(b"before", timeout=20)
    trace = runtime.trace(str(tmp_path / "t.json"))
    trace.start()
    trace.stop()
    trace.stop()
    kernel.request(b"after", timeout=20)
    assert not read(tmp_path / "t.json")[1]["X"]
    with runtime.trace(tmp_path / "u.json"):
        kernel.request(b"again", timeout=20)
        quiet(kernel)
    turns = [event for event in read(tmp_path / "u.json")[1]["X"] if event["cat"] == "turn"]
    assert [turn["args"]["messages"] for turn in turns] == [1]


def test_one_at_a_time_and_wrong_arguments(runtime: rw.Runtime, tmp_path: Path) -> None:
    trace = runtime.trace(tmp_path / "t.json")
    with trace:
        with pytest.raises(errors.InvalidState, match="being taken already"):
            runtime.trace(tmp_path / "u.json").start()
        with pytest.raises(errors.InvalidState, match="was begun before"):
            trace.start()
    with pytest.raises(errors.InvalidState, match="was begun before"):
        trace.start()
    with pytest.raises(errors.Error, match=r"cannot write a trace to .*: No such file"):
        runtime.trace(tmp_path / "none" / "t.json").start()
    for events in (0, -1, 1 << 25, 1.5, "many"):
        with pytest.raises(errors.InvalidOption, match="events"):
            runtime.trace(tmp_path / "v.json", events=events).start()  # type: ignore[arg-type]
    for interval in (0, -1.0, float("nan"), "often"):
        with pytest.raises(errors.InvalidOption, match="interval"):
            runtime.trace(tmp_path / "v.json", interval=interval)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidOption, match="path"):
        runtime.trace(5)  # type: ignore[arg-type]
    with runtime.trace(tmp_path / "w.json"):  # what was refused left nothing behind
        runtime.launch("echo")
    assert (tmp_path / "w.json").stat().st_size


def test_a_runtime_that_is_closed_meanwhile_is_written(tmp_path: Path) -> None:
    with rw.Runtime(workers=1) as runtime:
        kernel = runtime.launch("echo", name="echo")
        trace = runtime.trace(tmp_path / "t.json")
        trace.start()
        kernel.request(b"x", timeout=20)
        quiet(kernel)
    trace.stop()
    names = [event["name"] for event in read(tmp_path / "t.json")[1]["X"] if event["cat"] == "turn"]
    assert names == ["echo"]
    with pytest.raises(errors.Closed):
        runtime.trace(tmp_path / "t.json").start()


def test_a_child_after_fork_writes_nothing(runtime: rw.Runtime, tmp_path: Path) -> None:
    with runtime.trace(tmp_path / "t.json") as trace:
        child = os.fork()
        if not child:
            trace.stop()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    read(tmp_path / "t.json")


def test_the_same_for_asyncio(tmp_path: Path) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            kernel = await runtime.launch("echo", name="echo")
            async with runtime.trace(tmp_path / "t.json"):
                for _ in range(5):
                    await kernel.request(b"x", timeout=20)
                await kernel.deactivate()

    asyncio.run(main())
    turns = [event for event in read(tmp_path / "t.json")[1]["X"] if event["cat"] == "turn"]
    assert sum(turn["args"]["messages"] for turn in turns) == 5


def test_replicas_have_a_track_each(runtime: rw.Runtime, tmp_path: Path) -> None:
    kernel = runtime.launch("echo", name="both", grid=2)
    with runtime.trace(tmp_path / "t.json"):
        for _ in range(500):
            kernel.send(b"x")
        for _ in range(500):
            kernel.receive(timeout=20)
        quiet(kernel)
    _, events = read(tmp_path / "t.json")
    check_nesting(events["X"])
    assert sum(event["args"]["messages"] for event in events["X"] if event["cat"] == "turn") == 500
