"""k-means: points find the nearest of k centres; after a round each centre moves to its points' mean."""

from __future__ import annotations

import random
from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

K = 3


@rw.message(layout="struct")
class Point(rw.Message):
    number: rw.i64
    x: rw.f64
    y: rw.f64
    last: bool = False  # of a round


@rw.message(layout="struct")
class Assigned(rw.Message):
    number: rw.i64
    centre: rw.i64


@rw.message(layout="struct")
class Centres(rw.Message):
    x: Annotated[rw.Array[rw.f64], Length(K)]
    y: Annotated[rw.Array[rw.f64], Length(K)]
    sum_x: Annotated[rw.Array[rw.f64], Length(K)] = rw.field(default_factory=lambda: np.zeros(K))
    sum_y: Annotated[rw.Array[rw.f64], Length(K)] = rw.field(default_factory=lambda: np.zeros(K))
    points: Annotated[rw.Array[rw.i64], Length(K)] = rw.field(default_factory=lambda: np.zeros(K, np.int64))


def squared(x: rw.f64, y: rw.f64) -> rw.f64:
    return x * x + y * y


@rw.kernel
def kmeans(ctx: rw.Context, msg: Point, state: Centres) -> None:
    nearest, least = 0, squared(msg.x - state.x[0], msg.y - state.y[0])
    for i, x in enumerate(state.x):
        distance = squared(msg.x - x, msg.y - state.y[i])
        if distance < least:
            nearest, least = i, distance
    ctx.emit(Assigned(msg.number, nearest))
    state.sum_x[nearest] += msg.x
    state.sum_y[nearest] += msg.y
    state.points[nearest] += 1
    if msg.last:
        for i, count in enumerate(state.points):
            if count > 0:
                state.x[i], state.y[i] = state.sum_x[i] / count, state.sum_y[i] / count
        state.sum_x[:] = 0.0
        state.sum_y[:] = 0.0
        state.points[:] = 0


def main() -> None:
    draw = random.Random(2)
    points = [(draw.gauss(5 * (i % K), 1), draw.gauss(3 * (i % K), 1)) for i in range(300)]
    x, y = np.array(points[:K]).T
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(kmeans, state=Centres(x, y))
        for _ in range(10):
            for number, point in enumerate(points):
                kernel.send(Point(number, *point, last=number == len(points) - 1))
            nearest = [kernel.receive(timeout=20).centre for _ in points]
        centres = kernel.read_state()
    for i in range(K):
        print(f"centre {i} at ({centres.x[i]:.2f}, {centres.y[i]:.2f}) has {nearest.count(i)} points")


if __name__ == "__main__":
    main()
