"""Ring kernels on CUDA through the package, on a driver without a GPU whose grids run on the host's threads.

The native tests' build makes that driver (tests/cuda/fake_driver).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "build/py/tests/cuda/libfake_cuda.so"

pytestmark = pytest.mark.skipif(
    not DRIVER.exists(), reason="needs build/py with RINGWAY_TESTS=ON and nvcc, as tools/test makes it"
)


def run(*arguments: str, timeout: float = 110, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RINGWAY_CUDA_DRIVER": str(DRIVER), "RINGWAY_BACKEND": "", **variables}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def said(script: str, **variables: str) -> list[str]:
    done = run("-c", "import ctypes, os, time\nimport numpy as np, ringway as rw\n" + script, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


RING_TESTS = sorted(
    path.name
    for path in (ROOT / "tests/conformance").glob("test_*.py")
    if not re.match(r"test_(device_buffer|dispatch|private_buffers|grid)", path.name)
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("leave_ms", ["20", "1"])
def test_the_conformance_suite_holds_on_it(leave_ms: str) -> None:
    """Also when the grid leaves and comes back all the time."""
    files = [f"tests/conformance/{name}" for name in RING_TESTS]
    output = run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cuda", *files),
        timeout=590,
        RINGWAY_CUDA_LEAVE_MS=leave_ms,
    ).stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
    assert "failed" not in counts, output
    assert "error" not in counts, output
    assert counts["passed"] > 200


def test_validate_runs_on_it() -> None:
    done = run("-m", "ringway", "validate", "--exact", "--backend", "cuda")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pagerank_runs_on_it(tmp_path: Path) -> None:
    graph = tmp_path / "graph.txt"
    graph.write_text("".join(f"{i} {i * 7 % 500}\n{i} {i * 13 % 500}\n" for i in range(500)))
    shown = [
        run("-m", "ringway", "pagerank", str(graph), "--backend", backend, "--dtype", "float64", "--json")
        for backend in ("cuda", "cpu")
    ]
    assert [one.returncode for one in shown] == [0, 0], shown[0].stderr


def test_what_it_does_not_have_is_refused_in_words() -> None:
    script = """
with rw.Runtime("cuda", workers=4) as runtime:
    for fields in ({"options": rw.LaunchOptions(bridge="direct")}, {"grid": 5}, {"block": 2}):
        try:
            runtime.launch("echo", **fields)
        except rw.errors.InvalidOption as error:
            print(error)
"""
    direct, grid, block = said(script)
    assert "a GPU has mailboxes of its own: choose 'pumped' or 'auto'" in direct
    assert "grid is 5; on CUDA, where it is the number of replicas, it must be 1 to" in grid
    assert "block is 2; on CUDA it must be 1" in block


def test_the_time_after_which_the_grid_leaves_is_checked() -> None:
    script = """
try:
    rw.Runtime("cuda")
except rw.errors.InvalidOption as error:
    print(error)
"""
    assert said(script, RINGWAY_CUDA_LEAVE_MS="soon")[0].startswith(
        "RINGWAY_CUDA_LEAVE_MS is 'soon'; it must be"
    )


def test_buffers_come_and_go_while_kernels_run() -> None:
    """Memory without pages of its own, two buffers in one page, and the same pages again."""
    script = """
with rw.Runtime("cuda") as runtime:
    vector_op = runtime.launch("vector_op")
    for number in range(20):
        memory = np.full(2 * (1001 + number), 2, np.float32)
        a, out = memory[1 : len(memory) // 2], memory[len(memory) // 2 + 1 :]
        buffers = [runtime.buffer(array) for array in (a, a, out)]
        request = rw.VectorRequest.by_handle(*(buffer.handle for buffer in buffers), len(out), op="multiply")
        answer = vector_op.request(request, timeout=20)
        assert answer.success, answer.error
        for buffer in buffers:
            buffer.release()
        assert (out == 4).all()
        assert "names no buffer" in str(vector_op.request(request, timeout=20).error)
print("done")
"""
    assert said(script) == ["done"]


def test_a_trap_is_device_lost_and_the_cpu_goes_on() -> None:
    script = """
fake = ctypes.CDLL(os.environ["RINGWAY_CUDA_DRIVER"])
with rw.Runtime("cuda") as runtime, rw.Runtime("cpu") as host:
    echo = runtime.launch("echo", name="victim")
    other = host.launch("echo")
    assert echo.request(b"1", timeout=20) == b"1"
    fake.fake_cuda_trap(719)
    try:
        echo.request(b"2", timeout=20)
    except rw.errors.DeviceLost as error:
        print(error)
    try:
        runtime.launch("echo")
    except rw.errors.DeviceLost as error:
        print(error)
    print(echo.state, other.request(b"3", timeout=20))
"""
    lines = said(script)
    assert (
        "while kernel 'victim' ran: CUDA: unspecified launch failure (CUDA_ERROR_LAUNCH_FAILED)" in lines[0]
    )
    assert "start another" in lines[0]
    assert "CUDA_ERROR_LAUNCH_FAILED" in lines[1]
    assert lines[2] == "failed b'3'"


def test_an_endless_handler_is_named_and_left_behind() -> None:
    script = """
fake = ctypes.CDLL(os.environ["RINGWAY_CUDA_DRIVER"])
runtime = rw.Runtime("cuda", watchdog=0.1)
echo = runtime.launch("echo", name="endless")
fake.fake_cuda_hang(1)
echo.send(b"1")
while not echo.telemetry().stuck:
    time.sleep(0.001)
try:
    echo.deactivate()
except rw.errors.Timeout as error:
    print(error)
try:
    runtime.close()
except rw.errors.Timeout as error:
    print(error)
print("closed", flush=True)
os._exit(0)  # its threads are the process's
"""
    lines = said(script)
    assert "kernel 'endless' on worker 0 has not returned from its handler for 0.1 s" in lines[0]
    assert lines[-1] == "closed"
