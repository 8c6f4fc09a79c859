"""Whole arrays, tuples and messages in locals: a compiled handler ends as its function in Python does."""

import types
from typing import Annotated, Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors
from ringway.types import Length


@rw.message(layout="struct", name="arrays.Row")
class Row(rw.Message):
    key: rw.i32
    weights: Annotated[rw.Array[rw.i32], Length(4)]
    marks: Annotated[rw.Array[rw.f64], Length(4)]
    on: Annotated[rw.Array[bool], Length(3)]


@rw.message(layout="struct", name="arrays.Ledger")
class Ledger(rw.Message):
    whole: Annotated[rw.Array[rw.i32], Length(4)] = (4, 3, 2, 1)
    real: Annotated[rw.Array[rw.f64], Length(4)] = (0.0,) * 4
    a: rw.i64 = 1
    b: rw.i64 = 2
    best: rw.f64 = 0.0
    ok: bool = False


@rw.message(layout="struct", name="arrays.Pair")
class Pair(rw.Message):
    x: rw.i64
    y: rw.f64


@rw.message(layout="struct", name="arrays.Preset")
class Preset(rw.Message):
    x: rw.i64
    y: rw.f64 = 1.5
    on: bool = True
    row: Annotated[rw.Array[rw.i32], Length(3)] = rw.field(
        default_factory=lambda: np.array([1, -2, 3], np.int32)
    )


def swaps(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    state.a, state.b = state.b, state.a + msg.key
    state.whole[0], state.whole[state.a % 4] = state.whole[state.b % 4], state.whole[0]
    first = second = msg.key
    first, second = second + 1, first
    state.whole[1] = first * 10 + second


def loops(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    for weight in msg.weights:
        if weight == 7:
            continue
        state.a += weight
    for place, mark in enumerate(msg.marks):
        state.real[place] += mark * (place + 1)
    for weight, on in zip(msg.weights, msg.on, strict=False):
        if on:
            state.b += weight
    for own, weight in zip(state.whole, msg.weights, strict=True):
        state.b += own * weight
    for step in (msg.key, 2, state.a % 3):
        state.a += step
    for number in state.whole:  # sees what it writes, as in Python
        state.whole[3] += number


def looks(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    state.ok = msg.key in msg.weights and msg.key not in state.whole and msg.key in (3, 5, state.a)
    if msg.key not in (1, 2):
        state.a = min(msg.weights) * 100 + max(msg.key, 7, state.b)
    state.best = max(msg.marks) + min(0.5, msg.marks[0], 1)


def copies(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    state.real[:] = msg.marks
    state.whole[:] = msg.weights[:]
    if msg.key > 4:
        state.whole[:] = msg.key
        state.real[:] = 0.25


def sends(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    pair = Pair(msg.key, 0.5)
    if msg.key > 3:
        pair.y += state.best
        pair = Pair(pair.x * 2, pair.y + 1.0)
    ctx.emit(pair)
    ctx.emit(Preset(msg.key))
    preset = Preset(y=0.5, x=1)
    preset.row[msg.key % 3] = 9
    ctx.emit(preset)
    state.best += 1.0
    ctx.emit(msg)
    ctx.emit(state)


def twice(x: rw.i64) -> rw.i64:
    return 2 * x


def first_free(state: Ledger, wanted: rw.i64) -> rw.i64:
    for place, number in enumerate(state.whole):
        if number == wanted:
            return place
    return twice(wanted) % 4


def put(state: Ledger, row: Row, place: rw.i64) -> None:
    if place < 0:
        return
    state.whole[place] += row.key
    state.b += row.weights[place]


def take(state: Ledger) -> rw.i64:
    state.a -= 1
    return state.a


def calls(ctx: rw.Context, msg: Row, state: Ledger) -> None:
    put(state, msg, first_free(state, msg.key))
    put(state, msg, -1)
    left = take(state)
    state.b, state.a = take(state), twice(left)
    pair = Pair(left, 0.0)
    grow(pair, state)
    ctx.emit(pair)


def grow(pair: Pair, state: Ledger) -> None:
    pair.y = state.best + pair.x


class Emitted:
    """A context that keeps what is emitted, as it was then."""

    def __init__(self) -> None:
        self.sent: list[rw.Message] = []

    def emit(self, message: Any) -> None:
        cls = Ledger if isinstance(message, types.SimpleNamespace) else type(message)
        self.sent.append(cls.decode(cls(**vars(message)).encode() if cls is Ledger else message.encode()))


def in_python(handler: Any, rows: list[Row]) -> tuple[Ledger, list[rw.Message]]:
    begun, dtype = Ledger(), Ledger.dtype()
    state = types.SimpleNamespace(
        **{
            name: np.array(getattr(begun, name), dtype[name].base)
            if dtype[name].shape
            else getattr(begun, name)
            for name in dtype.names
        }
    )
    ctx = Emitted()
    for row in rows:
        handler(ctx, row, state)
    return Ledger(**vars(state)), ctx.sent


ROWS = [
    Row(key, [key, 7, 2, key + 3], [0.5 * key, 0.1, -2.0, 3.0], [True, key > 3, False]) for key in range(1, 9)
]


@pytest.mark.parametrize("handler", [swaps, loops, looks, copies, sends, calls])
def test_a_handler_ends_as_in_python(handler: Any) -> None:
    state, sent = in_python(handler, ROWS)
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(rw.kernel(handler))
        for row in ROWS:
            kernel.send(row)
        assert [kernel.receive(20).encode() for _ in sent] == [message.encode() for message in sent]
        kernel.terminate()
        assert kernel.failure == ""
        assert kernel.read_state().encode() == state.encode()


def test_all_values_are_taken_before_the_first_is_stored() -> None:
    @rw.kernel
    def fails(ctx: rw.Context, msg: Row, state: Ledger) -> None:
        state.a, state.b = 50, state.whole[msg.key]

    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(fails, options=rw.LaunchOptions(on_error="skip"))
        with pytest.raises(errors.HandlerError, match="IndexError"):
            kernel.request(Row(9, [0] * 4, [0.0] * 4, [True] * 3), timeout=20)
        assert kernel.read_state() == Ledger.decode(Ledger().encode())


def test_a_function_that_fails_leaves_the_handler_with_its_line() -> None:
    @rw.kernel
    def fails(ctx: rw.Context, msg: Row, state: Ledger) -> None:
        state.a = 7
        put(state, msg, rw.i64(msg.key))
        state.a = 8

    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(fails, options=rw.LaunchOptions(on_error="skip"))
        line = put.__code__.co_firstlineno + 3
        with pytest.raises(errors.HandlerError, match=rf"test_compiled_arrays.py:{line}: IndexError"):
            kernel.request(Row(9, [0] * 4, [0.0] * 4, [True] * 3), timeout=20)
        assert kernel.read_state().a == 7


def test_what_a_call_is_given_fails_before_the_call() -> None:
    @rw.kernel
    def fails(ctx: rw.Context, msg: Row, state: Ledger) -> None:
        put(state, msg, rw.i64(state.whole[msg.key]))

    @rw.kernel
    def looks_further(ctx: rw.Context, msg: Row, state: Ledger) -> None:
        state.ok = msg.key in (9, state.whole[msg.key])

    given = Ledger.decode(Ledger().encode())
    with rw.Runtime("cpu") as runtime:
        for made in (fails, looks_further):
            kernel = runtime.launch(made, options=rw.LaunchOptions(on_error="skip"))
            with pytest.raises(errors.HandlerError, match="IndexError"):
                kernel.request(Row(9, [0] * 4, [0.0] * 4, [True] * 3), timeout=20)
            assert kernel.read_state() == given
