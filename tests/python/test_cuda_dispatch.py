"""The CUDA backend's dispatch level through the package, on a driver without a GPU.

The native tests' build makes that driver (tests/cuda/fake_driver): it runs the entry points on the host.
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


def run(*arguments: str, fake: str = "", driver: str = str(DRIVER)) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RINGWAY_CUDA_DRIVER": driver, "FAKE_CUDA": fake, "RINGWAY_BACKEND": ""}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_the_conformance_suite_holds_on_it() -> None:
    suites = ["test_device_buffer", "test_dispatch", "test_dispatch_errors", "test_dispatch_waits"]
    files = [f"tests/conformance/{name}.py" for name in suites]
    output = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cuda", *files).stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
    assert "failed" not in counts, output
    assert "error" not in counts, output
    assert counts["passed"] > 500


@pytest.mark.parametrize(
    ("fake", "says"),
    [
        ("", "fake GPU 0, compute capability 9.0, CUDA "),
        ("cuInit=100", "this machine has no NVIDIA GPU that the driver shows"),
        ("devices=0", "this machine has no NVIDIA GPU that the driver shows"),
        ("cuInit=803", "starting the NVIDIA driver failed: system has unsupported display driver"),
        ("version=11080", "driver is too old: it is for CUDA 11.8, and ringway was built with"),
        ("capability=7.5", "too old: its compute capability is 7.5, and 8.0 is the least"),
        ("cuDevicePrimaryCtxRetain=2", "out of memory (CUDA_ERROR_OUT_OF_MEMORY)"),
    ],
)
def test_info_says_which_step_failed(fake: str, says: str) -> None:
    assert says in run("-m", "ringway", "info", fake=fake).stdout


def test_info_says_that_there_is_no_driver() -> None:
    shown = run("-m", "ringway", "info", driver="libno-such-driver.so.1").stdout
    assert "no NVIDIA driver: its library libno-such-driver.so.1 does not load" in shown


def test_an_import_loads_no_driver() -> None:
    script = "import ringway; maps = open('/proc/self/maps').read(); print('fake_cuda' in maps)"
    assert run("-c", script).stdout == "False\n"


def test_auto_takes_the_gpu_for_both_levels() -> None:
    assert (
        run("-c", "import ringway as rw; print(rw.Device().backend, rw.Runtime().backend)").stdout
        == "cuda cuda\n"
    )


def test_out_of_memory_is_an_error_and_the_next_dispatch_runs() -> None:
    script = """
import numpy as np, ringway as rw
device = rw.Device("cuda")
values = np.ones(1000, np.float32)
try:
    device.kernel("double_in_place")(values, threads=1000)
except rw.errors.OutOfMemory as error:
    print(error)
device.kernel("double_in_place")(values, threads=1000)
print(values.sum())
"""
    said = run("-c", script, fake="cuMemAllocFromPoolAsync=2").stdout.splitlines()
    assert "no memory for a copy of 'values': 4000 bytes on fake GPU 0: CUDA: out of memory" in said[0]
    assert said[1] == "2000.0"


ON_GPU = """
import ctypes, os, sys
import numpy as np, ringway as rw
from ringway.errors import DispatchError

memory = ctypes.CDLL(os.environ["RINGWAY_CUDA_DRIVER"]).fake_cuda_device_memory
memory.restype, memory.argtypes = ctypes.c_void_p, (ctypes.c_size_t, ctypes.c_int)

class Array:
    def __init__(self, count, **more):
        self.address = memory(4 * count, 0)
        self.host = np.ctypeslib.as_array((ctypes.c_float * count).from_address(self.address))
        self.host[:] = 1
        self.__cuda_array_interface__ = {
            "version": 3, "shape": (count,), "typestr": "<f4", "data": (self.address, False), **more
        }

def refused(call):
    try:
        call()
    except (DispatchError, BufferError) as error:
        return str(error)

device = rw.Device("cuda")
double = device.kernel("double_in_place")
"""


def said(script: str) -> list[str]:
    done = run("-c", ON_GPU + script)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_arrays_on_the_gpu_are_used_in_place() -> None:
    script = """
array = Array(1000)
double(array, threads=1000)
buffer = device.buffer(array)
double(buffer, threads=1000)
again = device.from_dlpack(buffer)  # as CuPy and PyTorch hand theirs over
double(again, threads=1000)
print(array.host.sum(), buffer.__dlpack_device__(), buffer.shape, buffer.dtype)
"""
    assert said(script) == ["8000.0 (2, 0) (1000,) float32"]


def test_the_host_and_other_devices_do_not_follow_such_an_address() -> None:
    script = """
buffer = device.buffer(Array(10))
cpu = rw.Device("cpu")
print(refused(lambda: buffer.numpy()))
print(refused(lambda: memoryview(buffer)) is not None)
print(refused(lambda: cpu.buffer(Array(10))))
print(refused(lambda: cpu.from_dlpack(buffer)))
print(refused(lambda: cpu.kernel("double_in_place")(buffer, threads=10)))
"""
    lines = said(script)
    assert lines[0].startswith("the memory is on GPU 0, where the host does not see it")
    assert lines[1] == "True"
    assert "the array is on a GPU" in lines[2]
    assert "device of type 2; kernels of this one use memory of the CPU" in lines[3]
    assert "buffer 'values' is memory of a GPU" in lines[4]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("version=1", "version 1; 2 and 3 are understood"),
        ("mask=object()", "has a mask"),
        ("stream=77", "belongs to stream 77; dispatches follow the default stream"),
        ("strides=(8,)", "not C-contiguous"),
        ("strides=()", "0 strides for 1 axes"),
        ("shape=(-1,)", "an axis has -1 elements"),
        ("shape='x'", "an entry has a type that the interface does not give it"),
        ("version=None", "an entry has a type that the interface does not give it"),
        ("typestr='>f4'", "none that a buffer holds"),
        ("data=(16, False)", "CUDA knows of no memory there"),
        ("data=(0, True)", "is read-only"),
    ],
)
def test_what_a_gpu_array_says_is_checked(more: str, says: str) -> None:
    lines = said(f"print(refused(lambda: double(Array(10, {more}), threads=10)))")
    assert says in lines[0]
