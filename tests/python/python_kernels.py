"""Messages and kernels for the tests of kernels that Python runs."""

from __future__ import annotations

import numpy as np
import ringway as rw

T = 30  # seconds that nothing here takes


@rw.message(layout="struct")
class Sample32(rw.Message):
    key: rw.i32
    value: rw.f32


@rw.message(layout="struct")
class Mean32(rw.Message):
    count: rw.i64 = 0
    mean: rw.f32 = 0.0


@rw.message
class WordCounts(rw.Message):
    words: list[str]
    weights: rw.Array[rw.f64]


@rw.message
class TextLine(rw.Message):
    text: str


@rw.kernel(mode="python")
def running_mean(ctx: rw.Context, msg: Sample32, state: Mean32) -> None:
    if msg.value < 0.0:
        raise ValueError("a negative sample")
    state.count += 1
    state.mean += (msg.value - state.mean) / state.count
    ctx.reply(Mean32(state.count, state.mean))


@rw.kernel(mode="python", outputs=("means", "alarms"))
def watch(ctx: rw.Context, msg: Sample32, state: Mean32) -> None:
    state.count += 1
    if msg.value > 10.0:
        ctx.send("alarms", Sample32(msg.key, msg.value))
    ctx.send("means", Mean32(state.count, msg.value))


@rw.kernel(mode="python")
def count_means(ctx: rw.Context, msg: Mean32, state: list[int]) -> None:
    state.append(msg.count)
    ctx.emit(Mean32(sum(state), 0.0))


@rw.kernel(mode="python")
def collect(ctx: rw.Context, msg: Sample32, state: None) -> None:
    ctx.emit(msg)


@rw.kernel(mode="python")
def triple(ctx: rw.Context, msg: Sample32, state: Mean32) -> None:
    for i in range(3):
        ctx.emit(Sample32(msg.key * 3 + i, msg.value))
    state.count += 1
    ctx.reply(Sample32(msg.key, msg.value))


@rw.kernel(mode="python")
def count_words(ctx: rw.Context, msg: WordCounts | TextLine, state: dict[str, float]) -> None:
    """Add up the weights of words, and answer with what is known of each."""
    if isinstance(msg, TextLine):
        msg = WordCounts(msg.text.split(), np.ones(len(msg.text.split())))
    for word, weight in zip(msg.words, msg.weights, strict=True):
        state[word] = state.get(word, 0.0) + float(weight)
    ctx.reply(WordCounts(list(state), np.array(list(state.values()))))
