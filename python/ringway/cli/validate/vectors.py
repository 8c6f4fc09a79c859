"""Checks of the vector kernel: each operation, inline and through buffers."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, below, demand
from ringway.messages import MAX_INLINE

SIZES = (10, 25, 100)
OPERATIONS: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
}
LIMIT_S = 5.0


Vector = NDArray[np.float32]


def ask(runtime: rw.Runtime, a: Vector, b: Vector, operation: str) -> Vector:
    """The kernel's answer; long vectors lie in buffers that the request names."""
    kernel = runtime.launch("vector_op")
    result = np.zeros_like(a)
    if len(a) <= MAX_INLINE:
        request = rw.VectorRequest(a, b, op=operation)
    else:
        buffers = [runtime.buffer(array) for array in (a, b, result)]
        of_a, of_b, of_result = (buffer.handle for buffer in buffers)
        request = rw.VectorRequest.by_handle(of_a, of_b, of_result, len(a), op=operation)
    response = kernel.request(request, timeout=LIMIT_S)
    demand(response.success, f"the kernel refused: {response.error}")
    return result if response.result is None else response.result


def reply(setting: Setting, *, operation: str, size: int) -> Finding:
    """One request, its answer compared with NumPy's."""
    random = np.random.default_rng(size)
    a = random.random(size, dtype=np.float32) + 1
    b = random.random(size, dtype=np.float32) + 1
    with setting.runtime() as runtime:
        start = time.perf_counter()
        result = ask(runtime, a, b, operation)
        seconds = time.perf_counter() - start
    demand(np.allclose(result, OPERATIONS[operation](a, b), rtol=1e-6), "the result is not NumPy's")
    return below(seconds * 1e3, LIMIT_S * 1e3, "ms")


CHECKS = [
    Check(
        f"vector-{operation}-{size}",
        f"vector {operation}, {size} elements",
        partial(reply, operation=operation, size=size),
    )
    for size in SIZES
    for operation in OPERATIONS
]
