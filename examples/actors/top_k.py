"""Top-k: the largest scores of a stream and whose they are, in order."""

from __future__ import annotations

import random
from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

K = 8


@rw.message(layout="struct")
class Score(rw.Message):
    player: rw.i64
    score: rw.f64


@rw.message(layout="struct")
class Top(rw.Message):
    filled: rw.i64 = 0
    players: Annotated[rw.Array[rw.i64], Length(K)] = rw.field(default_factory=lambda: np.zeros(K, np.int64))
    scores: Annotated[rw.Array[rw.f64], Length(K)] = rw.field(default_factory=lambda: np.zeros(K))


@rw.kernel
def top_k(ctx: rw.Context, msg: Score, state: Top) -> None:
    if state.filled < len(state.scores):
        place = state.filled
        state.filled += 1
    elif msg.score > state.scores[-1]:
        place = len(state.scores) - 1
    else:
        return
    while place > 0 and state.scores[place - 1] < msg.score:
        state.scores[place] = state.scores[place - 1]
        state.players[place] = state.players[place - 1]
        place -= 1
    state.scores[place], state.players[place] = msg.score, msg.player


def main() -> None:
    scores = random.Random(1)
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(top_k)
        for player in range(1000):
            kernel.send(Score(player, scores.random() * 100))
        kernel.terminate()  # handles what is queued
        top = kernel.read_state()
    for player, score in zip(top.players[:3], top.scores[:3], strict=True):
        print(f"player {player}: {score:.2f}")


if __name__ == "__main__":
    main()
