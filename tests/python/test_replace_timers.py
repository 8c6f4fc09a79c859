"""Replacement of kernels that have timers and counters, or have asked to be deactivated."""

from __future__ import annotations

from typing import Any

import pytest
import ringway as rw
from ringway import errors

from tests.python.test_replace import MODES, Mode, T, made
from tests.waiting import until


@rw.message(layout="struct")
class Move(rw.Message):
    by: rw.i64 = 0


@rw.message(layout="struct")
class Moved(rw.Message):
    total: rw.i64 = 0
    ticks: rw.i64 = 0


def forward(ctx: rw.Context, msg: Move, state: Moved) -> None:
    state.total += msg.by
    ctx.count("moves")
    ctx.reply(state)


def backward(ctx: rw.Context, msg: Move, state: Moved) -> None:
    state.total -= msg.by
    ctx.count("moves")
    ctx.reply(state)


def silent(ctx: rw.Context, msg: Move, state: Moved) -> None:
    state.total += msg.by
    ctx.reply(state)


def up(ctx: rw.Context, state: Moved) -> None:
    state.ticks += 1


def down(ctx: rw.Context, state: Moved) -> None:
    state.ticks -= 1


def rests(ctx: rw.Context, msg: Move, state: Moved) -> None:
    state.total += msg.by
    ctx.deactivate()
    ctx.reply(state)


def timed(handler: Any, tick: Any, mode: Mode, every: float = 0.001) -> Any:
    kernel = made(handler, mode)
    kernel.timer(every=every)(tick)
    return kernel


@pytest.mark.parametrize("second", MODES)
@pytest.mark.parametrize("first", MODES)
def test_the_new_ones_ticks_come_and_counters_count_on(first: Mode, second: Mode) -> None:
    with rw.Runtime("cpu", workers=2) as runtime:
        kernel = runtime.launch(timed(forward, up, first), grid=2)
        kernel.request(Move(3), T)
        until(lambda: kernel.telemetry().ticks >= 4)
        kernel.replace(timed(backward, down, second))
        kernel.request(Move(1), T)
        assert kernel.telemetry().counters == {"moves": 2}
        until(lambda: all(kernel.read_state(replica=replica).ticks < 0 for replica in range(2)))


@pytest.mark.parametrize("mode", MODES)
def test_it_has_the_same_timers_and_counters(mode: Mode) -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(timed(forward, up, mode))
        with pytest.raises(errors.InvalidOption, match=r"it counts 'moves', the other none"):
            kernel.replace(timed(silent, up, mode))
        with pytest.raises(errors.InvalidOption, match=r"timers every 1000000 ns, the other no timers"):
            kernel.replace(made(backward, mode))
        with pytest.raises(errors.InvalidOption, match=r"the other timers every 2000000 ns"):
            kernel.replace(timed(backward, up, mode, every=0.002))
        plain = runtime.launch(made(silent, mode))
        with pytest.raises(errors.InvalidOption, match=r"it counts none, the other 'moves'"):
            plain.replace(made(backward, mode))
        with pytest.raises(errors.InvalidOption, match=r"it has no timers"):
            plain.replace(timed(silent, up, mode))
        assert (kernel.replacements, plain.replacements) == (0, 0)


@pytest.mark.parametrize("mode", MODES)
def test_one_that_has_deactivated_itself_stays_so(mode: Mode) -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(made(rests, mode))
        kernel.request(Move(1), T)
        until(lambda: kernel.state == "inactive")
        kernel.replace(made(silent, mode))
        assert kernel.state == "inactive"
        kernel.activate()
        assert kernel.request(Move(1), T).total == 2


def test_a_timer_comes_before_the_first_use_as_a_replacement() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel, other = runtime.launch(made(silent, "python")), made(silent, "python")
        kernel.replace(other)
        with pytest.raises(errors.InvalidState, match="has been launched"):
            other.timer(every=1)(up)
