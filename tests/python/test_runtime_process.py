"""A runtime and its process: threads, signals, fork, log, interpreter exit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

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


def test_a_forkserver_s_children_have_runtimes_of_their_own(tmp_path: Path) -> None:
    """Of a server that was started before, or after, the parent's runtime; queues are handed over by name."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import multiprocessing, os
            import ringway as rw

            def child(queue, before):
                with rw.Runtime("cpu", workers=1) as runtime:
                    queue.send(runtime.launch("echo").request(before, timeout=20))
                queue.close()

            if __name__ == "__main__":
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload(["ringway"])
                name = f"server{os.getpid()}"
                with rw.Queue.create_shared(name, bytes, capacity=16, slot_size=64) as queue:
                    for turn in (b"first", b"second"):
                        process = context.Process(target=child, args=(queue, turn))
                        process.start()
                        assert queue.receive(timeout=60) == turn
                        process.join(20)
                        assert process.exitcode == 0
                        runtime = rw.Runtime("cpu", workers=1)
                        assert runtime.launch("echo").request(b"x", timeout=20) == b"x"
                rw.remove_shared_queue(name)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr


def test_fork_with_an_open_runtime_for_asyncio() -> None:
    done = run(
        """
        import asyncio, os, warnings
        warnings.simplefilter("ignore")
        import ringway as rw
        from ringway.errors import ForkedError, Timeout

        async def in_child(runtime, echo, queue):
            for call in (
                lambda: echo.request(b"x", timeout=5),
                lambda: echo.send(b"x"),
                lambda: echo.receive(timeout=5),
                lambda: runtime.launch("echo"),
                lambda: queue.send(b"x"),
            ):
                try:
                    await call()
                except ForkedError:
                    continue
                return 3
            await runtime.close()
            return 5

        async def own():
            async with rw.AsyncRuntime("cpu", workers=1) as runtime:
                assert await (await runtime.launch("echo")).request(b"own", timeout=20) == b"own"

        async def main():
            async with rw.AsyncRuntime("cpu", workers=2) as runtime:
                echo = await runtime.launch("echo")
                queue = await runtime.queue("numbers")
                waiting = asyncio.ensure_future(echo.receive(timeout=20))
                await asyncio.sleep(0.01)
                child = os.fork()
                if child == 0:
                    asyncio._set_running_loop(None)  # the parent's; a child makes its own
                    status = asyncio.new_event_loop().run_until_complete(in_child(runtime, echo, queue))
                    if status == 5:
                        asyncio.new_event_loop().run_until_complete(own())
                    os._exit(status)
                status = await asyncio.to_thread(os.waitpid, child, 0)
                assert os.waitstatus_to_exitcode(status[1]) == 5, status
                assert await echo.request(b"parent", timeout=20) == b"parent"
                await echo.send(b"still waiting")
                assert await waiting == b"still waiting"

        asyncio.run(main())
        """
    )
    assert done.returncode == 0, done.stderr


def test_fork_with_a_buffer_of_a_device_held() -> None:
    done = run(
        """
        import gc, os, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        import ringway as rw
        from ringway.errors import ForkedError
        device = rw.Device("cpu", workers=2)
        held, numbers = device.buffer(1000, "float32"), np.ones(1000, np.float32)
        scale = device.kernel("vector_scale")
        scale(numbers, held, 2.0, threads=1000)
        started = scale.start(numbers, numbers, 1.0, threads=1000)
        child = os.fork()
        if child == 0:
            assert held.numpy().sum() == 2000  # memory is memory: the child's copy
            for call in (
                lambda: scale(numbers, held, 3.0, threads=1000),
                lambda: scale.start(numbers, held, 3.0, threads=1000),
                lambda: device.buffer(1000),
                lambda: started.wait(timeout=5),
            ):
                try:
                    call()
                except ForkedError:
                    continue
                except rw.Error:
                    os._exit(4)
            del held
            gc.collect()
            device.close()
            with rw.Device("cpu", workers=2) as own:
                total = np.zeros(1, np.float32)
                own.kernel("reduce_sum")(numbers, total, 1000, threads=1000)
                assert total[0] == 1000
            raise SystemExit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        started.wait(timeout=20)
        scale(numbers, held, 3.0, threads=1000)
        assert held.numpy().sum() == 3000
        device.close()
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
