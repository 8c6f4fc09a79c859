"""What typical mistakes in a kernel say: file, line and column, the construct, what to do."""

# The mistakes are what is tested.
# ruff: noqa: B007, F401, F821, F841

from __future__ import annotations

import decimal
import enum
import math
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import ringway as rw
from ringway import errors
from ringway.types import Length


@rw.message(layout="struct")
class Ask(rw.Message):
    key: rw.i32
    value: rw.f32
    big: rw.u64
    small: rw.i8


@rw.message(layout="struct")
class Answer(rw.Message):
    mean: rw.f32


@rw.message(layout="struct")
class Slate(rw.Message):
    count: rw.i32 = 0
    mean: rw.f32 = 0.0
    on: bool = False
    v: Annotated[rw.Array[rw.f32], Length(4)] = (0.0,) * 4
    w: Annotated[rw.Array[rw.f32], Length(3)] = (0.0,) * 3


@rw.message
class Unlaid(rw.Message):
    text: str


class Color(enum.IntEnum):
    RED = 3


def another(name: str) -> Any:
    """A class of a name that is taken, as another module may bring it."""
    made = types.new_class(name, (rw.Message,))
    made.__annotations__ = {"x": rw.i32, "y": rw.i32}
    return rw.message(layout="struct", name=f"other.{name}")(made)


Twin, Lookalike = another("Answer"), another("Slate")


def no_types(x):
    return x


def calls_itself(x: rw.i64) -> rw.i64:
    return calls_itself(x - 1)


def may_end(x: rw.i64) -> rw.i64:
    if x > 0:
        return x


MISTAKES: list[tuple[Callable[..., Any], str, str]] = []


def says(what: str, at: str) -> Any:
    """The error's text, and the text of the source at the column that it names."""

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        MISTAKES.append((function, what, at))
        return function

    return keep


@says("'try' has no meaning in a compiled kernel; compiled kernels know numbers", "try:")
def uses_try(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    try:
        state.count += 1
    finally:
        state.count = 0


@says("Slate has no field 'total'; fields: count, mean, on, v, w", "state.total")
def unknown_field(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.total += msg.value


@says("Answer takes mean, all that have no default", "Answer(1.0, 2.0)")
def too_many_values(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    ctx.send("sink", Answer(1.0, 2.0))


@says("'{}' has no meaning", "{}")
def uses_dict(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    d = {}


@says("'undefined_thing' is not known here", "undefined_thing")
def unknown_name(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = undefined_thing + 1


@says("has no meaning in a compiled kernel", 'f"')
def formats_text(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    s = f"{msg.key:>4}"


@says("'with' has no meaning", "with open")
def opens_a_file(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    with open("x"):
        state.count += 1


@says("'import' has no meaning", "import os")
def imports(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    import os


@says("call of 'sorted'; known are min, max", "sorted")
def sorts(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = sorted(3)


@says("i32 / i32 is a division of integers; write float(a) / b, or a // b", "msg.key / state.count")
def divides_integers(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.mean = msg.key / state.count


@says("f32 stored into 'state.count', i32; write int(...), or rw.i32(...)", "msg.value")
def stores_a_float(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = msg.value


@says("a message is not changed; change the state", "msg.value")
def changes_the_message(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    msg.value = 1.0


@says("'print(msg.value)' does nothing here; statements that are calls are ctx.send", "print")
def prints(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    print(msg.value)


@says("'x' may be used before it is assigned; assign it before the branch or loop", "x")
def before_assignment(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    if msg.key > 0:
        x = 1
    state.count = x


@says("'i' may be used before it is assigned", "i")
def after_a_loop(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    for i in range(msg.key):
        state.count += 1
    state.count = i


@says("'state.count' is a i32, no condition; compare it, as in x != 0", "state.count")
def number_as_condition(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    if state.count:
        state.count = 0


@says("i64 and u64 have no integer type in common; cast one of them", "wide - msg.big")
def mixes_signs(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    wide = rw.i64(state.count)
    state.count = rw.i32(wide - msg.big)


@says("index 4 is outside of 4 elements", "4")
def index_outside(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.v[4] = 1.0


@says("'msg.value' is a f32, no index; an index is an integer", "msg.value")
def float_index(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.v[msg.value] = 1.0


@says(
    "for over 'msg.key'; write for i in range(...), for x in array, for x in (1, 2), enumerate(array)",
    "for v in",
)
def loops_over_a_number(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    for v in msg.key:
        state.mean += v


@says("'v' takes 2 names here", "v in")
def forgets_the_index(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    for v in enumerate(state.v):
        state.mean += v


@says("zip of f32[4] and f32[3]; they differ in length", "zip(")
def zips_unequal(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    for v, w in zip(state.v, state.w, strict=True):
        state.mean += v * w


@says("keyword arguments in 'enumerate(state.v, start=1)'", "enumerate(")
def counts_from_one(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    for i, v in enumerate(state.v, start=1):
        state.mean += v * i


@says("'msg.key' is no array; an array, or (1, 2, 3)", "msg.key")
def looks_in_a_number(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.on = 3 in msg.key


@says("does not give each target a value; assign them one by one", "state.count, state.mean")
def unpacks_a_call(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count, state.mean = divmod(msg.key, 2)


@says("f32 stored into 'state.count', i32", "msg.value")
def unpacks_a_float(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.mean, state.count = 0.0, msg.value


@says("f32 stored into 'state.count', i32; write int(...)", "max(state.v)")
def greatest_as_integer(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = max(state.v)


@says("two classes named Answer are not the same; give one another name", "Twin(1, 2)")
def sends_a_twin(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    ctx.send("sink", Answer(1.0))
    ctx.send("sink", Twin(1, 2))


@says("two classes named Slate are not the same", "state: Lookalike")
def state_of_the_message_s_name(ctx: rw.Context, msg: Slate, state: Lookalike) -> None: ...


def take(state: Slate) -> rw.i32:
    state.count -= 1
    return state.count


def clear(state: Slate) -> None:
    state.count = 0


def says_nothing(x: rw.i32) -> None:
    return x


@says("call of 'take', which changes state, within an expression; assign what it returns", "take(state)")
def changes_within(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = take(state) + state.count


@says("'clear' returns nothing; call it as a statement", "clear(state)")
def uses_nothing(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = clear(state)


@says("a message is not changed, and clear's state is", "msg")
def clears_the_message(ctx: rw.Context, msg: Slate, state: Slate) -> None:
    clear(msg)


@says("Ask for clear's state, Slate", "msg")
def hands_another(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    clear(msg)


@says("'says_nothing' returns nothing", "return x")
def calls_one_that_returns(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    says_nothing(msg.key)


@says("call of 'sum'; write a loop, as in for x in array: total += x", "sum(state.v)")
def adds_up(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.mean = sum(state.v) / 4


@says(
    "'state.v' is f32[4], no number; assign its numbers one by one, or those of an array as in v[:]",
    "state.v",
)
def replaces_an_array(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.v = 0.0


@says("'min(msg.key)' compares nothing; give it an array, or two numbers", "min(msg.key)")
def least_of_one(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = min(msg.key)


@says("'answer' may be used before it is assigned", "answer")
def message_on_one_way(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    if msg.key > 0:
        answer = Answer(1.0)
    ctx.reply(answer)


@says("'answer' is something else elsewhere, and a Ask here; use two names", "answer")
def two_messages_in_one_local(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    answer = Answer(1.0)
    answer = Ask(1, 1.0, 1, 1)


@says("'state' is something else elsewhere, and a Slate here", "state")
def replaces_the_state(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state = Slate(0, 0.0, False, state.v, state.w)


@says("'state.mean' is no array", "state.mean")
def copies_into_a_number(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.mean[:] = state.v


@says("'state' is no number; name a field, as in state.field", "state")
def keeps_the_state(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    s = state


@says("300 does not fit i8", "msg.small + 300")
def too_large_a_number(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = msg.small + 300


@says("300 does not fit", "300")
def too_large_to_store(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    ctx.reply(Ask(1, 1.0, 2, 300))


@says("arithmetic with a bool", "state.on + 1")
def adds_a_bool(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = state.on + 1


@says("i32 stored into 'state.on', bool; compare it, as in x != 0", "msg.key")
def stores_a_number_as_bool(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.on = msg.key


@says("a handler returns nothing; use ctx.send", "return")
def returns_a_value(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    return state.count


@says("this is never reached", "state.count = 2")
def never_reached(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    return
    state.count = 2


@says("parameter 'x' needs a number type, or a message class of fixed layout; as in x: rw.f32", "x")
def calls_untyped(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = rw.i32(no_types(1))


@says("'calls_itself' calls itself; write a loop", "calls_itself(x - 1)")
def recursive(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = rw.i32(calls_itself(1))


@says("'may_end' may end without returning a i64", "def may_end")
def calls_one_that_may_end(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = rw.i32(may_end(1))


@says('Unlaid has no fixed layout; declare it with layout="struct"', "Unlaid")
def sends_a_loose_message(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    ctx.send("sink", Unlaid("a"))


@says("'x' is a f32 elsewhere, and a bool here; use two names", "x")
def two_kinds(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    x = msg.value
    x = msg.key > 0


@says("'ctx' is not assigned to", "ctx")
def assigns_the_context(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    ctx = 1


@says('write raise ValueError("why")', "raise msg.value")
def raises_a_number(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    raise msg.value


@says("ctx.peek gives no number; ctx.now_us(), ctx.self_id, ctx.replica and ctx.missed are", "ctx.peek()")
def unknown_verb(ctx: rw.Context, msg: Ask, state: Slate) -> None:
    state.count = ctx.peek()


@says("a kernel takes (ctx, msg, state), 'two_parameters' takes 2", "def two")
def two_parameters(ctx: rw.Context, msg: Ask) -> None: ...


@says("parameter 'state' has no annotation; a kernel's message and state are classes", "state")
def no_annotation(ctx: rw.Context, msg: Ask, state) -> None: ...


@says('Unlaid has no fixed layout; declare it with layout="struct"', "msg: Unlaid")
def message_without_layout(ctx: rw.Context, msg: Unlaid, state: Slate) -> None: ...


@says("takes plain parameters only", "def default")
def default(ctx: rw.Context, msg: Ask, state: Slate = None) -> None: ...


@pytest.mark.parametrize(("function", "what", "at"), MISTAKES, ids=[one.__name__ for one, _, _ in MISTAKES])
def test_a_mistake_is_named_with_its_place(function: Callable[..., Any], what: str, at: str) -> None:
    with pytest.raises(errors.KernelError) as refused:
        rw.kernel(function)
    text = str(refused.value)
    place = re.match(r"(.*):(\d+):(\d+): (.*)", text)
    assert place, text
    assert what in place[4], text
    assert place[1] == __file__
    line = Path(__file__).read_text().splitlines()[int(place[2]) - 1]
    assert line[int(place[3]) - 1 :].startswith(at), f"{text}: the place is {line[int(place[3]) - 1 :]!r}"


def test_numbers_enums_and_functions_of_the_module_are_frozen() -> None:
    @rw.kernel
    def uses(ctx: rw.Context, msg: Ask, state: Slate) -> None:
        state.count = Color.RED
        state.mean = math.pi

    assert "i64(3l)" in uses.source
    assert str(decimal.Decimal(math.pi)) in uses.source


def test_a_link_that_was_not_declared_is_named() -> None:
    def sends(ctx: rw.Context, msg: Ask, state: Slate) -> None:
        ctx.send("nowhere", Answer(1.0))

    with pytest.raises(errors.KernelError, match="no link is named 'nowhere'; links: sink, audit"):
        rw.kernel(outputs=("sink", "audit"))(sends)


@pytest.mark.parametrize("outputs", ["sink", ("a", "a"), (1,), ("",)])
def test_wrong_outputs(outputs: Any) -> None:
    with pytest.raises(errors.InvalidOption, match="outputs is"):
        rw.kernel(outputs=outputs)


def test_what_is_no_function() -> None:
    with pytest.raises(errors.KernelError, match="is no function"):
        rw.kernel(3)
    with pytest.raises(errors.KernelError, match=r"no plain function|is not to be had"):
        rw.kernel(lambda ctx, msg, state: None)
