"""Wrong input to a runtime is refused in words, and touches nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import ringway as rw
from ringway.errors import InvalidOption


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan])
def test_a_time_out_is_not_negative(timeout: float) -> None:
    with rw.Runtime() as runtime:
        echo = runtime.launch("echo")
        with pytest.raises(InvalidOption, match="timeout is"):
            echo.receive(timeout=timeout)
        with pytest.raises(InvalidOption, match="timeout is"):
            echo.request(b"", timeout=timeout)
        with pytest.raises(InvalidOption, match="timeout is"):
            echo.terminate(timeout=timeout)
        assert echo.telemetry().received == 0


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_a_runtime_has_at_least_one_worker(workers: int) -> None:
    with pytest.raises(InvalidOption, match=f"workers is {workers}; it must be 1"):
        rw.Runtime(workers=workers)


def test_memory_with_gaps_is_no_buffer() -> None:
    grid = np.zeros((4, 4), np.float32)
    with rw.Runtime() as runtime, pytest.raises(InvalidOption, match="C-contiguous"):
        runtime.buffer(grid[:, 1])


def test_echo_passes_what_comes_by_a_link_to_the_host() -> None:
    with rw.Runtime() as runtime:
        relay, echo = runtime.launch("relay"), runtime.launch("echo")
        runtime.link(relay, echo)
        for body in (b"", b"0123", bytes(range(256))):
            relay.send(body)
            assert echo.receive(timeout=5) == body
        assert echo.request(b"mailbox", timeout=5) == b"mailbox"


@pytest.mark.parametrize(
    "wrong", [{"kernel": None}, {"kernel": "echo", "name": 3}, {"kernel": "echo", "options": "x"}]
)
def test_a_launch_names_the_argument_of_a_wrong_type(wrong: dict[str, object]) -> None:
    with rw.Runtime() as runtime:
        with pytest.raises(InvalidOption, match=f"{list(wrong)[-1]} is .*; launch takes a"):
            runtime.launch(**wrong)  # type: ignore[arg-type]
        assert runtime.kernels() == []


def test_iterations_are_whole() -> None:
    with pytest.raises(InvalidOption, match=r"max_iter is 1\.5; it must be a whole number"):
        rw.pagerank(([0], [1]), max_iter=1.5)  # type: ignore[arg-type]
