"""`ringway top` over a runtime in another process; sockets of the dead, of others, and of none."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
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
    assert lines[0].startswith(f"process {server.pid}: -c, ringway {rw.__version__}, up ")
    assert lines[1].split() == [
        "kernel",
        "state",
        "messages/s",
        "sent/s",
        "depth",
        "dropped",
        "errors",
        "p50",
        "p99",
        "p99.9",
    ]
    assert any(line.startswith("echo one  active") for line in lines)
    assert any(line.startswith("relay → echo one") for line in lines)


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
    from ringway.cli import top

    before = {"clock": 10.0, "kernels": {"a": {"processed": 100, "uptime": 50.0}}}
    now = {
        "clock": 12.0,
        "kernels": {"a": {"processed": 300, "uptime": 52.0}, "b": {"processed": 30, "uptime": 3.0}},
    }
    assert dict(top.rates(now, before, "processed")) == {"a": 100.0, "b": 10.0}
    before["kernels"]["a"]["processed"] = 301  # type: ignore[index]  # it was reset in between
    assert dict(top.rates(now, before, "processed"))["a"] == 300 / 52


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
        (0, "the process has ended, or its runtimes are closed\n"),
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
    (path,) = find.runtimes(server.pid)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder.chmod(0o755)
    with pytest.raises(errors.Error, match="mode 0700"):
        find.sockets()


def test_a_dead_process_leaves_nothing_behind(server: subprocess.Popen[str], folder: Path) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait(20)
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(errors.NotFound, match="no process of this user"):
        find.runtimes(None)
    assert list(folder.iterdir()) == []


def test_a_stopped_process_is_named(server: subprocess.Popen[str]) -> None:
    server.send_signal(signal.SIGSTOP)
    os.waitpid(server.pid, os.WUNTRACED)  # until it has stopped
    (path,) = find.runtimes(server.pid)
    with pytest.raises(errors.Timeout, match=f"process {server.pid} does not answer"):
        find.ask(path, timeout=0.1)


def test_none_and_several_are_errors_with_advice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--once"]) == 1
    assert "RINGWAY_EXPORT=1" in capsys.readouterr().err
    with started(", export=True") as one, started(", export=True") as two:
        with pytest.raises(
            errors.NotFound, match=f"name one: {min(one.pid, two.pid)}, {max(one.pid, two.pid)}"
        ):
            find.runtimes(None)
        with pytest.raises(errors.NotFound, match=f"process 1 exports no runtime.*{one.pid}"):
            find.runtimes(1)
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
                peer.sendall(b'{"format": 2, "pid": 7, "ringway": "9.9"}')

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(errors.Error, match=r"runs ringway 9\.9"):
            find.ask(path)
        thread.join()
