"""Buffers share memory with NumPy and DLPack, and come from a pool that counts."""

from __future__ import annotations

import array
import gc
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway.errors import DispatchError, OutOfMemory

OpenDevice = Callable[..., rw.Device]

DTYPES = (
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
)


@pytest.fixture
def device(open_device: OpenDevice) -> rw.Device:
    return open_device(workers=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (2, 0, 4), (2, 3, 4)])
def test_shapes_and_dtypes(device: rw.Device, dtype: str, shape: tuple[int, ...]) -> None:
    buffer = device.buffer(shape, dtype)
    assert (buffer.shape, buffer.dtype) == (shape, np.dtype(dtype))
    assert (buffer.size, buffer.nbytes) == (np.prod(shape), np.prod(shape) * buffer.dtype.itemsize)
    for view in (np.asarray(buffer), buffer.numpy(), np.from_dlpack(buffer)):  # type: ignore[arg-type]
        assert (view.shape, view.dtype) == (shape, np.dtype(dtype))
        assert not view.any()
    assert np.shares_memory(np.asarray(buffer), buffer.numpy()) == (buffer.size > 0)


def test_defaults(device: rw.Device) -> None:
    assert device.buffer(3).dtype == np.float32
    assert device.buffer([1.5, 2.5]).dtype == np.float64
    assert device.buffer([1, 2], "int16").dtype == np.int16
    assert repr(device.buffer((2, 3))) == "<ringway device buffer, shape (2, 3), float32>"
    assert len(device.buffer((2, 3))) == 2
    with pytest.raises(TypeError, match="no length"):
        len(device.buffer(()))


def test_arrays_are_used_in_place(device: rw.Device) -> None:
    values = np.arange(6, dtype=np.int32).reshape(2, 3)
    buffer = device.buffer(values)
    device.kernel("double_in_place")(buffer, threads=6)
    assert values.tolist() == [[0, 2, 4], [6, 8, 10]]
    buffer.numpy()[0, 0] = 9
    assert values[0, 0] == 9
    other = array.array("f", [1, 2])
    device.kernel("double_in_place")(device.buffer(other), threads=2)
    assert list(other) == [2, 4]


PAGE = 1 << 14  # of any system's


def pages(count: int) -> Any:
    """Whole pages as bytes."""
    all_bytes = np.frombuffer(mmap.mmap(-1, (count + 1) * PAGE), np.uint8)
    first = -all_bytes.ctypes.data % PAGE
    return all_bytes[first : first + count * PAGE]


KINDS: dict[str, Callable[[rw.Device], Any]] = {
    "the pool": lambda device: device.buffer(5000),
    "a part of the pool": lambda device: device.buffer(9000).numpy()[123:5123],
    "whole pages": lambda _: pages(2).view(np.float32),
    "the beginning of pages": lambda _: pages(2).view(np.float32)[:5000],
    "the middle of pages": lambda _: pages(3).view(np.float32)[17:5017],
    "the heap": lambda _: np.empty(5001, np.float32)[1:],
}


@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_any_kind(device: rw.Device, kind: str) -> None:
    a, b, out = (KINDS[kind](device) for _ in range(3))
    x, y, z = (np.asarray(one) for one in (a, b, out))
    count = x.size
    x[:], y[:], z[:] = np.arange(count), 3, -1
    device.kernel("vector_add")(a, b, out, threads=count - 1)
    np.testing.assert_array_equal(z[:-1], np.arange(count - 1) + 3)
    assert z[-1] == -1
    device.kernel("vector_add")(out, out, out, threads=count)
    np.testing.assert_array_equal(z[:-1], 2 * np.arange(count - 1) + 6)
    assert z[-1] == -2
    total = np.zeros(1, np.float32)
    device.kernel("reduce_sum")(y, total, count, threads=64)
    assert total[0] == 3 * count


def test_memory_that_only_its_owner_may_write(device: rw.Device, tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    np.arange(5000, dtype=np.float32).tofile(file)
    mapped, out = np.memmap(file, np.float32, "r"), device.buffer(5000)
    device.kernel("vector_scale")(mapped, out, 2, threads=5000)
    np.testing.assert_array_equal(out.numpy(), 2 * np.arange(5000))


def test_views_keep_the_memory(device: rw.Device) -> None:
    buffer = device.buffer(np.arange(1000.0))
    views = [buffer.numpy(), np.asarray(buffer), np.from_dlpack(buffer), memoryview(buffer)]  # type: ignore[arg-type]
    del buffer
    gc.collect()
    for view in views:
        assert np.asarray(view).sum() == 499_500


def test_read_only(device: rw.Device) -> None:
    buffer = device.buffer(bytes(8))
    assert buffer.readonly
    assert not buffer.numpy().flags.writeable
    with pytest.raises(BufferError, match="DLPack 1"):
        buffer.__dlpack__()
    again = device.from_dlpack(buffer)  # by version 1, which knows of it
    assert again.readonly


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("version", [None, (1, 0)])
def test_dlpack_both_ways(device: rw.Device, dtype: str, version: Any) -> None:
    class Exporter:
        def __init__(self, buffer: rw.DeviceBuffer) -> None:
            self.buffer = buffer

        def __dlpack_device__(self) -> tuple[int, int]:
            return self.buffer.__dlpack_device__()

        def __dlpack__(self, max_version: Any = None) -> Any:
            return self.buffer.__dlpack__(max_version=version)

    buffer = device.buffer(np.arange(24, dtype=dtype).reshape(2, 3, 4))
    taken = device.from_dlpack(Exporter(buffer))
    assert (taken.shape, taken.dtype) == ((2, 3, 4), np.dtype(dtype))
    assert np.shares_memory(taken.numpy(), buffer.numpy())
    del buffer
    gc.collect()
    np.testing.assert_array_equal(taken.numpy().ravel(), np.arange(24))
    values = np.arange(5, dtype=dtype)
    assert np.shares_memory(device.from_dlpack(values).numpy(), values)


def test_dlpack_of_an_older_library(device: rw.Device) -> None:
    class Old:
        def __init__(self) -> None:
            self.buffer = device.buffer(np.arange(3.0))

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

        def __dlpack__(self) -> Any:
            return self.buffer.__dlpack__()

    assert device.buffer(Old()).numpy().tolist() == [0, 1, 2]


def test_dlpack_refusals(device: rw.Device) -> None:
    class Elsewhere:
        def __dlpack_device__(self) -> tuple[int, int]:
            return (7, 0)  # Vulkan's, which no backend takes

        def __dlpack__(self, **_: Any) -> Any:
            raise AssertionError("asked for memory that is elsewhere")

    class Nothing(Elsewhere):
        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

        def __dlpack__(self, **_: Any) -> Any:
            return 5

    with pytest.raises(DispatchError, match="on a device of type 7"):
        device.from_dlpack(Elsewhere())
    with pytest.raises(DispatchError, match="no capsule of DLPack"):
        device.from_dlpack(Nothing())
    with pytest.raises(DispatchError, match="not C-contiguous"):
        device.from_dlpack(np.zeros((3, 4))[:, 1])
    with pytest.raises(DispatchError, match="no __dlpack__"):
        device.from_dlpack(3)
    with pytest.raises(BufferError, match="stream"):
        device.buffer(3).__dlpack__(stream=1)
    with pytest.raises(BufferError, match="not moved"):
        device.buffer(3).__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="shared"):
        device.buffer(3).__dlpack__(copy=True)
    device.buffer(3).__dlpack__()  # a capsule that nobody takes


def test_refusals(device: rw.Device) -> None:
    with pytest.raises(DispatchError, match="dtype complex64 is none that a buffer holds"):
        device.buffer(3, "complex64")
    with pytest.raises(DispatchError, match="dtype >f4 is none"):
        device.buffer(3, ">f4")
    with pytest.raises(DispatchError, match=r"the shape is \(-1,\); an axis has 0 to"):
        device.buffer(-1)
    with pytest.raises(DispatchError, match="more elements than any memory"):
        device.buffer((2**40, 2**40))
    with pytest.raises(DispatchError, match="NumPy does not know"):
        device.buffer(3, "nonsense")
    with pytest.raises(OutOfMemory, match=f"no memory for a buffer of {2**60} bytes"):
        device.buffer(2**58)
    with pytest.raises(DispatchError, match="has dtype float64, and float32 is asked for"):
        device.buffer(np.zeros(3), "float32")
    with pytest.raises(DispatchError, match="not C-contiguous"):
        device.buffer(np.zeros((3, 3)).T[:2])


def test_the_pool_counts(device: rw.Device) -> None:
    counts = device.pool()
    assert (counts.hits, counts.misses, counts.bytes_held, counts.bytes_in_use) == (0, 0, 0, 0)
    buffer = device.buffer(1 << 20)
    counts = device.pool()
    assert (counts.hits, counts.misses, counts.bytes_held) == (0, 1, 0)
    size = counts.bytes_in_use
    assert size >= 4 << 20
    buffer.numpy()[:] = 7
    del buffer
    assert (device.pool().bytes_held, device.pool().bytes_in_use) == (size, 0)
    again = device.buffer((1 << 20) - 5)  # of the same class
    assert device.pool() == type(counts)(hits=1, misses=1, bytes_held=0, bytes_in_use=size)
    assert not again.numpy().any()
    del again
    assert device.trim() == size
    assert device.trim() == 0
    assert device.pool() == type(counts)(hits=1, misses=1, bytes_held=0, bytes_in_use=0)


def test_the_pool_holds_no_more_than_its_limit(open_device: OpenDevice) -> None:
    with open_device(pool_limit=1 << 20) as device:
        small, large = device.buffer(1 << 10), device.buffer(1 << 20)
        del large
        assert device.pool().bytes_held == 0
        del small
        assert 0 < device.pool().bytes_held <= 1 << 20
    with open_device(pool_limit=0) as device:
        device.buffer(10)
        assert device.pool().bytes_held == 0


def test_buffers_outlive_their_device(open_device: OpenDevice) -> None:
    device = open_device(workers=1)
    values = device.buffer(10).numpy()
    device.close()
    del device
    gc.collect()
    values[:] = 3
    assert values.sum() == 30


def test_pages(device: rw.Device) -> None:
    for size in (1, 1000, 100_000):
        assert device.buffer(size).numpy().ctypes.data % 4096 == 0
