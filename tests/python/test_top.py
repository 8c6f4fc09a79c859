"""`ringway top` over a runtime in another process; sockets of the dead, of others, and of none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ringway as rw
from ringway import errors
from ringway.cli import main
from ringway.telemetry import find
from ringway.telemetry.export import directory

SERVER = """
import sys, ringway as rw
with rw.Runtime("cpu", workers=1{export}) as runtime:
    relay, echo = runtime.launch("relay", name="relay"), runtime.launch("echo", name="echo one")
    runtime.link(relay, echo)
    runtime.launch("faulty", name="far", options=rw.LaunchOptions(bridge="pumped")).request(b"x")
    jobs = runtime.queue("jobs", bytes, capacity=16)
    jobs.send(b"x")
    for _ in range(100):
        echo.request(b"x")
    print("ready", flush=True)
    for line in sys.stdin:
        echo.request(b"x")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "ringway"


@pytest.fixture
def server(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with started(", export=True") as child:
        yield child
        child.kill()


def started(export: str, **environment: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(export=export)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_once_shows_kernels_and_links(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", str(server.pid), "--once"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"process {server.pid}: -c, runtime-0, ringway {rw.__version__}, up ")
    titles = "kernel state messages/s sent/s depth outbox dropped errors restarts p50 p99 p99.9"
    assert lines[1].split() == titles.split()
    assert any(line.startswith("echo one  active") for line in lines)
    assert any(line.startswith("relay → echo one") for line in lines)
    (queue,) = (line.split() for line in lines if line.startswith("jobs "))
    assert queue[3:6] == ["1", "16", "0"]
    assert any(
        line.split() == ["bridge", "to_device/s", "to_host/s", "in_full", "out_full"] for line in lines
    )


def test_rows_are_sorted_by_a_column(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def kernels(*words: str) -> list[str]:
        assert main(["top", "--once", *words]) == 0
        lines = capsys.readouterr().out.splitlines()[2:5]
        return [line.split("  ")[0] for line in lines]

    assert kernels() == ["relay", "echo one", "far"]
    assert kernels("--sort", "kernel") == ["echo one", "far", "relay"]
    assert kernels("--sort", "messages/s") == ["echo one", "far", "relay"]
    with pytest.raises(SystemExit):
        main(["top", "--sort", "colour"])


def test_a_terminal_is_drawn_again_in_place(server: subprocess.Popen[str]) -> None:
    import pty

    master, slave = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-m", "ringway", "top", "--interval", "0.05"],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(slave)
    seen = b""
    while seen.count(b"\x1b[H\x1b[J") < 3:
        seen += os.read(master, 1 << 16)
    screens = seen.split(b"\x1b[H\x1b[J")
    assert screens[0] == b""
    assert all(b"echo one" in screen and b"jobs" in screen for screen in screens[1:-1])
    watching.send_signal(signal.SIGINT)
    rest = b""
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while piece := os.read(master, 1 << 16):
            rest += piece
    assert watching.wait(20) == 130
    assert b"interrupted" in rest
    os.close(master)


def test_a_stuck_kernel_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rw.Runtime(workers=1, export=True, watchdog=0.05, name="mine") as runtime:
        kernel = runtime.launch("faulty", name="hangs", options=rw.LaunchOptions(batch=1))
        kernel.send(b"hang 1500")
        while not kernel.telemetry().stuck:
            time.sleep(0.01)
        assert main(["top", "--once"]) == 0
        out = capsys.readouterr().out
        assert ", mine, ringway" in out
        assert "hangs   stuck" in out
        kernel.receive(timeout=20)


def test_shared_queues_of_the_user_are_shown(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"top{os.getpid()}"
    with rw.Queue.create_shared(name, bytes, capacity=32) as queue:
        queue.send(b"x")
        assert main(["top", "--once"]) == 0
        assert re.search(rf"^{name} +1 +32 ", capsys.readouterr().out, re.MULTILINE)
    rw.remove_shared_queue(name)


def test_a_trace_of_another_process(
    server: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.json"
    assert main(["trace", str(server.pid), "--seconds", "0.2", "--output", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: ")
    trace = json.loads(path.read_text())
    assert trace["otherData"]["seconds"] >= 0.2
    assert {event["pid"] for event in trace["traceEvents"]} == {server.pid}


def test_telemetry_is_answered_while_a_trace_is_taken_and_a_second_trace_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import threading

    with rw.Runtime("cpu", workers=1, export=True) as runtime:
        (path,) = find.runtimes()
        traced: list[bytes] = []
        taking = threading.Thread(target=lambda: traced.append(find.fetch(path, b"trace 3", 60)))
        taking.start()
        time.sleep(0.2)
        assert find.ask(path, timeout=1) is not None
        taking.join()
        assert "traceEvents" in json.loads(traced[0])
        with runtime.trace(tmp_path / "mine.json"):
            assert main(["trace", "--seconds", "0.001", "--output", str(tmp_path / "other.json")]) == 1
        assert "being taken already" in capsys.readouterr().err
    assert not (tmp_path / "other.json").exists()


def test_json_is_found_without_a_number(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--once", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["pid"] == server.pid
    echo = answer["kernels"]["echo one"]
    assert (echo["processed"], echo["state"], echo["depth"], echo["dropped"]["late"]) == (100, "active", 0, 0)
    assert 0 < echo["latency"]["p50"] <= echo["latency"]["p999"] < 10


def test_rates_are_of_the_time_between_two_looks(
    server: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ringway.cli.top_tables import rows

    before = {"clock": 10.0, "kernels": {"a": {"processed": 100, "uptime": 50.0}}}
    now = {
        "clock": 12.0,
        "uptime": 60.0,
        "kernels": {"a": {"processed": 300, "uptime": 52.0}, "b": {"processed": 30, "uptime": 3.0}},
    }

    def rates() -> dict[str, float]:
        return {row["name"]: row["processed/s"] for row in rows(now, before, "kernels")}

    assert rates() == {"a": 100.0, "b": 10.0}
    before["kernels"]["a"]["processed"] = 301  # type: ignore[index]  # it was reset in between
    assert rates()["a"] == 300 / 52


def test_live_ends_with_the_process(server: subprocess.Popen[str]) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "ringway", "top", "--interval", "0.05", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    second = json.loads(watching.stdout.readline())
    assert second[0]["clock"] > first[0]["clock"]
    server.kill()
    server.wait(20)
    _, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) in (
        (0, "the processes have ended, or their runtimes are closed\n"),
        (1, err),
    )


def test_the_environment_variable_exports_too(folder: Path) -> None:
    with started("", RINGWAY_EXPORT="0") as child:
        assert find.sockets() == {}
        child.kill()
    with started("", RINGWAY_EXPORT="1") as child:
        assert list(find.sockets()) == [child.pid]
        child.kill()


def test_sockets_are_this_users_alone(server: subprocess.Popen[str], folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (path,) = find.runtimes([server.pid])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder.chmod(0o755)
    with pytest.raises(errors.Error, match="mode 0700"):
        find.sockets()


def test_a_dead_process_leaves_nothing_behind(server: subprocess.Popen[str], folder: Path) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait(20)
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(errors.NotFound, match="no process of this user"):
        find.runtimes()
    assert list(folder.iterdir()) == []


def test_a_stopped_process_is_named(server: subprocess.Popen[str]) -> None:
    server.send_signal(signal.SIGSTOP)
    os.waitpid(server.pid, os.WUNTRACED)  # until it has stopped
    (path,) = find.runtimes([server.pid])
    with pytest.raises(errors.Timeout, match=f"process {server.pid} does not answer"):
        find.ask(path, timeout=0.1)
    with pytest.raises(errors.Timeout):
        main_look([server.pid])


def main_look(pids: list[int]) -> None:
    from ringway.cli.top import look

    look(pids)


def test_none_is_an_error_with_advice_and_several_are_all_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--once"]) == 1
    assert "RINGWAY_EXPORT=1" in capsys.readouterr().err
    with started(", export=True") as one, started(", export=True") as two:
        assert main(["top", "--once", "--json"]) == 0
        answers = json.loads(capsys.readouterr().out)
        assert [answer["pid"] for answer in answers] == sorted([one.pid, two.pid])
        assert main(["top", "--once", str(two.pid)]) == 0
        out = capsys.readouterr().out
        assert f"process {two.pid}" in out
        assert f"process {one.pid}" not in out
        with pytest.raises(errors.NotFound, match=f"process 1 exports no runtime.*{one.pid}"):
            find.runtimes([1])
        one.send_signal(signal.SIGSTOP)  # the other is shown still
        os.waitpid(one.pid, os.WUNTRACED)
        assert main(["top", "--once"]) == 0
        assert f"process {two.pid}" in capsys.readouterr().out
        one.kill()
        two.kill()


def test_closing_removes_the_socket(folder: Path) -> None:
    with rw.Runtime("cpu", workers=1, export=True) as runtime:
        runtime.launch("echo")
        (paths,) = find.sockets().values()
        answer = find.ask(paths[0])
        assert answer is not None
        assert answer["pid"] == os.getpid()
    assert list(folder.iterdir()) == []
    assert find.ask(paths[0]) is None


def test_a_child_after_fork_leaves_the_socket_alone(folder: Path) -> None:
    with rw.Runtime("cpu", workers=1, export=True) as runtime:
        child = os.fork()
        if not child:
            runtime.close()
            os._exit(0)
        os.waitpid(child, 0)
        (paths,) = find.sockets().values()
        assert find.ask(paths[0]) is not None


def test_another_format_is_refused(folder: Path) -> None:
    import socket
    import threading

    path = directory() / f"{os.getpid()}-99.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b'{"format": 9, "pid": 7, "ringway": "9.9"}')

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(errors.Error, match=r"runs ringway 9\.9"):
            find.ask(path)
        thread.join()
