"""Named queues and their process: fork, interpreter exit, many queues."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import ringway as rw


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_fork_is_refused_and_harmless() -> None:
    done = run(
        """
        import contextlib, os, threading, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        import ringway as rw
        from ringway.errors import ForkedError
        queue = rw.Queue("q", np.float64)
        def waits():
            with contextlib.suppress(rw.Error):  # a daemon thread that prints at exit may end Python
                queue.receive()
        threading.Thread(target=waits, daemon=True).start()
        held = queue.reserve(2)
        child = os.fork()
        if child == 0:
            calls = (
                lambda: queue.send(1.0),
                lambda: queue.receive(timeout=0),
                lambda: queue.receive_many(timeout=0),
                lambda: queue.send_many(np.ones(1)),
                lambda: queue.peek(1),
                lambda: queue.reserve(1),
            )
            for call in calls:
                try:
                    call()
                except ForkedError:
                    continue
                os._exit(3)
            own = rw.Queue(message=np.float64)
            own.send(2.0)
            assert own.receive(timeout=0) == 2.0
            raise SystemExit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        """
    )
    assert done.returncode == 0, done.stderr


def test_the_interpreter_exits_cleanly_while_threads_wait() -> None:
    done = run(
        """
        import threading, time
        import numpy as np
        import ringway as rw
        alone = rw.Queue(message=np.float64, capacity=16)
        full = rw.Queue(message=np.float64, capacity=16)
        full.send_many(np.ones(16))
        runtime = rw.Runtime("cpu", workers=1)
        named = runtime.queue("named", np.float64)
        def wait(call):
            try:
                call()
            except rw.Error:
                return
        calls = (alone.receive, named.receive, lambda: alone.peek(1), lambda: full.send(1.0, timeout=60))
        for call in calls * 8:
            threading.Thread(target=wait, args=(call,), daemon=True).start()
        time.sleep(0.05)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_thousands_of_queues_leave_nothing_behind() -> None:
    def descriptors_and_maps() -> tuple[int, int]:
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), sum(1 for _ in maps)

    if not os.path.exists("/proc/self/maps"):
        pytest.skip("/proc is Linux")
    before = descriptors_and_maps()
    with rw.Runtime("cpu", workers=1) as runtime:
        for number in range(1500):
            queue = rw.Queue(message=np.float64)
            queue.send(1.0)
            runtime.queue(f"n{number}", np.float64).close()
            with queue.peek(1) as slots:
                assert slots[:].sum() == 1.0
        assert runtime.queues() == []
    after = descriptors_and_maps()
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 20
