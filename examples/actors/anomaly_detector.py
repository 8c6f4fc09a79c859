"""Moving-window anomaly detector: samples that lie far from those just before them."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

WINDOW = 32
LIMIT = 4.0  # standard deviations


@rw.message(layout="struct")
class Reading(rw.Message):
    value: rw.f64


@rw.message(layout="struct")
class Alarm(rw.Message):
    number: rw.i64
    value: rw.f64
    score: rw.f64


@rw.message(layout="struct")
class Window(rw.Message):
    seen: rw.i64 = 0
    values: Annotated[rw.Array[rw.f64], Length(WINDOW)] = rw.field(default_factory=lambda: np.zeros(WINDOW))


@rw.kernel
def anomaly_detector(ctx: rw.Context, msg: Reading, state: Window) -> None:
    if state.seen >= WINDOW:
        mean = 0.0
        for value in state.values:
            mean += value / WINDOW
        variance = 0.0
        for value in state.values:
            variance += (value - mean) ** 2 / WINDOW
        deviation = math.sqrt(variance)
        if deviation > 0.0 and abs(msg.value - mean) > LIMIT * deviation:
            ctx.emit(Alarm(state.seen, msg.value, (msg.value - mean) / deviation))
    state.values[state.seen % WINDOW] = msg.value
    state.seen += 1


def main() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(anomaly_detector)
        for i in range(200):
            kernel.send(Reading(math.sin(i / 5) + (8.0 if i == 150 else 0.0)))
        alarm = kernel.receive(timeout=20)
    print(f"sample {alarm.number} is {alarm.value:.2f}, {alarm.score:.1f} deviations from the mean")


if __name__ == "__main__":
    main()
