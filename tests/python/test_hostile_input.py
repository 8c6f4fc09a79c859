"""Public calls with wrong types and extreme values: an error of ringway or a right result, never a crash."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import ringway as rw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
EXTREME = [-(2**200), -(2**63), -(2**31), -1, 0, 1, 15, 16, 17, 2**20, 2**24, 2**32, 2**63, 2**64, 2**200]
ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(EXTREME),
    st.sampled_from([0.0, -0.0, -1.0, 1e-320, 1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "echo", "auto", "block", "park", "fail", "direct", "x" * 5000, "\0", "\ud800"]),
    st.sampled_from([b"", b"x" * 5000, bytearray(3), memoryview(b"abcdef")[::2]]),
    st.sampled_from([[], {}, (), object(), int, rw.VectorRequest, rw.LaunchOptions(), ...]),
)
OPTIONS = sorted(rw.LaunchOptions.__dataclass_fields__)


@pytest.fixture(scope="module")
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=1) as started:
        yield started


def refused_or_right(call: Any, *values: Any, **named: Any) -> Any:
    """Make the call; a refusal, None, must be one of ringway's errors."""
    try:
        return call(*values, **named)
    except rw.Error:
        return None


@FEW
@given(st.dictionaries(st.sampled_from(OPTIONS), ANY, max_size=3))
def test_launch_options(options: dict[str, Any]) -> None:
    refused_or_right(rw.LaunchOptions, **options)


@FEW
@given(kernel=ANY, name=ANY, options=ANY)
def test_launch(runtime: rw.Runtime, kernel: Any, name: Any, options: Any) -> None:
    launched = refused_or_right(runtime.launch, kernel, name=name, options=options)
    if launched is not None:
        assert launched.request(b"still right", timeout=20) == b"still right"
        launched.terminate()
    assert runtime.kernels() == []


@FEW
@given(backend=ANY, watchdog=ANY)
def test_runtime(backend: Any, watchdog: Any) -> None:
    started = refused_or_right(rw.Runtime, backend, workers=1, watchdog=watchdog)
    if started is not None:
        started.close()


@FEW
@given(message=ANY)
def test_messages(runtime: rw.Runtime, message: Any) -> None:
    kernel = runtime.launch("echo")
    if refused_or_right(kernel.send, message) is not None:
        assert kernel.receive(timeout=20) == bytes(message)
    answer = refused_or_right(kernel.request, message, timeout=20)
    assert answer is None or answer == bytes(message)
    assert kernel.request(b"still right", timeout=20) == b"still right"
    kernel.terminate()


@FEW
@given(timeout=ANY.filter(lambda value: value is not None and value != math.inf))
def test_time_outs(runtime: rw.Runtime, timeout: Any) -> None:
    kernel = runtime.launch("echo")
    assert kernel.request(b"x", timeout=20) == b"x"
    kernel.send(b"y")
    answer = refused_or_right(kernel.receive, timeout=timeout)
    assert answer in (None, b"y")
    refused_or_right(kernel.terminate, timeout=timeout)
    if kernel.state != "terminated":
        kernel.terminate()


@FEW
@given(name=ANY)
def test_look_up(runtime: rw.Runtime, name: Any) -> None:
    assert refused_or_right(runtime.kernel, name) is None
