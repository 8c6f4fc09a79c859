"""vector_op: each operation inline and by buffer, against the CPU's answer; and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import ringway as rw

Options = Callable[..., rw.LaunchOptions]
Launched = tuple[rw.Runtime, rw.Kernel]

# Largest difference to the CPU, in units in the last place: the first three are exact in IEEE 754 arithmetic;
# GPUs divide by a reciprocal unless told otherwise.
BOUNDS = {"add": 0.0, "subtract": 0.0, "multiply": 0.0, "divide": 2.0}
NUMPY = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide}


@pytest.fixture
def kernel(runtime: rw.Runtime, options: Options) -> Launched:
    return runtime, runtime.launch("vector_op", options=options())


@pytest.fixture(scope="module")
def cpu() -> Iterator[Launched]:
    with rw.Runtime("cpu", workers=1) as runtime:
        yield runtime, runtime.launch("vector_op")


def assert_close(found: np.ndarray, expected: np.ndarray, op: str) -> None:
    assert found.dtype == expected.dtype == np.float32
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= BOUNDS[op] * np.spacing(np.abs(expected)))


@pytest.mark.parametrize("op", BOUNDS)
@pytest.mark.parametrize("n", [0, 1, 10, 25])
def test_inline(kernel: Launched, cpu: Launched, op: str, n: int) -> None:
    a = np.linspace(-3, 3, n, dtype=np.float32)
    b = np.linspace(1, 2, n, dtype=np.float32)
    request = rw.VectorRequest(a, b, op=op)
    answer = kernel[1].request(request, timeout=20)
    assert answer.success
    assert answer.error is None
    assert answer.processed == n
    assert answer.correlation_id == request.message_id
    assert answer.message_id != request.message_id
    assert answer.priority == request.priority
    expected = cpu[1].request(rw.VectorRequest(a, b, op=op), timeout=20).result
    np.testing.assert_array_equal(expected, NUMPY[op](a, b))
    assert_close(answer.result, expected, op)


def by_handle(launched: Launched, a: np.ndarray, b: np.ndarray, op: str) -> np.ndarray:
    runtime, vector_op = launched
    out = np.zeros_like(a)
    buffers = [runtime.buffer(array) for array in (a.copy(), b.copy(), out)]
    request = rw.VectorRequest.by_handle(*(buffer.handle for buffer in buffers), len(a), op=op)
    answer = vector_op.request(request, timeout=20)
    assert answer.success
    assert answer.result is None
    assert answer.result_handle == buffers[2].handle
    return out


@pytest.mark.parametrize("op", BOUNDS)
@pytest.mark.parametrize("n", [0, 100, 100_000])
def test_by_handle(kernel: Launched, cpu: Launched, op: str, n: int) -> None:
    random = np.random.default_rng(1)
    a, b = random.random((2, n), np.float32)
    found, expected = (by_handle(launched, a, b, op) for launched in (kernel, cpu))
    np.testing.assert_array_equal(expected, NUMPY[op](a, b))
    assert_close(found, expected, op)


def test_division_by_zero_follows_ieee(kernel: Launched) -> None:
    a = np.array([1, -1, 0], np.float32)
    answer = kernel[1].request(rw.VectorRequest(a, np.zeros(3, np.float32), op="divide"))
    np.testing.assert_array_equal(answer.result, [np.inf, -np.inf, np.nan])


def refused(kernel: rw.Kernel, request: rw.VectorRequest) -> str:
    answer = kernel.request(request, timeout=10)
    assert not answer.success
    assert answer.result is None
    assert answer.processed == 0
    assert answer.error is not None
    return str(answer.error)


def test_what_can_be_said_in_the_protocol_is_answered_there(kernel: Launched) -> None:
    runtime, vector_op = kernel
    request = rw.VectorRequest([1, 2], [3, 4])
    request.length = 3
    assert "length" in refused(vector_op, request)
    request.length = -1
    assert "length" in refused(vector_op, request)
    request.length = 26
    assert "25" in refused(vector_op, request)
    small = runtime.buffer(16)
    large = runtime.buffer(400)
    ask = rw.VectorRequest.by_handle
    assert "names no buffer" in refused(vector_op, ask(large.handle, 12345, large.handle, 100))
    assert "smaller" in refused(vector_op, ask(large.handle, small.handle, large.handle, 100))
    unaligned = runtime.buffer(np.zeros(403, np.uint8)[1:402])
    assert "multiple of 4" in refused(vector_op, ask(large.handle, large.handle, unaligned.handle, 100))
    handle = large.handle
    large.release()
    assert large.handle == 0
    assert "names no buffer" in refused(vector_op, ask(handle, handle, handle, 4))


def test_unknown_operation(kernel: Launched) -> None:
    request = rw.VectorRequest([1], [2])
    request.op = 9
    assert "divide" in refused(kernel[1], request)
