"""A runtime and its process: threads, signals, fork, log, interpreter exit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def test_fork_is_refused_and_harmless() -> None:
    done = run(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        import ringway as rw
        from ringway.errors import ForkedError
        runtime = rw.Runtime("cpu", workers=2)
        echo = runtime.launch("echo")
        child = os.fork()
        if child == 0:
            for call in (lambda: echo.request(b"x"), lambda: runtime.launch("echo")):
                try:
                    call()
                except ForkedError:
                    continue
                os._exit(3)
            runtime.close()
            with rw.Runtime("cpu", workers=1) as own:
                assert own.launch("echo").request(b"own", timeout=20) == b"own"
            raise SystemExit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        assert echo.request(b"parent", timeout=20) == b"parent"
        """
    )
    assert done.returncode == 0, done.stderr


def test_the_interpreter_exits_cleanly_with_kernels_running() -> None:
    done = run(
        """
        import threading
        import ringway as rw
        runtime = rw.Runtime("cpu", workers=2)
        echo = runtime.launch("echo", options=rw.LaunchOptions.low_latency())
        def wait():
            try:
                echo.receive()
            except rw.Error:
                return
        for _ in range(32):
            threading.Thread(target=wait, daemon=True).start()
        echo.request(b"x", timeout=20)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 3), ("DEBUG", 3), ("Info", 2), ("warning", 0), ("silent", 0), ("", 0)]
)
def test_log_shows_launches_and_transitions(level: str, lines: int) -> None:
    done = run(
        """
        import ringway as rw
        with rw.Runtime("cpu", workers=1) as runtime:
            runtime.launch("echo", name="one")
        """,
        RINGWAY_LOG=level,
    )
    assert done.returncode == 0
    told = {
        "launched kernel 'one' (echo)": "debug",
        "kernel 'one': launched -> active": "info",
        "kernel 'one': active -> terminated": "info",
    }
    found = [text for text in told if text in done.stderr]
    assert len(found) == lines, done.stderr


def test_a_level_that_there_is_not_is_told_once() -> None:
    done = run("import ringway as rw; [rw.Runtime('cpu').close() for _ in range(3)]", RINGWAY_LOG="Verbose")
    assert done.returncode == 0
    assert done.stderr.count("RINGWAY_LOG is 'Verbose'; it must be debug, info, warning or silent") == 1


def test_backend_from_the_environment() -> None:
    script = "import ringway as rw; print(rw.Runtime().backend)"
    assert run(script, RINGWAY_BACKEND="cpu").stdout == "cpu\n"
    assert "BackendUnavailable" in run(script, RINGWAY_BACKEND="cuda").stderr
