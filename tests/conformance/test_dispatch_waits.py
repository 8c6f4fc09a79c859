"""Dispatches waited for, awaited, given up and interrupted."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway.errors import Closed, ForkedError, InvalidOption, Timeout

OpenDevice = Callable[..., rw.Device]

MOST_INNER = 1 << 18


@functools.cache
def long_inner(backend: str) -> int:
    """Inner length of a multiplication that takes one worker 50 ms, and so can be caught in the act."""
    inner = 250
    try:
        device = rw.Device(backend, workers=1)
    except InvalidOption:  # of a backend that has no such choice
        device = rw.Device(backend)
    with device:

        def seconds() -> float:
            began = time.monotonic()
            multiply(device, inner)[0].wait()
            return time.monotonic() - began

        seconds()  # what a first dispatch prepares
        # The least of several: what else the machine does only adds.
        while min(seconds() for _ in range(3)) < 0.05 and inner < MOST_INNER:
            inner *= 2
    return inner


def multiply(device: rw.Device, inner: int | None = None, times: int = 1) -> Any:
    """Start a dispatch of many groups, long or with that `inner` length; it makes each element `inner`."""
    inner = inner or times * long_inner(device.backend)
    a, b = np.ones(128 * inner, np.float32), np.ones(inner * 128, np.float32)
    out = np.zeros((128, 128), np.float32)
    return device.kernel("matrix_multiply").start(a, b, out, inner, threads=(128, 128)), out


def test_wait_and_done(open_device: OpenDevice) -> None:
    with open_device(workers=2) as device:
        dispatch, out = multiply(device, 100)
        dispatch.wait(timeout=30)
        assert dispatch.done
        dispatch.wait()
        assert (out == 100).all()
        assert repr(dispatch) == "<ringway dispatch of 'matrix_multiply', done>"
        with pytest.raises(InvalidOption, match="timeout is -1"):
            dispatch.wait(timeout=-1)


def test_a_time_out_leaves_it_running(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        dispatch, out = multiply(device)
        with pytest.raises(Timeout, match="'matrix_multiply' has not ended within"):
            dispatch.wait(timeout=0.001)
        dispatch.wait(timeout=60)
        assert (out == long_inner(device.backend)).all()


def test_dispatches_run_in_order(open_device: OpenDevice) -> None:
    with open_device(workers=3) as device:
        values = device.buffer(np.ones(5000, np.uint64))
        double = device.kernel("double_in_place")
        started = [double.start(values, threads=5000) for _ in range(30)]
        double(values, threads=5000)
        assert all(dispatch.done for dispatch in started)
        assert (values.numpy() == 2**31).all()


def test_many_threads_share_a_device(open_device: OpenDevice) -> None:
    with open_device(workers=2) as device:
        wrong = []

        def work(seed: int) -> None:
            values = np.random.default_rng(seed).integers(0, 1000, 3001, np.int64)
            out, sums = np.empty_like(values), np.empty(8, np.int64)
            for _ in range(20):
                device.kernel("inclusive_scan")(values, out, sums, values.size, threads=500, group=64)
                if not np.array_equal(out, values.cumsum()):
                    wrong.append(seed)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_await(open_device: OpenDevice) -> None:
    async def main(device: rw.Device) -> None:
        values = device.buffer(np.ones(10_000, np.float32))
        for _ in range(3):
            await device.kernel("vector_scale").start(values, values, 2, threads=10_000)
        assert (values.numpy() == 8).all()

        async def one(size: int) -> None:
            a = np.arange(size, dtype=np.float32)
            out = np.empty_like(a)
            await device.kernel("vector_add").start(a, a, out, threads=size)
            np.testing.assert_array_equal(out, a + a)

        await asyncio.gather(*(one(size) for size in range(200)))

    with open_device(workers=2) as device:
        asyncio.run(main(device))
        asyncio.run(main(device))  # another loop


def test_an_event_loop_turns_while_it_awaits(open_device: OpenDevice) -> None:
    async def main(device: rw.Device) -> int:
        dispatch, out = multiply(device)
        turns = 0
        task = asyncio.ensure_future(asyncio.wait_for(dispatch, 60))
        while not task.done():
            turns += 1
            await asyncio.sleep(0.001)
        await task
        assert (out == long_inner(device.backend)).all()
        return turns

    with open_device(workers=1) as device:
        assert asyncio.run(main(device)) > 3


def test_a_cancelled_await_cancels_the_dispatch_and_those_behind_it_run(open_device: OpenDevice) -> None:
    async def main(device: rw.Device) -> None:
        dispatch, _ = multiply(device)
        behind, out = multiply(device, 10)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(dispatch, 0.005)
        assert dispatch.done
        with pytest.raises(Closed, match="matrix_multiply: the dispatch was cancelled"):
            await dispatch
        await behind
        assert (out == 10).all()

    with open_device(workers=1) as device:
        asyncio.run(main(device))


def test_awaited_by_several(open_device: OpenDevice) -> None:
    async def main(device: rw.Device) -> None:
        dispatch, out = multiply(device, 1000)
        await asyncio.gather(*(asyncio.wait_for(dispatch, 60) for _ in range(5)))
        assert (out == 1000).all()

    with open_device(workers=1) as device:
        asyncio.run(main(device))


def test_cancel(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        running, first = multiply(device)
        waiting, second = multiply(device)
        behind, third = multiply(device, 10)
        assert waiting.cancel()
        assert running.cancel()
        for dispatch in running, waiting:
            with pytest.raises(Closed, match="matrix_multiply: the dispatch was cancelled"):
                dispatch.wait(timeout=60)
            assert dispatch.done
            assert not dispatch.cancel()
        behind.wait(timeout=60)
        assert not behind.cancel()
        for out in first, second:  # a group has run whole, or not
            assert np.isin(out, (0, long_inner(device.backend))).all()
        assert (third == 10).all()


def test_ctrl_c_ends_a_wait_and_the_dispatch_goes_on(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        dispatch, _ = multiply(device, times=8)
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            dispatch.wait()
        timer.join()
        assert not dispatch.done
        assert dispatch.cancel()
        with pytest.raises(Closed):
            dispatch.wait(timeout=60)


def test_memory_lives_until_the_dispatch_has_ended(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        first, _ = multiply(device)
        values = device.buffer(np.ones(1 << 20, np.float32))
        held = values.numpy()
        device.kernel("double_in_place").start(values, threads=values.size)
        del values
        gc.collect()
        multiply(device, 10)[0].wait()
        assert first.done
        assert (held == 2).all()


def test_close_ends_what_runs(open_device: OpenDevice) -> None:
    device = open_device(workers=1)
    started = [multiply(device)[0] for _ in range(3)]
    began = time.monotonic()
    device.close()
    assert time.monotonic() - began < 5
    assert device.closed
    for dispatch in started:
        assert dispatch.done
    with pytest.raises(Closed, match="matrix_multiply: the dispatch was cancelled"):
        started[-1].wait()
    with pytest.raises(Closed, match="the device is closed"):
        device.kernel("thread_id")(np.zeros(1, np.uint32), threads=1)
    with pytest.raises(Closed):
        device.buffer(3)
    device.close()


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals")
def test_ctrl_c_ends_a_call(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        inner = 8 * long_inner(device.backend)
        a, out = np.ones(128 * inner, np.float32), np.zeros((128, 128), np.float32)
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            device.kernel("matrix_multiply")(a, a, out, inner, threads=(128, 128))
        timer.join()
        small = np.ones(3, np.float32)
        device.kernel("double_in_place")(small, threads=3)
        assert list(small) == [2, 2, 2]


def test_a_forked_child_is_told(open_device: OpenDevice) -> None:
    with open_device(workers=1) as device:
        multiply(device, 10)[0].wait()
        child = os.fork()
        if child == 0:
            try:
                device.kernel("thread_id")(np.zeros(1, np.uint32), threads=1)
            except ForkedError:
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.usefixtures("open_device")
def test_a_device_that_nobody_closes(backend: str) -> None:
    device = rw.Device(backend)
    dispatch, _ = multiply(device)
    del device
    gc.collect()
    assert dispatch.done
    with pytest.raises(Closed):
        dispatch.wait()
