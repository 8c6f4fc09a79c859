"""The codec beside msgspec (msgpack) on the same objects, both directions, in interleaved repeats.

ringway's side are message classes, msgspec's the equal Struct classes with reusable Encoder and Decoder.
Arrays of ringway arrive as NumPy arrays, msgspec's as lists of float; a row with lists on both sides stands
beside them. Every contestant's bytes are decoded and compared before it is timed. The native rows are the
calls that the runtime makes.
"""

from __future__ import annotations

import argparse
import functools
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import report
import ringway as rw
from ringway import _core
from ringway.messages import KernelMessage, MessageKind, PageRankContribution, VectorRequest

FLOATS = [i * 0.5 for i in range(1000)]


class PeerContribution(msgspec.Struct):
    source: int
    target: int
    contribution: float
    iteration: int


class PeerKernelMessage(msgspec.Struct):
    sender: int
    receiver: int
    type: int
    payload: PeerContribution
    timestamp_us: int
    sequence: int


class PeerVectorRequest(msgspec.Struct):
    message_id: uuid.UUID
    priority: int
    correlation_id: uuid.UUID | None
    length: int
    op: int
    use_device_buffer: bool
    handle_a: int
    handle_b: int
    handle_result: int
    a: list[float]
    b: list[float]


class PeerItem(msgspec.Struct):
    number: int
    name: str
    tags: list[str]
    price: float
    in_stock: bool


class PeerOrder(msgspec.Struct):
    number: int
    customer: str
    items: list[PeerItem]
    note: str


class PeerVector(msgspec.Struct):
    values: list[float]


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


def cases() -> list[tuple[str, rw.Message, msgspec.Struct]]:
    contribution = (100, 2000, 0.5, 3)
    head = (1, 2)
    tail = (1_700_000_000_000_000, 5)
    kernel = KernelMessage[PageRankContribution](
        *head, MessageKind.DATA, PageRankContribution(*contribution), *tail
    )
    request = VectorRequest(FLOATS[:25], FLOATS[:25])
    items = [(i, f"item number {i}", ["red", "blue"], i * 1.5, True) for i in range(14)]
    order = (1 << 40, "A customer with a name", "n" * 100)
    return [
        (
            "KernelMessage<PageRankContribution>",
            kernel,
            PeerKernelMessage(*head, 0, PeerContribution(*contribution), *tail),
        ),
        (
            "VectorRequest, 25 floats",
            request,
            PeerVectorRequest(request.message_id, 128, None, 25, 0, False, 0, 0, 0, FLOATS[:25], FLOATS[:25]),
        ),
        (
            "nested, 1 KB",
            Order(order[0], order[1], [Item(*item) for item in items], order[2]),
            PeerOrder(order[0], order[1], [PeerItem(*item) for item in items], order[2]),
        ),
        ("1,000 floats", Vector(np.array(FLOATS, np.float32)), PeerVector(FLOATS)),
        ("1,000 floats as lists", ListVector(FLOATS), PeerVector(FLOATS)),
    ]


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


def contestants(ours: rw.Message, theirs: msgspec.Struct) -> dict[str, tuple[str, Callable[[], Any]]]:
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(type(theirs))
    wire, peer_wire = ours.encode(), encoder.encode(theirs)
    if type(ours).decode(wire) != ours or decoder.decode(peer_wire) != theirs:
        raise SystemExit(f"{type(ours).__name__}: what is decoded is not what was encoded")
    return {
        "encode ringway": ("ringway", ours.encode),
        "encode msgspec": ("msgspec", functools.partial(encoder.encode, theirs)),
        "decode ringway": ("ringway", functools.partial(type(ours).decode, wire)),
        "decode msgspec": ("msgspec", functools.partial(decoder.decode, peer_wire)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each sample")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/codec.json")
    arguments = parser.parse_args()
    rows = []
    for what, ours, theirs in cases():
        calls = contestants(ours, theirs)
        runs = {
            name: functools.partial(nanoseconds, call, arguments.seconds) for name, (_, call) in calls.items()
        }
        for direction in ("encode", "decode"):
            timed = getattr(_core, f"selftest_{direction}_ns")
            runs[f"{direction} native"] = functools.partial(timed, ours, 20_000)
        for name, samples in report.interleave(runs, arguments.repeats).items():
            direction, contestant = name.split()
            rows.append(report.row(f"{direction} {what}", contestant, "ns", samples))
    report.show(rows)
    if arguments.save:
        print(report.save("codec", rows, report.versions(["msgspec", "numpy"])))


if __name__ == "__main__":
    main()
