"""The actors of examples/actors, and random handlers, on devices: outputs and states are those of the CPU.

Not every device has an f64, so all of them run with f32 in its place.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import pytest
import ringway as rw
from ringway.types import Length

from tests.python.test_compiled_arithmetic import Programs, as_kernel

PROGRAMS = 200 if os.environ.get("RINGWAY_FULL") else 3


def loaded(name: str, source: str, folder: Path, **names: Any) -> ModuleType:
    """A module made of a source, in a file, where kernels find it."""
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(names)
    sys.modules[name] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def single(tmp_path: Path) -> Callable[[str], ModuleType]:
    """Loads an example in single precision."""

    def load(name: str) -> ModuleType:
        source = inspect.getsource(importlib.import_module(f"examples.actors.{name}"))
        source = source.replace("rw.f64", "rw.f32").replace("np.float64", "np.float32")
        source = source.replace("np.zeros(", "zeros(").replace("np.full(NODES, FAR)", "zeros(NODES) + FAR")
        source = source.replace("1e300", "1e30").replace("[0.0] * padding)", "[0.0] * padding, np.float32)")
        # A message's class is found by its name.
        names = re.findall(r"class (\w+)\(rw\.Message\)", source)
        source = re.sub(rf"\b({'|'.join(names)})\b", r"Single\1", source)
        module = loaded(f"single_{name}", source, tmp_path, zeros=_zeros)
        module.__dict__.update({one: module.__dict__[f"Single{one}"] for one in names})
        return module

    return load


def _zeros(count: int, dtype: Any = np.float32) -> Any:
    return np.zeros(count, dtype)


def handled(kernel: rw.Kernel, messages: int) -> Any:
    deadline = time.monotonic() + 60
    while kernel.telemetry().processed < messages:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return kernel.read_state()


def asked(kernel: rw.Kernel, messages: list[Any]) -> list[Any]:
    return [*(kernel.request(message, timeout=20) for message in messages), kernel.read_state()]


def told(kernel: rw.Kernel, messages: list[Any]) -> list[Any]:
    for message in messages:
        kernel.send(message)
    state = handled(kernel, len(messages))
    sent = kernel.telemetry().sent
    return [*(kernel.receive(timeout=20) for _ in range(sent)), state]


DRAW = random.Random(1)
VALUES = [DRAW.gauss(20, 1) for _ in range(120)]
VALUES[60] = VALUES[99] = 55.0


def running_statistics(of: Any, runtime: rw.Runtime) -> list[Any]:
    kernel = runtime.launch(of.running_statistics)
    return asked(kernel, [of.Sample(value) for value in VALUES])


def top_k(of: Any, runtime: rw.Runtime) -> list[Any]:
    return told(runtime.launch(of.top_k), [of.Score(i, value) for i, value in enumerate(VALUES)])


def bloom_filter(of: Any, runtime: rw.Runtime) -> list[Any]:
    keys = [(of.ADD, 7 * i - 200) for i in range(60)]
    kernel = runtime.launch(of.bloom_filter)
    told(kernel, [of.Key(*key) for key in keys])
    return asked(kernel, [of.Key(of.ASK, key) for key in range(-200, 200, 7)])


def token_bucket(of: Any, runtime: rw.Runtime) -> list[Any]:
    times = [10**9 + 40_000 * i * (i % 3) for i in range(100)]
    return asked(runtime.launch(of.token_bucket), [of.Request(i % 2, now) for i, now in enumerate(times)])


def order_book(of: Any, runtime: rw.Runtime) -> list[Any]:
    draw = random.Random(2)
    orders = [
        of.Order(i, draw.choice([0, 1]), 500 + draw.randint(-6, 6), draw.randint(1, 30))
        for i in range(1, 300)
    ]
    return told(runtime.launch(of.order_book), orders)


def anomaly_detector(of: Any, runtime: rw.Runtime) -> list[Any]:
    outputs = told(runtime.launch(of.anomaly_detector), [of.Reading(value) for value in VALUES])
    assert len(outputs) > 1
    return outputs


def kmeans(of: Any, runtime: rw.Runtime) -> list[Any]:
    points = np.random.default_rng(3).normal(0, 3, (50, 2)).astype(np.float32)
    kernel = runtime.launch(of.kmeans, state=of.Centres(*points[: of.K].T.copy()))
    rounds = [
        of.Point(i, *map(float, point), last=i == 49) for _ in range(2) for i, point in enumerate(points)
    ]
    return told(kernel, rounds)


def game_of_life(of: Any, runtime: rw.Runtime) -> list[Any]:
    board = np.random.default_rng(4).integers(0, 2, (of.TILES * of.ROWS, of.COLUMNS), np.uint8)
    return [of.evolve(runtime, board, 12)]


def shortest_paths(of: Any, runtime: rw.Runtime) -> list[Any]:
    draw = random.Random(5)
    edges = [(draw.randrange(40), draw.randrange(40), draw.randint(1, 999) / 8) for _ in range(120)]
    found = of.shortest_paths(runtime, edges, edges[0][0])
    assert len(found) > 5
    return [sorted(found.items())]


def heat(of: Any, runtime: rw.Runtime) -> list[Any]:
    values = np.random.default_rng(6).normal(0, 10, of.STRETCHES * of.CELLS).astype(np.float32)
    return [of.spread(runtime, values, 20)]


PLAYS = [
    *(running_statistics, top_k, bloom_filter, token_bucket, order_book, anomaly_detector, kmeans),
    *(game_of_life, shortest_paths, heat),
]


def as_bytes(outputs: list[Any]) -> list[Any]:
    return [
        one.encode() if isinstance(one, rw.Message) else one.tobytes() if isinstance(one, np.ndarray) else one
        for one in outputs
    ]


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_an_actor_gives_what_it_gives_on_the_cpu(
    device: str, play: Any, single: Callable[[str], ModuleType]
) -> None:
    of = single(play.__name__)
    outputs = []
    for backend in ("cpu", device):
        with rw.Runtime(backend) as runtime:
            outputs.append(as_bytes(play(of, runtime)))
    assert outputs[0] == outputs[1]


@rw.message(layout="struct")
class Numbers32(rw.Message):
    a: rw.i64
    b: rw.i64
    x: rw.f32
    y: rw.f32


@rw.message(layout="struct")
class Results32(rw.Message):
    whole: Annotated[rw.Array[rw.i64], Length(8)] = (0,) * 8
    real: Annotated[rw.Array[rw.f32], Length(8)] = (0.0,) * 8


@pytest.fixture
def both(device: str) -> Iterator[tuple[rw.Runtime, rw.Runtime]]:
    with rw.Runtime("cpu", workers=1) as host, rw.Runtime(device) as other:
        yield host, other


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_a_random_handler_ends_as_on_the_cpu(
    both: tuple[rw.Runtime, rw.Runtime], seed: int, tmp_path: Path
) -> None:
    programs = Programs(1000 + seed)
    draw = programs.random
    messages = [
        Numbers32(draw.randint(-20, 20), draw.randint(-20, 20), draw.uniform(-5, 5), draw.uniform(-5, 5))
        for _ in range(20)
    ]
    source = programs.source().replace("float(", "rw.f32(")
    handler = loaded(
        f"single{seed}",
        source,
        tmp_path,
        Numbers=Numbers32,
        Results=Results32,
        rw=rw,
        math=importlib.import_module("math"),
    ).handler
    ends = [as_kernel(runtime, "native", handler, messages) for runtime in both]
    assert ends[0][1] == ends[1][1], source
    assert ends[0][0].encode() == ends[1][0].encode(), source
