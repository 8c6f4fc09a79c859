"""A dispatch that does not fit runs nothing, and its error names what was wrong, wanted and given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringway.errors import DispatchError, InvalidOption, NotFound, OutOfMemory

OpenDevice = Callable[..., rw.Device]


@pytest.fixture
def device(open_device: OpenDevice) -> rw.Device:
    return open_device(workers=2)


def floats(count: int) -> Any:
    return np.ones(count, np.float32)


ADD: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "missing": ((floats(4), floats(4)), {"threads": 4}, "buffer 'out' is missing"),
    "none": ((floats(4), None, floats(4)), {"threads": 4}, "buffer 'b' is missing"),
    "undersized": (
        (floats(4), floats(3), floats(4)),
        {"threads": 4},
        r"buffer 'b' has 3 elements; it needs 4 \(threads of the grid\)",
    ),
    "undersized by groups": (
        (floats(10), floats(10), floats(10)),
        {"groups": 2, "group": 8},
        "buffer 'a' has 10 elements; it needs 16",
    ),
    "dtype": (
        (floats(4), floats(4), np.ones(4)),
        {"threads": 4},
        "buffer 'out' has dtype float64; it needs float32, that of 'a'",
    ),
    "dtype not offered": (
        (np.ones(4, np.float16),) * 3,
        {"threads": 4},
        "buffer 'a' has dtype float16; the kernel has float32, ",
    ),
    "dtype of no buffer": (
        (np.ones(4, np.complex64),) * 3,
        {"threads": 4},
        "buffer 'a': elements of format 'Zf' are none that a buffer holds",
    ),
    "read-only": (
        (floats(4), floats(4), np.frombuffer(bytes(16), np.float32)),
        {"threads": 4},
        "buffer 'out' is read-only",
    ),
    "gaps": ((floats(8)[::2], floats(4), floats(4)), {"threads": 4}, "buffer 'a': .*not C-contiguous"),
    "unaligned": (
        (np.frombuffer(bytearray(17), np.uint8)[1:].view(np.float32), floats(4), floats(4)),
        {"threads": 4},
        "buffer 'a' does not begin at a multiple of 4 bytes",
    ),
    "no buffer": ((floats(4), 5, floats(4)), {"threads": 4}, "buffer 'b' is 5; give a buffer of the device"),
    "too many": ((floats(4),) * 4, {"threads": 4}, "4 arguments are given; it takes 3: a, b, out"),
    "unknown name": ((floats(4),) * 3, {"threads": 4, "c": 1}, "no argument 'c'; those are a, b, out"),
    "twice": ((floats(4),) * 3, {"threads": 4, "out": floats(4)}, "argument 'out' is given twice"),
    "no grid": ((floats(4),) * 3, {}, "neither threads nor groups is given"),
    "two grids": ((floats(4),) * 3, {"threads": 4, "groups": 1}, "threads and groups are both given"),
    "negative": ((floats(4),) * 3, {"threads": -1}, "threads is -1; it must be"),
    "no number": ((floats(4),) * 3, {"threads": 2.5}, r"threads is 2\.5; it must be"),
    "four axes": ((floats(4),) * 3, {"threads": (1, 1, 1, 1)}, r"threads is \(1, 1, 1, 1\); it must be"),
    "long axis": ((floats(4),) * 3, {"threads": 2**32}, "an axis has at most 4294967295"),
    "large grid": ((floats(4),) * 3, {"threads": (2**31, 2**31, 2)}, "grid is too large"),
    "oversize group": ((floats(4),) * 3, {"threads": 4, "group": 1025}, r"group is \(1025, 1, 1\)"),
    "oversize group, 2-D": (
        (floats(4),) * 3,
        {"threads": (2, 2), "group": (33, 32)},
        "1056 threads; a group has at most 1024",
    ),
    "deep group": ((floats(4),) * 3, {"threads": 4, "group": (1, 1, 65)}, r"the most on the axes is"),
    "empty group": ((floats(4),) * 3, {"threads": 4, "group": 0}, "each axis has at least 1 thread"),
    "memory": ((floats(4),) * 3, {"threads": 4, "threadgroup_memory": 40_000}, "a group has at most 32768"),
    "memory of no size": (
        (floats(4),) * 3,
        {"threads": 4, "threadgroup_memory": "x"},
        "threadgroup_memory is 'x'",
    ),
}


@pytest.mark.parametrize(("arguments", "grid", "wanted"), ADD.values(), ids=ADD)
def test_vector_add(device: rw.Device, arguments: Any, grid: Any, wanted: str) -> None:
    before = [np.array(argument) for argument in arguments]
    for call in (device.kernel("vector_add"), device.kernel("vector_add").start):
        with pytest.raises(DispatchError, match=f"^vector_add: .*{wanted}"):
            call(*arguments, **grid)
    for argument, kept in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, kept)


def test_overlapping_memory(device: rw.Device) -> None:
    values = floats(9)
    with pytest.raises(DispatchError, match=r"'out', which the kernel writes, lies over 'a'; .*not shifted"):
        device.kernel("vector_add")(values[:8], floats(8), values[1:], threads=8)
    with pytest.raises(DispatchError, match=r"'out', which the kernel writes, lies over 'a'$"):
        device.kernel("matrix_multiply")(values, floats(9), values, 3, threads=(3, 3))


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [
        (None, "float32"),
        ("x", "float32"),
        (1e300, "float32"),
        (2.5, "int32"),
        (-1, "uint32"),
        (2**31, "int32"),
    ],
)
def test_scalars(device: rw.Device, factor: Any, dtype: str) -> None:
    values = np.ones(4, dtype)
    wanted = "'factor' is missing" if factor is None else f"'factor' is .*, which is no {dtype}"
    with pytest.raises(DispatchError, match=f"scalar {wanted}"):
        device.kernel("vector_scale")(values, np.zeros_like(values), factor, threads=4)


def test_threadgroup_memory(device: rw.Device) -> None:
    total = floats(1)
    for size in (0, 1023):
        with pytest.raises(
            DispatchError, match=rf"memory of {size} bytes is given; .*\(256, 1, 1\) need 1024"
        ):
            device.kernel("reduce_sum")(floats(9), total, 9, threads=256, threadgroup_memory=size)
    device.kernel("reduce_sum")(floats(9), total, 9, threads=256, threadgroup_memory=1024)
    assert total[0] == 10
    with pytest.raises(
        DispatchError, match="need 65600 bytes of threadgroup memory; a group has at most 32768"
    ):
        device.kernel("matrix_multiply")(floats(1), floats(1), floats(1), 1, threads=(1, 1), group=(1024, 1))
    with pytest.raises(DispatchError, match="need 40004 bytes of threadgroup memory"):
        device.kernel("histogram")(np.ones(1, np.int32), np.ones(10_001, np.uint32), 1, 10_000, threads=1)


def test_work_without_threads_is_refused(device: rw.Device) -> None:
    with pytest.raises(DispatchError, match="no threads, and there are 9 elements of work"):
        device.kernel("reduce_sum")(floats(9), floats(1), 9, threads=0)
    total = floats(1)
    device.kernel("reduce_sum")(floats(9), total, 0, threads=0)
    assert total[0] == 1


def test_axes(device: rw.Device) -> None:
    with pytest.raises(DispatchError, match=r"threads is \(4, 4, 1\); this kernel's grid has 1 axis"):
        device.kernel("inclusive_scan")(floats(4), floats(4), floats(4), 4, threads=(4, 4))
    with pytest.raises(DispatchError, match=r"group is \(1, 1, 2\); this kernel's grid has 2 axes"):
        device.kernel("matrix_multiply")(floats(1), floats(1), floats(1), 1, threads=1, group=(1, 1, 2))


def test_fixed_dtypes(device: rw.Device) -> None:
    with pytest.raises(DispatchError, match="buffer 'counts' has dtype int32; it needs uint32"):
        device.kernel("histogram")(np.ones(1, np.int32), np.ones(5, np.int32), 1, 4, threads=1)


def test_names(open_device: OpenDevice) -> None:
    with open_device() as device:
        with pytest.raises(NotFound, match="no dispatch kernel 'vector_sub'; kernels: thread_id, vector_add"):
            device.kernel("vector_sub")
        assert device.kernels()[:2] == ["thread_id", "vector_add"]
        assert "factor: T), T: float32" in device.kernel("vector_scale").signature
    with pytest.raises(NotFound, match="no backend 'abacus'"):
        rw.Device("abacus")


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_workers(workers: int, backend: str) -> None:
    with pytest.raises(InvalidOption, match=f"workers is {workers}; it must be 1"):
        rw.Device(backend, workers=workers)


def test_pool_limit(backend: str) -> None:
    with pytest.raises(InvalidOption, match="pool_limit is -1"):
        rw.Device(backend, pool_limit=-1)


ANYTHING = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=8),
    st.lists(st.integers(-1, 5), max_size=4),
    st.tuples(st.integers(0, 2**33)),
    st.sampled_from([np.ones(4, np.float32), np.zeros((2, 2)), np.ones(3, "M8[s]"), np.float32(2), object()]),
)


def refusal(call: Callable[[], object]) -> str | None:
    """The text of the error that a call raises; None when it raises none."""
    try:
        call()
    except (DispatchError, OutOfMemory) as error:
        return str(error)
    return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kernel=st.sampled_from(["vector_add", "vector_scale", "reduce_sum", "inclusive_scan", "matrix_multiply"]),
    arguments=st.lists(ANYTHING, max_size=5),
    grid=st.dictionaries(
        st.sampled_from(["threads", "groups", "group", "threadgroup_memory", "a", "n"]), ANYTHING, max_size=3
    ),
)
def test_anything_is_refused_in_words_or_runs(
    kernel: str, arguments: list[Any], grid: dict[str, Any], device: rw.Device
) -> None:
    refused = refusal(lambda: device.kernel(kernel)(*arguments, **grid))
    assert refused is None or refused.startswith(f"{kernel}: ")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=ANYTHING, dtype=st.sampled_from([None, "float32", "int8", "complex64", "nonsense", 3]))
def test_any_buffer_is_refused_in_words_or_made(source: Any, dtype: Any, device: rw.Device) -> None:
    if isinstance(source, (int, tuple)) and 2**20 < np.prod(source, dtype=float) < 2**50:
        return  # memory that there may be
    assert refusal(lambda: device.buffer(source, dtype)) != ""
