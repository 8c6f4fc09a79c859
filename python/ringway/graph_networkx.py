"""Graphs of networkx as arrays, by loops that run in the interpreter's own C code."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway.errors import GraphError, InvalidOption

METHODS = ("adj", "edges", "nodes", "is_directed", "is_multigraph")


def _inner(mappings: Iterable[Any]) -> Iterator[Any]:
    """The values of all mappings, one after the other."""
    return chain.from_iterable(map(methodcaller("values"), mappings))


def _sizes(collections: Iterable[Any], count: int) -> NDArray[np.int64]:
    return np.fromiter(map(len, collections), np.int64, count)


def _weights(attributes: list[Any], weight: Hashable, count: int) -> NDArray[np.float64] | None:
    """One weight per edge, 1 where the attribute is missing; None when no edge has it."""
    if not any(map(methodcaller("__contains__", weight), attributes)):
        return None
    try:
        return np.fromiter(map(methodcaller("get", weight, 1), attributes), np.float64, count)
    except (TypeError, ValueError, OverflowError) as error:
        raise GraphError(f"the edge attribute {weight!r} is not always a number: {error}") from error


def numbered(nodes: list[Any]) -> bool:
    """Whether the nodes are the numbers 0, 1, 2, … in this order."""
    return nodes == list(range(len(nodes))) and set(map(type, nodes)) <= {int}


def _targets(neighbours: Iterable[Any], nodes: list[Any], count: int) -> NDArray[np.uint32]:
    ends: Iterable[Any] = chain.from_iterable(neighbours)
    if not numbered(nodes):
        ends = map(dict(zip(nodes, range(len(nodes)), strict=True)).__getitem__, ends)
    return np.fromiter(ends, np.uint32, count)


@dataclass(frozen=True)
class Rows:
    """Edges by the node they leave, in the order of `nodes`; undirected ones both ways, self-loops once.

    Attributes
    ----------
    offsets
        Shape (nodes + 1,), uint64: the edges of node i are those from offsets[i] to offsets[i + 1].
    targets
        Shape (edges,), uint32; parallel edges each.
    weights
        Shape (edges,), float64; None when no edge has one.
    nodes
        The nodes themselves.
    """

    offsets: NDArray[np.uint64]
    targets: NDArray[np.uint32]
    weights: NDArray[np.float64] | None
    nodes: list[Hashable]

    def graph(self, labels: list[str] | None) -> _core.Graph:
        """Native graph; `GraphError` on a weight that is negative, infinite or not a number."""
        return _core.Graph.from_csr(self.offsets, self.targets, self.weights, labels)


def read(graph: Any, weight: Hashable | None) -> Rows:
    """Edges, weights and nodes of a networkx graph.

    Raises
    ------
    GraphError
        A weight is no number.
    InvalidOption
        `graph` is none of networkx's.
    """
    if isinstance(graph, type) or not all(hasattr(graph, method) for method in METHODS):
        raise InvalidOption(f"graph is {graph!r}; it must be a graph of networkx")
    try:
        hash(weight)
    except TypeError:
        raise InvalidOption(f"weight is {weight!r}; it must be an edge attribute's name, or None") from None
    # The dictionaries themselves, where the class has them: its views cost ten times as much.
    adjacency = getattr(graph, "_adj", graph.adj)
    nodes: list[Hashable] = list(graph)
    rows = list(map(adjacency.__getitem__, nodes))
    sizes = _sizes(rows, len(nodes))
    count = int(sizes.sum())
    targets = _targets(rows, nodes, count)
    offsets = np.concatenate(([0], sizes.cumsum()))
    edges = list(_inner(rows)) if weight is not None or graph.is_multigraph() else []
    if graph.is_multigraph():
        parallel = _sizes(edges, count)
        targets = np.repeat(targets, parallel)
        offsets = np.concatenate(([0], parallel.cumsum()))[offsets]
        edges = list(_inner(edges)) if weight is not None else []
    weights = None if weight is None else _weights(edges, weight, len(targets))
    return Rows(offsets.astype(np.uint64), targets, weights, nodes)
