"""Dispatch kernels, on one thread of the CPU or on a GPU, beside a plain loop in C++ and NumPy on one thread.

The plain loop is compiled as the kernels are. Every result is compared with NumPy's.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ringway as rw
from ringway import _core
from ringway.bench.rows import interleave, row
from ringway.errors import Error

SIZES = (65_536, 1_048_576)
Floats = NDArray[np.float32]


def per_element(run: Callable[[], object], out: Floats, expected: Floats, calls: int) -> float:
    """Nanoseconds per element; `run` writes all of `out` each time."""
    out[:] = 0
    run()
    if not np.array_equal(out, expected):
        raise Error("the result is not NumPy's")
    start = time.perf_counter_ns()
    for _ in range(calls):
        run()
    return (time.perf_counter_ns() - start) / calls / len(out)


def measure(repeats: int, scale: float, backend: str = "cpu") -> list[dict[str, Any]]:
    """Rows of vector_add and vector_scale, for vectors that fit the caches of one core and that do not."""
    rows = []
    with rw.Device(backend, workers=1 if backend == "cpu" else None) as device:
        own = "ringway, one worker" if backend == "cpu" else f"ringway, {device.name}"
        add, times = device.kernel("vector_add"), device.kernel("vector_scale")
        for size in SIZES:
            calls = max(int(2e7 * scale / size), 2)
            a, b = (device.buffer(np.random.default_rng(seed).random(size, np.float32)) for seed in (1, 2))
            out = device.buffer(size)
            x, y, z = a.numpy(), b.numpy(), out.numpy()
            factor = np.float32(1.5)
            runs: dict[str, dict[str, Callable[[], object]]] = {
                "vector_add": {
                    own: functools.partial(add, a, b, out, threads=size),
                    "plain loop": functools.partial(_core.selftest_add, x, y, z),
                    "numpy.add": functools.partial(np.add, x, y, z),
                },
                "vector_scale": {
                    own: functools.partial(times, a, out, factor, threads=size),
                    "plain loop": functools.partial(_core.selftest_scale, x, z, float(factor)),
                    "numpy.multiply": functools.partial(np.multiply, x, factor, z),
                },
            }
            for what, contestants in runs.items():
                expected = x + y if what == "vector_add" else x * factor
                timed = {
                    name: functools.partial(per_element, run, z, expected, calls)
                    for name, run in contestants.items()
                }
                rows += [
                    row(f"{what} of {size:,} float32", name, "ns/element", samples)
                    for name, samples in interleave(timed, repeats).items()
                ]
    return rows
