"""Every dispatch kernel against NumPy and the CPU, over sizes, axes, groups and element types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import ringway as rw
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from ringway.errors import DispatchError

NUMBERS = ("float32", "int32", "uint32", "float64", "int64", "uint64")
BINNED = ("uint8", "uint16", "int32", "uint32", "int64", "uint64")
SIZES = (1, 2, 3, 17, 255, 256, 257, 1000, 4096, 100_003)


# Floats: sums in another order differ by units of rounding, this many per summand.
ROUNDINGS = 64


@pytest.fixture(params=[1, 3], ids=lambda workers: f"{workers} workers")
def device(request: pytest.FixtureRequest, open_device: Callable[..., rw.Device]) -> rw.Device:
    opened = open_device(workers=request.param)
    if request.param > 1 and opened.workers != request.param:
        pytest.skip("the device has a number of workers of its own")
    return opened


def needs(device: rw.Device, kernel: str, dtype: str) -> None:
    """Leave a test out where the device's kernels lack the element type."""
    if dtype not in device.kernel(kernel).dtypes:
        pytest.skip(f"{device.backend} has no {dtype}")


# Largest difference between a device and the CPU, in roundings of the largest result: what each thread
# computes alone is exact in IEEE 754 arithmetic; sums may be taken in another order.
TO_CPU = {
    "thread_id": 0,
    "vector_add": 0,
    "vector_scale": 0,
    "double_in_place": 0,
    "histogram": 0,
    "reduce_sum": ROUNDINGS,
    "inclusive_scan": ROUNDINGS,
    "matrix_multiply": ROUNDINGS,
}


@pytest.fixture(scope="module")
def cpu() -> Iterator[rw.Device]:
    with rw.Device("cpu", workers=1) as opened:
        yield opened


# The device is the same for all examples of a test, and keeps nothing between dispatches.
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(dtype: str, size: int, seed: int = 1) -> NDArray[Any]:
    """Numbers of the whole range for integers, whose sums wrap around; small ones otherwise."""
    random = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return random.standard_normal(size).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, size, dtype, endpoint=True)


def close(found: NDArray[Any], wanted: NDArray[Any], scale: float = 1.0) -> bool:
    """Equal, or as near as sums in another order may be."""
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, wanted))
    return bool(np.all(np.abs(found - wanted) <= ROUNDINGS * np.finfo(found.dtype).eps * scale))


def test_element_types(device: rw.Device) -> None:
    for kernel in map(device.kernel, device.kernels()):
        assert {"uint32"} <= set(kernel.dtypes)
        assert kernel.signature.endswith("T: " + ", ".join(kernel.dtypes))
    add = device.kernel("vector_add")
    for dtype in set(NUMBERS) - set(add.dtypes):
        values = numbers(dtype, 3)
        with pytest.raises(
            DispatchError, match=f"^vector_add: .* for {dtype}, but for {', '.join(add.dtypes)}$"
        ):
            add(values, values, values, threads=3)
        assert (values == numbers(dtype, 3)).all()


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("size", SIZES)
def test_vectors(device: rw.Device, dtype: str, size: int) -> None:
    needs(device, "vector_add", dtype)
    a, b = numbers(dtype, size), numbers(dtype, size, 2)
    out = device.buffer(size, dtype)
    device.kernel("vector_add")(a, b, out, threads=size)
    np.testing.assert_array_equal(out.numpy(), a + b)
    factor = 2.5 if dtype.startswith("float") else 3
    device.kernel("vector_scale")(a, out, factor, threads=size)
    np.testing.assert_array_equal(out.numpy(), a * np.dtype(dtype).type(factor))
    twice = a.copy()
    device.kernel("double_in_place")(twice, threads=size)
    np.testing.assert_array_equal(twice, a + a)


@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
@pytest.mark.parametrize("threads", [1, 10, 1024, 1025, (7, 5), (33, 17), (5, 4, 3), (20, 9, 6)])
def test_thread_id(device: rw.Device, dtype: str, threads: int | tuple[int, ...]) -> None:
    needs(device, "thread_id", dtype)
    count = int(np.prod(threads))
    out = device.buffer(np.full(count + 1, 7, dtype))
    device.kernel("thread_id")(out, threads=threads)
    np.testing.assert_array_equal(out.numpy()[:-1], np.arange(count))
    assert out.numpy()[-1] == 7  # exactly the threads asked for


@pytest.mark.parametrize("group", [1, 3, 64, 256, 1024])
def test_groups_are_whole(device: rw.Device, group: int) -> None:
    out = device.buffer(5 * group, "uint32")
    device.kernel("thread_id")(out, groups=5, group=group)
    np.testing.assert_array_equal(out.numpy(), np.arange(5 * group))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("size", [0, *SIZES])
def test_reduce_sum(device: rw.Device, dtype: str, size: int) -> None:
    needs(device, "reduce_sum", dtype)
    values = numbers(dtype, size)
    for threads, group in ((1, 1), (64, 64), (300, 100), (1024, 256)):
        total = device.buffer(np.array([5], dtype))
        device.kernel("reduce_sum")(values, total, size, threads=threads, group=group)
        assert close(total.numpy(), np.array([values.sum(dtype=dtype) + np.dtype(dtype).type(5)]), size + 5.0)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_reduce_sum_of_ten_million(device: rw.Device, dtype: str) -> None:
    values = device.buffer(numbers(dtype, 10_000_000))
    total = device.buffer(1, dtype)
    device.kernel("reduce_sum")(values, total, values.size, threads=4096, group=256)
    wanted = values.numpy().sum(dtype="int32" if dtype == "int32" else "float64")
    # Of float32: what each thread adds up, and the groups' sums.
    assert close(total.numpy(), np.array([wanted], dtype), values.size / 4096 + 16.0)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("size", [0, *SIZES])
def test_inclusive_scan(device: rw.Device, dtype: str, size: int) -> None:
    needs(device, "inclusive_scan", dtype)
    values = numbers(dtype, size)
    wanted = np.cumsum(values, dtype=dtype)
    for threads, group in ((1, 1), (7, 7), (100, 33), (1024, 256)):
        out = device.buffer(np.full(size + 1, 9, dtype))
        sums = device.buffer(-(-threads // group), dtype)
        device.kernel("inclusive_scan")(values, out, sums, size, threads=threads, group=group)
        assert close(out.numpy()[:-1], wanted, size + 1.0)
        assert out.numpy()[-1] == 9


@pytest.mark.parametrize("dtype", BINNED)
@pytest.mark.parametrize("size", [0, 1, 1000, 100_003])
@pytest.mark.parametrize("bins", [1, 10, 256])
def test_histogram(device: rw.Device, dtype: str, size: int, bins: int) -> None:
    needs(device, "histogram", dtype)
    values = np.random.default_rng(3).integers(0, min(bins + 3, 255), size, dtype)
    if dtype.startswith("int"):
        values[::7] = -1
    counts = device.buffer(np.ones(bins + 1, np.uint32))
    device.kernel("histogram")(values, counts, size, bins, threads=700, group=128)
    inside = values[(values >= 0) & (values < bins)].astype(np.int64)
    np.testing.assert_array_equal(counts.numpy()[:-1], 1 + np.bincount(inside, minlength=bins))
    assert counts.numpy()[-1] == 1 + size - inside.size


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (16, 16, 16), (17, 33, 15), (1, 100, 1), (40, 3, 70), (5, 0, 4)]
)
@pytest.mark.parametrize("group", [None, (8, 4), (5, 7), (64, 1)])
def test_matrix_multiply(
    device: rw.Device, dtype: str, shape: tuple[int, int, int], group: tuple[int, int] | None
) -> None:
    needs(device, "matrix_multiply", dtype)
    rows, inner, columns = shape
    a = numbers(dtype, rows * inner).reshape(rows, inner)
    b = numbers(dtype, inner * columns, 2).reshape(inner, columns)
    out = device.buffer((rows, columns), dtype)
    device.kernel("matrix_multiply")(a, b, out, inner, threads=(columns, rows), group=group)
    assert close(out.numpy(), a @ b, 10.0 * inner)


def test_large(device: rw.Device) -> None:
    size = 3_000_001
    a = np.arange(size, dtype=np.float32)
    out = device.buffer(size)
    device.kernel("vector_add")(a, a, out, threads=size)
    np.testing.assert_array_equal(out.numpy(), a + a)
    ones, sums, scanned = np.ones(size, np.int64), np.empty(16, np.int64), np.empty(size, np.int64)
    device.kernel("inclusive_scan")(ones, scanned, sums, size, threads=4096)
    np.testing.assert_array_equal(scanned, np.arange(1, size + 1))


@FUZZ
@given(
    threads=st.lists(st.integers(0, 40), min_size=1, max_size=3),
    group=st.lists(st.integers(1, 10), min_size=1, max_size=3),
    dtype=st.sampled_from(NUMBERS),
)
def test_any_grid(device: rw.Device, threads: list[int], group: list[int], dtype: str) -> None:
    assume(dtype in device.kernel("reduce_sum").dtypes)
    count = int(np.prod(threads))
    a = numbers(dtype, count)
    out, total = np.zeros(count, dtype), np.zeros(1, dtype)
    device.kernel("vector_add")(a, a, out, threads=threads, group=group)
    if count:
        device.kernel("reduce_sum")(a, total, count, threads=threads, group=group)
    np.testing.assert_array_equal(out, a + a)
    assert close(total, a.sum(dtype=dtype, keepdims=True), count + 1.0)


@FUZZ
@given(
    rows=st.integers(1, 40),
    inner=st.integers(0, 40),
    columns=st.integers(1, 40),
    group=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_matrices(device: rw.Device, rows: int, inner: int, columns: int, group: tuple[int, int]) -> None:
    a = numbers("int32", rows * inner).reshape(rows, inner)
    b = numbers("int32", inner * columns).reshape(inner, columns)
    out = np.empty((rows, columns), np.int32)
    device.kernel("matrix_multiply")(a, b, out, inner, threads=(columns, rows), group=group)
    np.testing.assert_array_equal(out, a @ b)


def test_the_same_memory_twice(device: rw.Device) -> None:
    values = np.arange(1000, dtype=np.int32)
    device.kernel("vector_add")(values, values, values, threads=1000)
    np.testing.assert_array_equal(values, 2 * np.arange(1000))


def test_an_empty_grid_runs_nothing(device: rw.Device) -> None:
    out = device.buffer(np.full(3, 5, np.uint32))
    for grid in ({"threads": 0}, {"threads": (4, 0)}, {"groups": 0}, {"groups": (0, 2, 2)}):
        device.kernel("thread_id")(out, **grid)
        assert device.kernel("thread_id").start(out, **grid).done
    assert list(out.numpy()) == [5, 5, 5]
    device.kernel("vector_add")(device.buffer(0), device.buffer(0), device.buffer(0), threads=0)


def result_of(device: rw.Device, kernel: str) -> NDArray[Any]:
    """What a kernel makes of the same input on any device."""
    a, b = numbers("float32", 6400), numbers("float32", 6400, 2)
    called = device.kernel(kernel)
    out = device.buffer(6400)
    match kernel:
        case "thread_id":
            out = device.buffer(6400, "uint32")
            called(out, threads=(80, 80))
        case "vector_add":
            called(a, b, out, threads=6400)
        case "vector_scale":
            called(a, out, 1.1, threads=6400)
        case "double_in_place":
            out = device.buffer(a)
            called(out, threads=6400)
        case "histogram":
            out = device.buffer(17, "uint32")
            called(np.abs(a * 4).astype(np.uint8), out, 6400, 16, threads=700)
        case "reduce_sum":
            called(a, out, 6400, threads=1024)
        case "inclusive_scan":
            called(a, out, device.buffer(4), 6400, threads=1024)
        case "matrix_multiply":
            called(a, b, out, 80, threads=(80, 80))
    return np.array(out)


@pytest.mark.parametrize("kernel", TO_CPU)
def test_a_device_agrees_with_the_cpu(device: rw.Device, cpu: rw.Device, kernel: str) -> None:
    found, wanted = result_of(device, kernel), result_of(cpu, kernel)
    assert found.dtype == wanted.dtype
    largest = float(np.abs(wanted).max())
    assert largest > 0
    bound = TO_CPU[kernel] * float(np.finfo(np.float32).eps) * largest
    assert np.abs(found.astype(np.float64) - wanted.astype(np.float64)).max() <= bound


def test_every_kernel_is_compared_with_the_cpu(device: rw.Device) -> None:
    assert set(device.kernels()) == set(TO_CPU)
