"""Buffers with storage="private": only the device sees them, and explicit copies bring data in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
import ringway as rw
from ringway.errors import Closed, DispatchError, InvalidOption

OpenDevice = Callable[..., rw.Device]


@pytest.fixture
def device(open_device: OpenDevice) -> rw.Device:
    return open_device()


@pytest.fixture
def with_private(device: rw.Device) -> rw.Device:
    try:
        device.buffer(1, storage="private")
    except InvalidOption as error:
        if device.backend == "metal":
            raise
        pytest.skip(str(error))
    return device


def test_a_device_without_such_memory_says_what_to_do(device: rw.Device) -> None:
    if device.backend == "cpu":
        with pytest.raises(
            InvalidOption, match="'private'; backend 'cpu' has no memory of its own: use 'shared'"
        ):
            device.buffer(1, storage="private")
    with pytest.raises(InvalidOption, match="storage is 'managed'; it must be 'shared' or 'private'"):
        device.buffer(1, storage="managed")
    assert device.buffer(1, storage="shared").storage == "shared"


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "uint64"])
@pytest.mark.parametrize("size", [1, 3, 1000, 100_003])
def test_what_goes_in_comes_out(with_private: rw.Device, dtype: str, size: int) -> None:
    values = np.arange(size).astype(dtype)
    buffer = with_private.buffer(values, storage="private")
    assert (buffer.storage, buffer.shape, buffer.dtype) == ("private", (size,), np.dtype(dtype))
    out = np.full(size + 1, 7, dtype)
    with_private.copy(buffer, out[:size])
    np.testing.assert_array_equal(out[:size], values)
    assert out[size] == 7  # nothing behind it
    with_private.copy(values[::-1].copy(), buffer)
    shared = with_private.buffer(size, dtype)
    with_private.copy(buffer, shared)
    np.testing.assert_array_equal(shared.numpy(), values[::-1])


def test_it_begins_as_zeros_and_kernels_use_it_in_order(with_private: rw.Device) -> None:
    size = 1000
    hidden = with_private.buffer(size, "uint32", storage="private")
    double, add = with_private.kernel("double_in_place"), with_private.kernel("vector_add")
    first = np.empty(size, np.uint32)
    with_private.copy(hidden, first)
    assert not first.any()
    values = np.arange(size, dtype=np.uint32)
    seen = [np.empty(size, np.uint32) for _ in range(3)]
    copies = [with_private.start_copy(values, hidden)]
    for out in seen:
        double.start(hidden, threads=size)
        add.start(hidden, hidden, hidden, threads=size)
        copies.append(with_private.start_copy(hidden, out))
    for one in copies:
        one.wait(timeout=20)
    for times, out in zip((4, 16, 64), seen, strict=True):
        np.testing.assert_array_equal(out, values * times)


def test_private_and_shared_arguments_of_one_dispatch(with_private: rw.Device) -> None:
    a = np.arange(100, dtype=np.float32)
    out = with_private.buffer(100)
    with_private.kernel("vector_add")(with_private.buffer(a, storage="private"), a, out, threads=100)
    np.testing.assert_array_equal(out.numpy(), 2 * a)


def test_copies_are_awaited(with_private: rw.Device) -> None:
    async def main() -> None:
        hidden = with_private.buffer(10, storage="private")
        await with_private.start_copy(np.full(10, 2.5, np.float32), hidden)
        out = np.zeros(10, np.float32)
        await with_private.start_copy(hidden, out)
        assert (out == 2.5).all()

    asyncio.run(main())


def test_the_host_gets_no_view_of_it(with_private: rw.Device) -> None:
    buffer = with_private.buffer(10, storage="private")
    remedy = "only the device sees its memory; copy it by device.copy"
    with pytest.raises(DispatchError, match=remedy):
        buffer.numpy()
    with pytest.raises(BufferError, match=remedy):
        memoryview(buffer)
    with pytest.raises(BufferError, match=remedy):
        np.from_dlpack(buffer)
    assert repr(buffer) == "<ringway device buffer, shape (10,), float32, private>"


def test_what_does_not_fit_is_refused(with_private: rw.Device, open_device: OpenDevice) -> None:
    hidden = with_private.buffer(10, storage="private")
    for source, target, what in (
        (np.zeros(9, np.float32), hidden, "the source has 9 elements of float32, the target 10 of float32"),
        (hidden, np.zeros(10), "the source has 10 elements of float32, the target 10 of float64"),
        (np.zeros(10), np.zeros(10), "one of the two must be a private buffer"),
        (hidden, hidden, "one of the two must be a private buffer, and not the other"),
        (hidden, np.frombuffer(bytes(40), np.float32), "the target is read-only"),
    ):
        with pytest.raises(DispatchError, match=what):
            with_private.copy(source, target)
    other = open_device()
    with pytest.raises(DispatchError, match="the private buffer is another device's"):
        other.copy(np.zeros(10, np.float32), hidden)
    with pytest.raises(
        DispatchError, match="double_in_place: buffer 'values' is a private one of another device"
    ):
        other.kernel("double_in_place")(hidden, threads=10)


def test_it_may_be_let_go_at_any_time(with_private: rw.Device) -> None:
    out = np.zeros(1000, np.uint32)
    for _ in range(20):
        hidden = with_private.buffer(np.ones(1000, np.uint32), storage="private")
        with_private.kernel("double_in_place").start(hidden, threads=1000)
        last = with_private.start_copy(hidden, out)
        del hidden
    last.wait(timeout=20)
    assert (out == 2).all()
    hidden = with_private.buffer(10, storage="private")
    with_private.close()
    with pytest.raises(Closed):
        with_private.copy(hidden, np.zeros(10, np.float32))
