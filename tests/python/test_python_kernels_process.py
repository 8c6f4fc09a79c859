"""Kernels that Python runs, and their process: its end, fork, and rest."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import asyncio, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import ringway as rw

began = threading.Event()

@rw.kernel(mode="python")
def echo(ctx, msg: bytes, state: None) -> None:
    ctx.reply(msg)

@rw.kernel(mode="python")
def spins(ctx, msg: bytes, state: None) -> None:
    began.set()
    while True:
        pass

@rw.kernel(mode="python")
def sleeps(ctx, msg: bytes, state: None) -> None:
    began.set()
    while True:
        time.sleep(0.001)

@rw.kernel(mode="python")
async def awaits(ctx, msg: bytes, state: None) -> None:
    began.set()
    while True:
        await asyncio.sleep(0.001)
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("kernel", ["spins", "sleeps", "awaits"])
def test_the_process_exits_while_a_handler_runs(kernel: str) -> None:
    done = run(
        f"""
        runtime = rw.Runtime("cpu", workers=1, watchdog=0.3)
        runtime.launch({kernel}, name="long").send(b"")
        began.wait()
        print("alive")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "alive\n"
    assert "the runtime is closed, but kernel 'long'" in done.stderr


@pytest.mark.parametrize("kernel", ["spins", "sleeps", "awaits"])
def test_the_process_exits_after_ctrl_c(kernel: str) -> None:
    done = run(
        f"""
        import signal
        runtime = rw.Runtime("cpu", workers=1, watchdog=0)
        kernel = runtime.launch({kernel})
        main = threading.main_thread().ident
        kernel.send(b"")
        began.wait()
        threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start()
        try:
            runtime.close()
        except KeyboardInterrupt:
            print("out")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out\n"


def test_the_process_exits_with_idle_kernels_and_waiting_threads() -> None:
    done = run(
        """
        runtime = rw.Runtime("cpu", workers=2)
        kernels = [runtime.launch(echo) for _ in range(20)]
        def wait(kernel):
            try:
                kernel.receive()
            except rw.Error:
                return
        for kernel in kernels:
            assert kernel.request(b"x", timeout=60) == b"x"
            threading.Thread(target=wait, args=(kernel,), daemon=True).start()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_fork_is_refused_and_harmless() -> None:
    done = run(
        """
        from ringway.errors import ForkedError
        runtime = rw.Runtime("cpu", workers=1)
        kernel, gone = runtime.launch(echo), runtime.launch(echo)
        assert kernel.request(b"x", timeout=60) == b"x"
        assert gone.request(b"x", timeout=60) == b"x"
        gone.terminate()
        child = os.fork()
        if child == 0:
            del gone
            try:
                kernel.request(b"x")
            except ForkedError:
                pass
            else:
                os._exit(3)
            runtime.close()
            with rw.Runtime("cpu", workers=1) as own:
                assert own.launch(echo).request(b"own", timeout=60) == b"own"
            raise SystemExit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        assert kernel.request(b"parent", timeout=60) == b"parent"
        """
    )
    assert done.returncode == 0, done.stderr


def test_idle_kernels_use_next_to_no_processor_time() -> None:
    done = run(
        """
        runtime = rw.Runtime("cpu", workers=1)
        kernels = [runtime.launch(echo) for _ in range(10)]
        for kernel in kernels:
            kernel.request(b"x", timeout=60)
        time.sleep(0.5)
        before = time.process_time()
        time.sleep(2)
        print(time.process_time() - before < 0.02)
        """
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_threads_come_and_go_with_kernels() -> None:
    done = run(
        """
        def threads():
            return len(os.listdir("/proc/self/task"))

        if not os.path.isdir("/proc/self/task"):
            raise SystemExit(0)
        with rw.Runtime("cpu", workers=2) as runtime:
            before = threads()
            for _ in range(50):
                kernel = runtime.launch(echo, grid=2)
                assert kernel.worker == 2
                kernel.request(b"x", timeout=60)
                kernel.terminate()
            assert threads() == before, (threads(), before)
        """
    )
    assert done.returncode == 0, done.stderr


def test_many_threads_send_and_many_kernels_handle() -> None:
    done = run(
        """
        @rw.kernel(mode="python")
        def count(ctx, msg: bytes, state: list) -> None:
            state.append(msg)
            ctx.reply(msg)

        with rw.Runtime("cpu", workers=2) as runtime:
            kernels = [runtime.launch(count) for _ in range(4)]
            def ask(number):
                for i in range(100):
                    text = b"%d %d" % (number, i)
                    assert kernels[i % 4].request(text, timeout=60) == text
            threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
            for thread in threads: thread.start()
            while any(thread.is_alive() for thread in threads):
                for kernel in kernels: kernel.read_state()
            assert sorted(len(kernel.read_state()) for kernel in kernels) == [200] * 4
        """
    )
    assert done.returncode == 0, done.stderr
