"""Heat equation on a ring: each kernel holds a stretch of it, and tells its neighbours its ends each step."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ringway as rw
from numpy.typing import NDArray
from ringway.types import Length

STRETCHES = 4
CELLS = 16
RATE = 0.25  # of conductivity * step / cell**2; up to 0.5 it is stable
START, LEFT, RIGHT = 0, 1, 2


@rw.message(layout="struct")
class End(rw.Message):
    kind: rw.i32  # START: a number of steps; else the value beyond the left or right end
    step: rw.i64
    value: rw.f64 = 0.0


@rw.message(layout="struct")
class Settled(rw.Message):
    step: rw.i64


@rw.message(layout="struct")
class Stretch(rw.Message):
    """A neighbour may be one step ahead, so that there is room for two values of each."""

    values: Annotated[rw.Array[rw.f64], Length(CELLS)] = rw.field(default_factory=lambda: np.zeros(CELLS))
    left: Annotated[rw.Array[rw.f64], Length(2)] = rw.field(default_factory=lambda: np.zeros(2))
    right: Annotated[rw.Array[rw.f64], Length(2)] = rw.field(default_factory=lambda: np.zeros(2))
    ends: Annotated[rw.Array[rw.i32], Length(2)] = rw.field(
        default_factory=lambda: np.zeros(2, np.int32)
    )  # that have come, of an even and an odd step
    step: rw.i64 = 0
    target: rw.i64 = 0
    told: rw.i64 = 0  # steps whose ends the neighbours have been sent


@rw.kernel(outputs=("left", "right"))
def conduct(ctx: rw.Context, msg: End, state: Stretch) -> None:
    if msg.kind == START:
        state.target += msg.step
    else:
        if msg.kind == LEFT:
            state.left[msg.step % 2] = msg.value
        else:
            state.right[msg.step % 2] = msg.value
        state.ends[msg.step % 2] += 1
        if state.step == state.target:
            return  # a neighbour was told to start before

    while state.step < state.target:
        if state.told == state.step:
            ctx.send("left", End(RIGHT, state.step, state.values[0]))
            ctx.send("right", End(LEFT, state.step, state.values[-1]))
            state.told += 1
        now = state.step % 2
        if state.ends[now] < 2:
            return
        state.ends[now] = 0
        before = state.left[now]
        for i, value in enumerate(state.values):
            after = state.values[i + 1] if i + 1 < CELLS else state.right[now]
            state.values[i] = value + RATE * (before - 2 * value + after)
            before = value
        state.step += 1
    ctx.emit(Settled(state.step))


def spread(runtime: rw.Runtime, values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return the temperatures of STRETCHES * CELLS cells, whose ends meet, after so many steps."""
    kernels = [runtime.launch(conduct, state=Stretch(values=part)) for part in np.split(values, STRETCHES)]
    for i, kernel in enumerate(kernels):
        runtime.link(kernel, kernels[i - 1], output="left", message=End)
        runtime.link(kernel, kernels[(i + 1) % STRETCHES], output="right", message=End)
    for kernel in kernels:
        kernel.send(End(START, steps))
    for kernel in kernels:
        kernel.receive(timeout=20)
    return np.concatenate([kernel.read_state().values for kernel in kernels])


def main() -> None:
    values = np.zeros(STRETCHES * CELLS)
    values[10] = 100.0
    with rw.Runtime("cpu") as runtime:
        after = spread(runtime, values, 200)
    print(f"hottest {after.max():.2f} at cell {after.argmax()}, coldest {after.min():.2f}")
    print(f"heat in all: {after.sum():.6f}")


if __name__ == "__main__":
    main()
