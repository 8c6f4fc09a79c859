"""Kernels written in Python give what CPython gives: the same numbers, failures and lines."""

import importlib.util
import random
import re
import time
from typing import Annotated

import numpy as np
import pytest
import ringway as rw
from ringway.memorypack import field
from ringway.types import Length


@rw.message(layout="struct")
class Numbers(rw.Message):
    a: rw.i64
    b: rw.i64
    x: rw.f64
    y: rw.f64


@rw.message(layout="struct")
class Results(rw.Message):
    whole: Annotated[rw.Array[rw.i64], Length(8)] = (0,) * 8
    real: Annotated[rw.Array[rw.f64], Length(8)] = (0.0,) * 8


class Fields:
    """A state for CPython: plain lists and numbers."""

    def __init__(self):
        self.whole, self.real = [0] * 8, [0.0] * 8


class Programs:
    """Random handlers over a pair of numbers."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def whole(self, depth):
        pick = self.random.random()
        if depth == 0 or pick < 0.2:
            return self.random.choice(
                ["msg.a", "msg.b", "p", str(self.random.randint(-9, 9)), "len(state.whole)"]
            )
        if pick < 0.65:
            operator = self.random.choice(["+", "-", "*", "//", "%", "&", "|", "^"])
            right = self.whole(depth - 1)
            if operator in ("//", "%") and self.random.random() < 0.9:
                right = f"({right} | 1)"  # not 0
            return f"({self.whole(depth - 1)} {operator} {right})"
        if pick < 0.7:
            return f"({self.whole(depth - 1)} >> {self.random.randint(0, 70)})"
        if pick < 0.75:
            return f"state.whole[{self.index(depth - 1)}]"
        if pick < 0.8:
            return f"(-{self.whole(depth - 1)})"
        if pick < 0.85:
            return f"(~{self.whole(depth - 1)})"
        if pick < 0.9:
            return f"{self.random.choice(['min', 'max'])}({self.whole(depth - 1)}, {self.whole(depth - 1)})"
        if pick < 0.95:
            return f"({self.whole(depth - 1)} if {self.truth(depth - 1)} else {self.whole(depth - 1)})"
        return self.random.choice(
            [
                f"abs({self.whole(depth - 1)})",
                f"{self.random.choice(['min', 'max'])}(state.whole)",
                f"max({self.whole(depth - 1)}, p, {self.whole(depth - 1)})",
                f"int({self.real(depth - 1)})",
                f"math.floor({self.real(depth - 1)})",
            ]
        )

    def index(self, depth):
        pick = self.random.random()
        if pick < 0.1:
            return self.random.randint(-8, 7)
        return self.whole(depth) + (" % 8" if pick < 0.6 else " % 8 - 8" if pick < 0.95 else " + p * 0")

    def real(self, depth):
        pick = self.random.random()
        if depth == 0 or pick < 0.25:
            return self.random.choice(["msg.x", "msg.y", "q", repr(self.random.uniform(-3, 3))])
        if pick < 0.7:
            right = self.random.choice([self.real, self.whole])(depth - 1)
            return f"({self.real(depth - 1)} {self.random.choice('+-*')} {right})"
        if pick < 0.8:
            return f"({self.real(depth - 1)} / (1.0 + abs({self.real(depth - 1)})))"
        if pick < 0.9:
            return f"({self.real(depth - 1)} if {self.truth(depth - 1)} else {self.real(depth - 1)})"
        return self.random.choice(
            [
                f"math.sqrt(abs({self.real(depth - 1)}))",
                f"float({self.whole(depth - 1)})",
                f"state.real[{self.whole(depth - 1)} % 8]",
            ]
        )

    def truth(self, depth):
        pick = self.random.random()
        if depth == 0 or pick < 0.6:
            operator = self.random.choice(["<", "<=", "==", "!=", ">", ">="])
            kind = self.random.choice([self.whole, self.real])
            chained = f" {operator} {self.whole(0)}" if pick < 0.15 else ""
            return f"({kind(max(depth - 1, 0))} {operator} {self.whole(max(depth - 1, 0))}{chained})"
        if pick < 0.9:
            return f"({self.truth(depth - 1)} {self.random.choice(['and', 'or'])} {self.truth(depth - 1)})"
        if pick < 0.95:
            within = self.random.choice(["state.whole", f"({self.whole(0)}, {self.whole(depth - 1)})"])
            return f"({self.whole(depth - 1)} {self.random.choice(['in', 'not in'])} {within})"
        return f"(not {self.truth(depth - 1)})"

    def statements(self, depth, indent):
        lines = []
        for _ in range(self.random.randint(1, 4)):
            pick = self.random.random()
            if pick < 0.3:
                lines.append(
                    f"state.whole[{self.index(1)}] {self.random.choice(['=', '+='])} {self.whole(3)} % 1000"
                )
            elif pick < 0.5:
                lines.append(f"state.real[{self.random.randint(0, 7)}] = {self.real(3)}")
            elif pick < 0.7:
                lines.append(
                    self.random.choice(
                        [
                            f"p = {self.whole(2)} % 100",
                            f"q = {self.real(2)}",
                            f"p, q = {self.whole(2)} % 100, {self.real(2)} + p",
                            f"state.whole[{self.index(1)}], p = p, {self.whole(2)} % 100",
                        ]
                    )
                )
            elif depth and pick < 0.85:
                lines += [f"if {self.truth(2)}:", *self.statements(depth - 1, "    ")]
                if pick < 0.8:
                    lines += ["else:", *self.statements(depth - 1, "    ")]
            elif depth:
                name = f"i{depth}"
                step = self.random.choice(["", "", ", 2", ", -1"])
                over = self.random.choice(
                    [
                        f"range({self.whole(1)} % 7, {self.whole(1)} % 9{step})",
                        "state.whole",
                        f"({self.whole(1)} % 99, p, 7)",
                    ]
                )
                body = self.statements(depth - 1, "    ")
                lines += [f"for {name} in {over}:", f"    p += {name}", "    p %= 50", *body]
        return [indent + line for line in lines or ["p += 1"]]

    def source(self):
        body = self.statements(2, "    ") + self.statements(2, "    ")
        return "\n".join(
            ["def handler(ctx, msg: Numbers, state: Results) -> None:", "    p = 1", "    q = 0.5", *body, ""]
        )


def module_of(tmp_path, name, source):
    path = tmp_path / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(Numbers=Numbers, Results=Results, rw=rw, math=__import__("math"))
    spec.loader.exec_module(module)
    return module


def in_python(handler, messages):
    """States after each message, and the failure that ended it: its kind and line."""
    state = Fields()
    for message in messages:
        try:
            handler(None, message, state)
        except (ZeroDivisionError, IndexError) as error:
            trace = error.__traceback__
            while trace.tb_next:
                trace = trace.tb_next
            return state, (type(error).__name__, trace.tb_lineno)
        if any(abs(value) >= 2**62 for value in state.whole):
            raise OverflowError
    return state, None


def as_kernel(runtime, mode, handler, messages):
    kernel = runtime.launch(rw.kernel(mode=mode)(handler), activate=False)
    for message in messages:
        kernel.send(message)
    kernel.activate()
    while kernel.telemetry().received < len(messages) and kernel.state == "active":
        time.sleep(0.0005)
    state = kernel.read_state()
    failed = re.search(r":(\d+): (\w+):", kernel.failure)
    kernel.terminate()
    return state, (failed[2], int(failed[1])) if failed else None


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mode", ["native", "python"])
def test_random_handlers_end_as_in_python(mode, seed, tmp_path):
    programs = Programs(seed)
    draw = programs.random
    messages = [
        Numbers(draw.randint(-20, 20), draw.randint(-20, 20), draw.uniform(-5, 5), draw.uniform(-5, 5))
        for _ in range(20)
    ]
    source = programs.source()
    module = module_of(tmp_path, f"random{seed}", source)
    then, failure = in_python(module.handler, messages)
    with rw.Runtime("cpu", workers=1) as runtime:
        now, failed = as_kernel(runtime, mode, module.handler, messages)
    assert failed == failure, source
    assert list(now.whole) == then.whole, source
    np.testing.assert_array_equal(np.asarray(now.real), np.asarray(then.real), err_msg=source)


@rw.message(layout="struct")
class SmallNumbers(rw.Message):
    a: rw.i8 = 0
    b: rw.i8 = 0
    c: rw.u16 = 0
    d: rw.u16 = 0


def small(ctx, msg: SmallNumbers, state: SmallNumbers) -> None:
    ctx.emit(SmallNumbers(msg.a + msg.b, -msg.a * msg.b, msg.c - msg.d, msg.c * msg.d))
    state.a += msg.a
    state.d -= msg.d


@pytest.mark.parametrize("mode", ["native", "python"])
def test_small_integers_wrap_as_numpy_s_do(mode):
    given = [(-128, -128, 65535, 65535), (127, 1, 0, 1), (-128, 1, 256, 256), (100, 100, 1, 65535)]
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(rw.kernel(mode=mode)(small))
        for values in given:
            kernel.send(SmallNumbers(*values))
            now = kernel.receive(20)
            with np.errstate(over="ignore"):
                a, b = np.array(values[:2], np.int8)
                c, d = np.array(values[2:], np.uint16)
                assert (now.a, now.b, now.c, now.d) == (a + b, -a * b, c - d, c * d)
        assert kernel.read_state() == SmallNumbers(-29, 0, 0, -sum(values[3] for values in given) % 65536)


@rw.message(layout="struct")
class Point32(rw.Message):
    x: rw.f32 = 0.0
    y: rw.i16 = 0


@rw.message(layout="struct")
class Track(rw.Message):
    last: Point32 = field(default_factory=Point32)
    mean: rw.f32 = 0.0
    sums: Annotated[rw.Array[rw.f32], Length(3)] = (0.0,) * 3
    counts: Annotated[rw.Array[rw.u8], Length(3)] = (250,) * 3
    far: bool = False


def follow(ctx, msg: Track, state: Track) -> None:
    scale = 0.1
    state.last.x = msg.last.x * scale + state.last.x
    state.last.y += msg.last.y
    state.mean += (msg.mean - state.mean) / 3
    state.mean = state.mean * 1.1
    for i in range(3):
        state.sums[i] += msg.sums[i] * msg.mean
        state.counts[i] += msg.counts[i]
    state.far = state.sums[-1] > 1.0
    ctx.emit(Track(state.last, state.mean, state.sums, state.counts, state.far))


def test_single_precision_nested_structs_and_arrays_are_the_same_in_both_modes():
    draw = random.Random(5)
    given = [
        Track(
            Point32(draw.uniform(-2, 2), draw.randint(-20000, 20000)),
            draw.uniform(-9, 9),
            np.array([draw.uniform(-1, 1) for _ in range(3)], np.float32),
            np.array([draw.randint(0, 255) for _ in range(3)], np.uint8),
            False,
        )
        for _ in range(50)
    ]
    states = []
    with rw.Runtime("cpu", workers=1) as runtime:
        for mode in ("native", "python"):
            kernel = runtime.launch(rw.kernel(mode=mode)(follow))
            states.append([])
            for message in given:
                kernel.send(message)
                states[-1].append(kernel.receive(20).encode())
            states[-1].append(kernel.read_state().encode())
    assert states[0] == states[1]
