"""A runtime and the process around it: spawn, a clock that jumps, memory that runs out."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import ringway as rw

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def answer_in_child(connection: multiprocessing.connection.Connection) -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        connection.send(runtime.launch("echo").request(b"child", timeout=20))


def test_a_spawned_process_has_a_runtime_of_its_own() -> None:
    context = multiprocessing.get_context("spawn")
    with rw.Runtime("cpu", workers=1) as runtime:
        echo = runtime.launch("echo")
        here, there = context.Pipe()
        child = context.Process(target=answer_in_child, args=(there,))
        child.start()
        assert echo.request(b"parent", timeout=20) == b"parent"
        assert here.poll(60)
        assert here.recv() == b"child"
        child.join(20)
        assert child.exitcode == 0


CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec* to) {
  static long calls;
  const int result = (int)syscall(SYS_clock_gettime, clock, to);
  if (clock == CLOCK_REALTIME) to->tv_sec += (++calls % 2 ? 1 : -1) * 31536000L;
  return result;
}
"""


@LINUX
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler for a clock that jumps")
def test_time_outs_do_not_follow_a_clock_that_jumps(tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c"], check=True)
    done = run(
        """
        import asyncio, os, time
        import ringway as rw
        from ringway.errors import HandlerError, QueueFull, Timeout
        assert abs(time.time() - time.time()) > 1e7, "the clock does not jump"

        def takes(call, error, seconds):
            start = time.monotonic()
            try:
                call()
            except error:
                assert seconds <= time.monotonic() - start < seconds + 20
                return
            raise AssertionError(call)

        with rw.Runtime("cpu", workers=1) as runtime:
            options = rw.LaunchOptions(capacity=16, block_timeout=0.1)
            echo = runtime.launch("echo", activate=False, options=options)
            takes(lambda: echo.receive(timeout=0.1), Timeout, 0.1)
            takes(lambda: echo.request(b"x", timeout=0.1), Timeout, 0.1)
            for _ in range(15):
                echo.send(b"x")
            takes(lambda: echo.send(b"x"), QueueFull, 0.1)
            echo.activate()
            for _ in range(15):
                echo.receive(timeout=20)
            assert echo.telemetry().uptime < 60

            # Named queues: a wait to receive, and one for room.
            queue = runtime.queue("numbers", bytes, capacity=16, block_timeout=0.1)
            takes(lambda: queue.receive(timeout=0.1), Timeout, 0.1)
            for _ in range(16):
                queue.send(b"x")
            takes(lambda: queue.send(b"x"), QueueFull, 0.1)
            takes(lambda: queue.send(b"x", timeout=0.2), QueueFull, 0.2)

            # Times to live: one that is over, and one that is not, whatever the clock says.
            late = runtime.launch("echo", activate=False)
            late.send(b"dead", ttl=0.05)
            late.send(b"alive", ttl=600)
            time.sleep(0.2)
            late.activate()
            assert late.receive(timeout=20) == b"alive"
            assert [(letter.body, letter.reason) for letter in late.dead_letters()] == [(b"dead", "expired")]

            # Latency is of a clock that only counts up.
            timed = runtime.launch("echo", options=rw.LaunchOptions(latency_sample=1))
            for _ in range(20):
                timed.request(b"x", timeout=20)
            timed.deactivate()
            latency = timed.telemetry().latency
            assert latency.count == 20 and 0 < latency.p50 <= latency.quantile(1) < 60, latency

        # Shared queues: other processes' clocks jump, too.
        name = f"clock{os.getpid()}"
        with rw.Queue.create_shared(name, bytes, capacity=16, block_timeout=0.1) as queue:
            takes(lambda: queue.receive(timeout=0.1), Timeout, 0.1)
            for _ in range(16):
                queue.send(b"x")
            takes(lambda: queue.send(b"x"), QueueFull, 0.1)
        rw.remove_shared_queue(name)

        # A kernel that breaks waits before it begins anew, and no longer than it should.
        with rw.Runtime("cpu", workers=1, assist=False) as runtime:
            options = rw.LaunchOptions(on_error="restart", restart_backoff=0.1, restart_limit=5)
            broken = runtime.launch("faulty", options=options)
            start = time.monotonic()
            try:
                broken.request(b"break", timeout=20)
            except HandlerError:
                assert broken.request(b"goes on", timeout=20) == b"goes on"
            assert 0.1 <= time.monotonic() - start < 20

        # The watchdog names a handler that does not return, and none that does.
        with rw.Runtime("cpu", workers=1, watchdog=60, assist=False) as runtime:
            quick = runtime.launch("faulty")
            for _ in range(10):
                quick.send(b"hang 5")
                assert not quick.stuck
                assert quick.receive(timeout=20) == b"hang 5"
        with rw.Runtime("cpu", workers=1, watchdog=0.2, assist=False) as runtime:
            slow = runtime.launch("faulty")
            slow.send(b"hang 1000")
            start = time.monotonic()
            while not slow.stuck:
                assert time.monotonic() - start < 20
            assert time.monotonic() - start >= 0.2
            assert slow.receive(timeout=20) == b"hang 1000"

        async def main():
            async with rw.AsyncRuntime("cpu", workers=1) as runtime:
                echo = await runtime.launch("echo", activate=False)
                try:
                    await echo.request(b"x", timeout=0.1)
                except Timeout:
                    return True

        assert asyncio.run(main())
        """,
        LD_PRELOAD=str(library),
    )
    assert done.returncode == 0, done.stderr


@LINUX
def test_memory_that_runs_out_is_an_error_and_the_runtime_goes_on() -> None:
    done = run(
        """
        import resource
        import ringway as rw
        from ringway.errors import OutOfMemory
        with rw.Runtime("cpu", workers=1) as runtime:
            first = runtime.launch("echo")
            assert first.request(b"x", timeout=20) == b"x"
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), -1))
            kernels = []
            try:
                while True:
                    kernels.append(runtime.launch("echo"))
            except OutOfMemory as error:
                assert isinstance(error, MemoryError) and isinstance(error, rw.Error)
                assert "4096 slots" in str(error), error
            assert kernels
            for kernel in [first, *kernels]:
                assert kernel.request(b"y", timeout=20) == b"y"
            assert len(runtime.kernels()) == len(kernels) + 1
            kernels.pop().terminate()
            del kernel  # the queues live as long as the kernel's handle
            assert runtime.launch("echo").request(b"z", timeout=20) == b"z"
        """
    )
    assert done.returncode == 0, done.stderr


def has_a_shared_memory_of_its_own() -> bool:
    if shutil.which("unshare") is None:
        return False
    mounted = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/dev/shm"]
    return subprocess.run(mounted, capture_output=True, check=False).returncode == 0


@LINUX
def test_a_full_dev_shm_is_an_error_and_queues_that_are_there_go_on() -> None:
    if not has_a_shared_memory_of_its_own():
        pytest.skip("needs unshare and the right to mount a small /dev/shm")
    script = textwrap.dedent(
        """
        import os
        import ringway as rw
        from ringway.errors import NotFound, OutOfMemory

        with rw.Queue.create_shared("first", bytes, capacity=16, slot_size=1000) as first:
            others = []
            try:
                while True:
                    name = f"other{len(others)}"
                    others.append(rw.Queue.create_shared(name, bytes, capacity=64, slot_size=1000))
            except OutOfMemory as error:
                assert "/dev/shm has" in str(error) and "less capacity" in str(error), error
            assert others
            with open("/dev/shm/rest", "wb", buffering=0) as rest:
                try:
                    while rest.write(b"x" * 4096):
                        continue
                except OSError:
                    assert os.statvfs("/dev/shm").f_bavail == 0
            # What was created has its memory, every slot of it, and who attaches needs none.
            other = rw.Queue.attach("first")
            for queue in [first, *others]:
                for number in range(queue.capacity):
                    queue.send(b"%d" % number * 300)
            for number in range(other.capacity):
                assert other.receive(timeout=20) == b"%d" % number * 300
            with rw.Runtime("cpu", workers=1) as runtime:
                try:
                    runtime.queue("mine", bytes, shared=True)
                    raise SystemExit(3)
                except OutOfMemory:
                    assert runtime.queue("mine", bytes).send(b"x")
            names = {info.name for info in rw.shared_queues()}
            assert names == {"first"} | {f"other{i}" for i in range(len(others))}, names
            del queue
            others.pop().close()
            rw.remove_shared_queue(f"other{len(others)}")
            with rw.Queue.create_shared("again", bytes, capacity=64, slot_size=1000) as again:
                assert again.send(b"x")
        """
    )
    small = 'mount -t tmpfs -o size=1m none /dev/shm && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", small, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
