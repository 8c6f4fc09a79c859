"""Recordings and replay: every kernel, asyncio, a killed process, damaged and altered files, the command."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import ringway as rw
from ringway import errors, pagerank_messages
from ringway.cli.main import main

from tests.waiting import until

HEAD, CHUNK = 32, 24  # bytes of the file's head and of a chunk's


def request(op: str = "add", size: int = 10) -> rw.VectorRequest:
    return rw.VectorRequest(np.arange(size, dtype=np.float32), np.full(size, 3, np.float32), op=op)


def chunks_of(path: Path) -> list[bytes]:
    data, at, chunks = path.read_bytes(), HEAD, []
    while at < len(data):
        size = struct.unpack_from("<6I", data, at)[2]
        chunks.append(data[at + CHUNK : at + CHUNK + size])
        at += CHUNK + size
    return chunks


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    """Replace bytes in a recording, with checksums that fit."""
    assert len(old) == len(new)
    data, at, found = bytearray(path.read_bytes()), HEAD, 0
    while at < len(data):
        magic, number, size, records, _, _ = struct.unpack_from("<6I", data, at)
        body = bytes(data[at + CHUNK : at + CHUNK + size])
        found += body.count(old)
        body = body.replace(old, new)
        head = struct.pack("<5I", magic, number, size, records, zlib.crc32(body))
        data[at : at + CHUNK + size] = head + struct.pack("<I", zlib.crc32(head)) + body
        at += CHUNK + size
    assert found
    path.write_bytes(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.rwr"


@pytest.fixture
def recorded(path: Path) -> Path:
    """A recording of three additions."""
    with rw.Runtime(workers=2) as rt, rt.record(path):
        kernel = rt.launch("vector_op", name="adder")
        for _ in range(3):
            kernel.request(request(), timeout=20)
    return path


@pytest.mark.parametrize("options", [rw.LaunchOptions(), rw.LaunchOptions(bridge="pumped")])
def test_every_kernel_is_replayed_alike(path: Path, options: rw.LaunchOptions) -> None:
    with rw.Runtime(workers=2) as rt, rt.record(path):
        echo, faulty, vector, relay = (
            rt.launch(name, options=options) for name in ("echo", "faulty", "vector_op", "relay")
        )
        rt.link(relay, echo)
        for number in range(20):
            assert echo.request(b"%d" % number, timeout=20) == b"%d" % number
            assert vector.request(request("multiply"), timeout=20).success
            assert faulty.request(b"count", timeout=20) == struct.pack("<Q", number)
            relay.send(b"passed on")
            assert echo.receive(20) == b"passed on"
        with pytest.raises(errors.HandlerError, match="told to fail"):
            faulty.request(b"fail", timeout=20)
        ranks = [
            rt.launch(f"pagerank.{part}", options=options) for part in ("sender", "aggregator", "checker")
        ]
        for kernel in ranks[:2]:
            kernel.send(b"of no run")
        control = next(
            kind for name, kind in vars(pagerank_messages).items() if name == ranks[2]._core.accepts[0]
        )
        with pytest.raises(errors.HandlerError, match="no buffer"):
            ranks[2].request(control(*[0] * len(control.__match_args__)), timeout=20)
        until(lambda: all(kernel.telemetry().received for kernel in ranks))
    report = rw.replay(path)
    assert report.same, report
    assert report.complete
    assert report.ringway == rw.__version__
    assert 0 <= time.time() - report.started < 600
    assert {part.type for part in report.parts} == {
        "echo", "faulty", "vector_op", "relay", "pagerank.sender", "pagerank.aggregator", "pagerank.checker",
    }  # fmt: skip
    assert report.equal == report.out >= 82
    assert sum(part.entered for part in report.parts) == report.entered == 84


def test_a_million_messages(path: Path) -> None:
    count, received = 1_000_000, 0
    with rw.Runtime(workers=2) as rt:
        with rt.record(path) as recording:
            kernel = rt.launch("echo", options=rw.LaunchOptions(slot_size=48))
            queue = rt.queue("numbers", np.dtype("u8"))

            def take() -> None:
                nonlocal received
                while received < count // 2:
                    received += len(queue.receive_many(timeout=20))

            def drain() -> None:
                for _ in range(count // 2):
                    kernel.receive(20)

            threads = [threading.Thread(target=work) for work in (take, drain)]
            for thread in threads:
                thread.start()
            queue.send_many(np.arange(count // 2, dtype="u8"), timeout=20)
            for number in range(count // 2):
                kernel.send(b"%d" % number)
            for thread in threads:
                thread.join()
        assert recording.report.records >= 2 * count
        assert recording.report.lost == 0
    report = rw.replay(path)
    assert report.same
    assert report.entered == report.out == report.equal == count


def test_asyncio_records_too(path: Path) -> None:
    async def run() -> None:
        async with rw.AsyncRuntime(workers=2) as rt:
            with rt.record(path) as recording:
                kernel = await rt.launch("echo")
                answers = await asyncio.gather(*(kernel.request(b"%d" % i, 20) for i in range(100)))
                assert answers == [b"%d" % i for i in range(100)]
            assert recording.report.records > 200

    asyncio.run(run())
    report = rw.replay(path)
    assert report.same
    assert report.equal == 100


def test_lanes_dedup_ttl_and_queues(path: Path) -> None:
    with rw.Runtime(workers=2) as rt:
        recording = rt.record(path)
        kernel = rt.launch("echo", options=rw.LaunchOptions(lanes=True, dedup=64), activate=False)
        for number in range(60):
            kernel.send(b"%d" % number, priority=number * 4)
        kernel.send(b"late", ttl=0.01)
        time.sleep(0.05)
        kernel.activate()
        for _ in range(60):
            kernel.receive(20)
        until(kernel.dead_letters)
        queue = rt.queue("last", rw.VectorRequest, capacity=16, policy="drop_oldest")
        for number in range(20):
            queue.send(request(size=number))
        for _ in range(16):
            queue.receive(20)
        recording.stop()
        assert recording.stop() == recording.report
    report = rw.replay(path)
    assert report.same, report
    echo, last = report.parts
    assert (echo.equal, echo.withheld) == (60, 1)
    assert "lanes" in echo.unordered
    assert (last.entered, last.equal, last.dropped) == (20, 16, 4)


KILLED = """
import ringway as rw, sys
rt = rw.Runtime(workers=1)
rt.record(sys.argv[1])
kernel = rt.launch("echo")
print("ready", flush=True)
while True:
    kernel.request(b"x" * 500, timeout=20)
"""


def test_what_a_killed_process_recorded_is_replayed(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        until(lambda: path.stat().st_size > 1_000_000)
        process.kill()
    report = rw.replay(path)
    assert report.same, report
    assert not report.complete
    assert report.equal > 500
    assert "no end" in report.warnings[0]


def test_a_changed_answer_is_found_and_decoded(recorded: Path) -> None:
    assert rw.replay(recorded).same
    rewrite(recorded, struct.pack("<3f", 3, 4, 5), struct.pack("<3f", 3, 4, 6))
    report = rw.replay(recorded)
    assert not report.same
    assert (report.equal, report.different, report.missing, report.extra) == (0, 3, 0, 0)
    found = report.differences[0]
    assert (found.finding, found.what, found.where) == ("different", "answer", "adder")
    assert found.recorded is not None
    assert found.replayed is not None
    assert found.recorded.message.result[2] == 6
    assert found.replayed.message.result[2] == 5
    assert found.replayed.id == found.recorded.id
    assert rw.replay(recorded, tolerance=0.25).same
    assert not rw.replay(recorded, tolerance=0.1).same
    assert rw.replay(recorded, ignore=["VectorResponse.result"]).same
    assert len(rw.replay(recorded, limit=1).differences) == 1


def test_a_kernel_that_the_backend_lacks(recorded: Path) -> None:
    rewrite(recorded, b"vector_op", b"vector_no")
    with pytest.raises(errors.NotFound, match="has no kernel 'vector_no'"):
        rw.replay(recorded)


def test_buffers_and_what_came_before_are_said(path: Path) -> None:
    with rw.Runtime(workers=2) as rt:
        kernel = rt.launch("echo")
        buffer = rt.buffer(16)
        with rt.record(path):
            kernel.request(b"x", timeout=20)
        buffer.release()
    report = rw.replay(path)
    assert report.same
    assert any("by handle" in warning for warning in report.warnings)
    assert any("before the recording" in warning for warning in report.warnings)


def test_the_replays_own_recording_can_be_kept(recorded: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.rwr"
    assert rw.replay(recorded, output=kept).same
    assert rw.replay(kept).same
    with pytest.raises(errors.RecordingError, match="exists"):
        rw.replay(recorded, output=kept)


def test_damaged_files(recorded: Path, tmp_path: Path) -> None:
    whole = recorded.read_bytes()
    bad = tmp_path / "bad.rwr"
    bad.write_bytes(whole[:-5] + b"\x55" + whole[-4:])
    with pytest.raises(errors.RecordingError, match=r"chunk \d+ of the recording '.*bad.rwr' is damaged"):
        rw.replay(bad)
    for content in (b"", b"RWRECORD", b"x" * 1000, whole[:HEAD], whole[:8] + b"\x07" + whole[9:]):
        bad.write_bytes(content)
        with pytest.raises(errors.RecordingError, match=r"bad\.rwr"):
            rw.replay(bad)
    for absent in (tmp_path, tmp_path / "absent"):
        with pytest.raises(errors.RecordingError, match="cannot read"):
            rw.replay(absent)


def test_any_damage_is_refused_or_a_readable_prefix(recorded: Path, tmp_path: Path) -> None:
    whole = recorded.read_bytes()
    bad = tmp_path / "bad.rwr"
    random = np.random.default_rng(7)
    for _ in range(60):
        at = int(random.integers(0, len(whole)))
        if random.integers(0, 2):
            bad.write_bytes(whole[:at])
        else:
            bad.write_bytes(whole[:at] + bytes([whole[at] ^ int(random.integers(1, 256))]) + whole[at + 1 :])
        try:
            assert rw.replay(bad).same
        except errors.RecordingError:
            continue


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"path": ""}, "path is ''"),
        ({"path": 5}, "path is 5"),
        ({"on_full": "wait"}, "on_full is 'wait'"),
        ({"buffer": 10}, "buffer is 10"),
        ({"buffer": "large"}, "buffer is 'large'"),
    ],
)
def test_wrong_arguments_of_record(path: Path, arguments: dict[str, object], text: str) -> None:
    with rw.Runtime(workers=1) as rt:
        with pytest.raises(errors.InvalidOption, match=text):
            rt.record(**{"path": path, **arguments})  # type: ignore[arg-type]
        with pytest.raises(errors.RecordingError, match="cannot create"):
            rt.record(path.parent / "no" / "folder")
        with rt.record(path), pytest.raises(errors.InvalidState, match="already"):
            rt.record(path.with_suffix(".other"))
        with pytest.raises(errors.RecordingError, match="overwrite=True"):
            rt.record(path)
        rt.record(path, overwrite=True).stop()
    with pytest.raises(errors.Closed):
        rt.record(path)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"speed": 0}, "speed is 0"),
        ({"speed": "fast"}, "speed is 'fast'"),
        ({"tolerance": -1}, "tolerance is -1"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"workers": 0}, "workers is 0"),
        ({"chunks": 0}, "chunks is 0"),
        ({"limit": -1}, "limit is -1"),
        ({"backend": 3}, "backend is 3"),
        ({"ignore": "VectorResponse.result"}, "ignore is"),
        ({"ignore": ["result"]}, "ignore holds 'result'"),
        ({"output": b"bytes"}, "output is b'bytes'"),
    ],
)
def test_wrong_arguments_of_replay(recorded: Path, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(errors.InvalidOption, match=text):
        rw.replay(recorded, **arguments)  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_the_recording_and_is_said(tmp_path: Path) -> None:
    with rw.Runtime(workers=1) as rt:
        kernel = rt.launch("echo")
        with pytest.raises(errors.RecordingError, match="No space"):
            rt.record("/dev/full", overwrite=True)
        assert kernel.request(b"goes on", timeout=20) == b"goes on"
        rt.record(tmp_path / "next").stop()


LIMITED = """
import os, resource, sys, time
import ringway as rw
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with rw.Runtime(workers=1) as rt:
    recording = rt.record(sys.argv[1])
    kernel = rt.launch("echo")
    for _ in range(200):
        kernel.request(b"x" * 1000, timeout=20)
    while os.path.getsize(sys.argv[1]) < 400_000:  # its thread writes when it comes to it
        time.sleep(0.01)
    for _ in range(2800):
        kernel.request(b"x" * 1000, timeout=20)
    try:
        recording.stop()
    except rw.errors.RecordingError as error:
        print(error)
    print(recording.report.lost > 0)
"""


def test_a_file_that_cannot_grow_ends_the_recording_not_the_runtime(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True, timeout=60
    )
    text, lost = ran.stdout.splitlines()
    assert "ended early: File too large" in text
    assert lost == "True"
    report = rw.replay(path)
    assert report.same
    assert report.equal > 100


def test_command_says_the_same(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recorded)]) == 0
    out = capsys.readouterr().out
    assert "adder" in out
    assert "the same: 3 messages in, 3 out; 3 equal, 0 different, 0 missing, 0 extra" in out


def test_command_shows_what_differs(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(recorded, b"\x00\x00\x40\x40\x00\x00\x80\x40", b"\x00\x00\x40\x40\x00\x00\x80\x41")
    assert main(["replay", str(recorded), "--limit", "2"]) == 1
    out = capsys.readouterr().out
    assert "different: answer of adder, message " in out
    assert "recorded  VectorResponse(" in out
    assert "and 1 more" in out
    assert "not the same" in out
    assert main(["replay", str(recorded), "--json", "--workers", "1"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["same"]
    assert document["different"] == 3
    assert document["differences"][0]["replayed"].startswith("VectorResponse(")
    options = ["--ignore", "VectorResponse.result", "--speed", "1000", "--import", "json"]
    assert main(["replay", str(recorded), *options]) == 0


def test_command_errors(tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "absent")]) == 1
    assert "cannot read the recording" in capsys.readouterr().err
    assert main(["replay", str(recorded), "--import", "no_such_module"]) == 1
    assert main(["replay", str(recorded), "--backend", "abacus"]) == 1
    for wrong in (["--speed", "0"], ["--speed", "quick"], ["--chunks", "0"], []):
        with pytest.raises(SystemExit) as ended:
            main(["replay", *([str(recorded)] if wrong else []), *wrong])
        assert ended.value.code == 2
    assert main(["replay", str(recorded), "--speed", "as-fast-as-possible"]) == 0


def test_command_decodes_a_users_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @rw.message
    class Weather:
        degrees: rw.f64

    target = tmp_path / "weather"
    with rw.Runtime(workers=1) as rt, rt.record(target):
        assert rt.launch("echo").request(Weather(21.5), timeout=20).degrees == 21.5
    # The answer, which comes last, is altered.
    rewrite_last(target, b"\x00\x00\x00\x00\x00\x80\x35\x40", b"\x00\x00\x00\x00\x00\x80\x36\x40")
    assert main(["replay", str(target)]) == 1
    assert "Weather(degrees=22.5)" in capsys.readouterr().out


def rewrite_last(target: Path, old: bytes, new: bytes) -> None:
    marked = b"12345678"
    data = target.read_bytes()
    assert data.count(old) == 2
    at = data.rindex(old)
    target.write_bytes(data[:at] + marked + data[at + len(old) :])
    rewrite(target, marked, new)
