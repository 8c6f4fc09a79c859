"""The codec beside msgspec (msgpack) on the same objects, both directions, in interleaved repeats.

ringway's side are message classes, msgspec's the equal Struct classes with reusable Encoder and Decoder.
Arrays of ringway arrive as NumPy arrays, msgspec's as lists of float; a row with lists on both sides stands
beside them. Every contestant's bytes are decoded and compared before it is timed. The native rows are the
calls that the runtime makes.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import ringway as rw
from ringway import _core
from ringway.bench.rows import interleave, row
from ringway.errors import Error
from ringway.messages import KernelMessage, MessageKind, PageRankContribution, VectorRequest

FLOATS = [i * 0.5 for i in range(1000)]
CONTRIBUTION = (100, 2000, 0.5, 3)
HEAD, TAIL = (1, 2), (1_700_000_000_000_000, 5)
ITEMS = [(i, f"item number {i}", ["red", "blue"], i * 1.5, True) for i in range(14)]
ORDER = (1 << 40, "A customer with a name", "n" * 100)


@rw.message
class Item(rw.Message):
    number: rw.i32
    name: str
    tags: list[str]
    price: rw.f64
    in_stock: bool


@rw.message
class Order(rw.Message):
    number: rw.i64
    customer: str
    items: list[Item]
    note: str


@rw.message
class Vector(rw.Message):
    values: rw.Array[rw.f32]


@rw.message
class ListVector(rw.Message):
    values: list[rw.f32]


def messages() -> dict[str, rw.Message]:
    """What is encoded and decoded, by name."""
    return {
        "KernelMessage<PageRankContribution>": KernelMessage[PageRankContribution](
            *HEAD, MessageKind.DATA, PageRankContribution(*CONTRIBUTION), *TAIL
        ),
        "VectorRequest, 25 floats": VectorRequest(FLOATS[:25], FLOATS[:25]),
        "nested, 1 KB": Order(ORDER[0], ORDER[1], [Item(*item) for item in ITEMS], ORDER[2]),
        "1,000 floats": Vector(np.array(FLOATS, np.float32)),
        "1,000 floats as lists": ListVector(FLOATS),
    }


def peers(ours: dict[str, rw.Message]) -> dict[str, Any]:
    """The same as structs of msgspec, in the same order; empty when msgspec is not installed."""
    if not find_spec("msgspec"):
        return {}
    import uuid

    from msgspec import defstruct

    contribution = defstruct(
        "Contribution", [("source", int), ("target", int), ("contribution", float), ("iteration", int)]
    )
    kernel = defstruct(
        "KernelMessage",
        [
            ("sender", int),
            ("receiver", int),
            ("type", int),
            ("payload", contribution),
            ("timestamp_us", int),
            ("sequence", int),
        ],
    )
    request = defstruct(
        "VectorRequest",
        [
            ("message_id", uuid.UUID),
            ("priority", int),
            ("correlation_id", uuid.UUID | None),
            ("length", int),
            ("op", int),
            ("use_device_buffer", bool),
            ("handle_a", int),
            ("handle_b", int),
            ("handle_result", int),
            ("a", list[float]),
            ("b", list[float]),
        ],
    )
    item = defstruct(
        "Item",
        [("number", int), ("name", str), ("tags", list[str]), ("price", float), ("in_stock", bool)],
    )
    order = defstruct(
        "Order",
        [("number", int), ("customer", str), ("items", list[item]), ("note", str)],  # type: ignore[valid-type]
    )
    vector = defstruct("Vector", [("values", list[float])])
    asked = ours["VectorRequest, 25 floats"]
    assert isinstance(asked, VectorRequest)
    made = [
        kernel(*HEAD, 0, contribution(*CONTRIBUTION), *TAIL),
        request(asked.message_id, 128, None, 25, 0, False, 0, 0, 0, FLOATS[:25], FLOATS[:25]),
        order(ORDER[0], ORDER[1], [item(*fields) for fields in ITEMS], ORDER[2]),
        vector(FLOATS),
        vector(FLOATS),
    ]
    return dict(zip(ours, made, strict=True))


def nanoseconds(call: Callable[[], Any], seconds: float) -> float:
    """Mean time of one call, over as many calls as take about `seconds`."""
    count, elapsed = 64, 0.0
    while True:
        begin = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - begin
        if elapsed >= seconds:
            return elapsed / count * 1e9
        count *= 2


def contestants(ours: rw.Message, theirs: Any) -> dict[str, Callable[[], Any]]:
    """Calls by "direction contestant"; `theirs` may be None."""
    wire = ours.encode()
    if type(ours).decode(wire) != ours:
        raise Error(f"{type(ours).__name__}: what is decoded is not what was encoded")
    calls: dict[str, Callable[[], Any]] = {
        "encode ringway": ours.encode,
        "decode ringway": functools.partial(type(ours).decode, wire),
    }
    if theirs is not None:
        import msgspec

        encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(type(theirs))
        peer_wire = encoder.encode(theirs)
        if decoder.decode(peer_wire) != theirs:
            raise Error(f"msgspec {type(theirs).__name__}: what is decoded is not what was encoded")
        calls |= {
            "encode msgspec": functools.partial(encoder.encode, theirs),
            "decode msgspec": functools.partial(decoder.decode, peer_wire),
        }
    return calls


def measure(repeats: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of both directions for every message; `seconds` of each sample."""
    ours = messages()
    theirs = peers(ours)
    rows = []
    for what, message in ours.items():
        calls = contestants(message, theirs.get(what))
        runs = {name: functools.partial(nanoseconds, call, seconds) for name, call in calls.items()}
        for direction in ("encode", "decode"):
            timed = getattr(_core, f"selftest_{direction}_ns")
            runs[f"{direction} native"] = functools.partial(timed, message, 20_000)
        for name, samples in interleave(runs, repeats).items():
            direction, contestant = name.split()
            rows.append(row(f"{direction} {what}", contestant, "ns", samples))
    return rows
