"""Shortest paths from one node: kernels hold parts of a graph and offer each other shorter ways."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

PARTS = 3
NODES = 32  # of a part
EDGES = 128  # of a part, at most
FAR = 1e300
Edge = tuple[int, int, float]


@rw.message(layout="struct")
class Offer(rw.Message):
    node: rw.i32
    distance: rw.f64


@rw.message(layout="struct")
class Part(rw.Message):
    """Node n of the graph is node n // PARTS of part n % PARTS."""

    distance: Annotated[rw.Array[rw.f64], Length(NODES)] = rw.field(
        default_factory=lambda: np.full(NODES, FAR)
    )
    first: Annotated[rw.Array[rw.i32], Length(NODES + 1)] = rw.field(
        default_factory=lambda: np.zeros(NODES + 1, np.int32)
    )  # edge of each node
    target: Annotated[rw.Array[rw.i32], Length(EDGES)] = rw.field(
        default_factory=lambda: np.zeros(EDGES, np.int32)
    )
    length: Annotated[rw.Array[rw.f64], Length(EDGES)] = rw.field(default_factory=lambda: np.zeros(EDGES))
    sent: rw.i64 = 0
    received: rw.i64 = 0


@rw.kernel(outputs=("part 0", "part 1", "part 2"))
def relax(ctx: rw.Context, msg: Offer, state: Part) -> None:
    state.received += 1
    node = msg.node // PARTS
    if msg.distance >= state.distance[node]:
        return
    state.distance[node] = msg.distance
    for edge in range(state.first[node], state.first[node + 1]):
        offer = Offer(state.target[edge], msg.distance + state.length[edge])
        owner = offer.node % PARTS
        if owner == 0:
            ctx.send("part 0", offer)
        elif owner == 1:
            ctx.send("part 1", offer)
        else:
            ctx.send("part 2", offer)
        state.sent += 1


def parts_of(edges: Iterable[Edge]) -> list[Part]:
    """Return the parts of a graph, without distances."""
    parts = []
    for number in range(PARTS):
        own = sorted(edge for edge in edges if edge[0] % PARTS == number)
        if len(own) > EDGES or any(node // PARTS >= NODES for edge in own for node in edge[:2]):
            raise ValueError(f"a part has room for {NODES} nodes and {EDGES} edges")
        counts = [sum(edge[0] // PARTS == node for edge in own) for node in range(NODES)]
        padding = EDGES - len(own)
        parts.append(
            Part(
                first=np.array([0, *itertools.accumulate(counts)], np.int32),
                target=np.array([edge[1] for edge in own] + [0] * padding, np.int32),
                length=np.array([edge[2] for edge in own] + [0.0] * padding),
            )
        )
    return parts


def shortest_paths(runtime: rw.Runtime, edges: Iterable[Edge], source: int) -> dict[int, float]:
    """Return the distance of every node that can be reached from the source.

    A link has room for all offers under way: kernels that wait for room on each other's links would wait
    for ever.
    """
    parts = [runtime.launch(relax, state=part) for part in parts_of(edges)]
    for one in parts:
        for number, other in enumerate(parts):
            runtime.link(one, other, output=f"part {number}", message=Offer, capacity=16384)
    parts[source % PARTS].send(Offer(source, 0.0))
    # Over when, of all offers sent until now, all had been received before.
    while sum(part.read_state().received for part in parts) != 1 + sum(
        part.read_state().sent for part in parts
    ):
        time.sleep(0.001)
    return {
        node * PARTS + number: float(distance)
        for number, part in enumerate(parts)
        for node, distance in enumerate(part.read_state().distance)
        if distance < FAR
    }


def main() -> None:
    ring = [(node, (node + 1) % 90, 1.0) for node in range(90)]
    shortcuts = [(node, (node + 31) % 90, 4.5) for node in range(0, 90, 3)]
    with rw.Runtime("cpu") as runtime:
        distances = shortest_paths(runtime, ring + shortcuts, 0)
    print(f"{len(distances)} nodes reached, the farthest at {max(distances.values())}")
    print(f"node 62 at {distances[62]}")


if __name__ == "__main__":
    main()
