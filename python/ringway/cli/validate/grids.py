"""Checks of the dispatch level: each kernel on a grid whose result is known."""

from __future__ import annotations

import numpy as np

from ringway.cli.validate.check import Check, Finding, Setting, below, demand, exactly


def thread_ids(setting: Setting) -> Finding:
    """Ten threads write their numbers."""
    with setting.device() as device:
        out = device.buffer(np.full(10, 99, np.uint32))
        device.kernel("thread_id")(out, threads=10)
    return exactly(int(np.sum(out.numpy() == np.arange(10))), 10, "threads")


def many_groups(setting: Setting) -> Finding:
    """1,024 threads in groups of 256."""
    with setting.device() as device:
        out = device.buffer(np.full(1024, 9999, np.uint32))
        device.kernel("thread_id")(out, groups=4, group=256)
    return exactly(int(np.sum(out.numpy() == np.arange(1024))), 1024, "threads", "4 groups of 256")


def vector_add(setting: Setting) -> Finding:
    """2.5 + 1.5 in every element."""
    with setting.device() as device:
        a = device.buffer(np.full(1000, 2.5, np.float32))
        b = device.buffer(np.full(1000, 1.5, np.float32))
        out = device.buffer(1000)
        device.kernel("vector_add")(a, b, out, threads=1000)
    return exactly(int(np.sum(out.numpy() == 4.0)), 1000, "elements at 4.0")


def vector_scale(setting: Setting) -> Finding:
    """Every element by a scalar."""
    values = np.arange(1000, dtype=np.float32)
    with setting.device() as device:
        out = device.buffer(1000)
        device.kernel("vector_scale")(device.buffer(values), out, 2.5, threads=1000)
    return exactly(int(np.sum(out.numpy() == values * 2.5)), 1000, "elements")


def double_in_place(setting: Setting) -> Finding:
    """A buffer that is read and written."""
    with setting.device() as device:
        values = device.buffer(np.arange(1000, dtype=np.float32))
        device.kernel("double_in_place")(values, threads=1000)
    return exactly(int(np.sum(values.numpy() == 2 * np.arange(1000))), 1000, "elements")


def reduce_sum(setting: Setting) -> Finding:
    """Threadgroup memory, barriers, and one atomic addition for each group."""
    with setting.device() as device:
        values = device.buffer(np.arange(4096, dtype=np.float32))
        total = device.buffer(1)
        device.kernel("reduce_sum")(values, total, 4096, threads=4096)
    # Whole numbers below 2^24: every partial sum is exact, in any order.
    return exactly(float(total.numpy()[0]), 4096 * 4095 // 2, "", "0 + 1 + ... + 4095")


def matrix_multiply(setting: Setting) -> Finding:
    """Tiles in threadgroup memory, at sizes that no tile divides."""
    random = np.random.default_rng(5)
    a, b = random.random((70, 50), np.float32), random.random((50, 90), np.float32)
    with setting.device() as device:
        out = device.buffer((70, 90))
        device.kernel("matrix_multiply")(device.buffer(a), device.buffer(b), out, 50, threads=(90, 70))
    difference = np.abs(out.numpy() - a.astype(np.float64) @ b)
    return below(float(difference.max()), 1e-4, "", "70 × 50 by 50 × 90")


def scan_and_histogram(setting: Setting) -> Finding:
    """The two that take several groups to one result."""
    values = np.random.default_rng(6).integers(0, 16, 10_000, np.int32)
    with setting.device() as device:
        out, sums = device.buffer(values.size, np.int32), device.buffer(4, np.int32)
        device.kernel("inclusive_scan")(values, out, sums, values.size, threads=1024)
        counts = device.buffer(17, np.uint32)
        device.kernel("histogram")(values, counts, values.size, 16, threads=1024)
    demand(np.array_equal(counts.numpy()[:16], np.bincount(values, minlength=16)), "a bin's count is wrong")
    return exactly(int(np.sum(out.numpy() == np.cumsum(values))), values.size, "elements")


CHECKS = [
    Check("dispatch-thread-id", "10 threads write their numbers", thread_ids),
    Check("dispatch-groups", "1,024 threads in groups of 256", many_groups),
    Check("dispatch-vector-add", "2.5 + 1.5 = 4.0 on the device", vector_add),
    Check("dispatch-vector-scale", "vector times a scalar", vector_scale),
    Check("dispatch-double-in-place", "doubling in place", double_in_place),
    Check("dispatch-reduce-sum", "sum of 4,096 elements", reduce_sum),
    Check("dispatch-matrix-multiply", "matrix multiplication", matrix_multiply),
    Check("dispatch-scan-histogram", "inclusive scan and histogram", scan_and_histogram),
]
