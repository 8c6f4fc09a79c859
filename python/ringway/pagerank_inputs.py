"""Whatever a caller may pass as a graph or as values per node, brought to one form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringway.arguments import real
from ringway.errors import InvalidOption
from ringway.graph_frames import is_frame
from ringway.graphs import Graph


def _library(graph: object) -> str:
    return type(graph).__module__.partition(".")[0]


_FOREIGN: dict[str, Callable[[Any, str | None], Graph]] = {
    "igraph": lambda graph, weight: Graph.from_igraph(graph, weight=weight),
    "networkx": lambda graph, weight: Graph.from_networkx(graph, weight=weight),
    "scipy": lambda matrix, weight: Graph.from_scipy(matrix, weighted=weight is not None),
}


def graph_of(source: object, weight: str | None) -> Graph:
    """A graph from a `Graph`, a path, another library's graph, or arrays of edges.

    Parameters
    ----------
    source
        `Graph`; path of a graph file; scipy.sparse matrix; networkx or igraph graph; table of edges; ``(src,
        dst)`` or ``(src, dst, weight)``.
    weight
        Edge attribute or column with the weights, where they have names; else "weight" or None.

    Raises
    ------
    InvalidOption
        `source` is none of these.
    """
    library = _library(source)
    table = is_frame(source)
    if not (weight is None or isinstance(weight, str)):
        raise InvalidOption(f"weight is {weight!r}; it must be the name of an edge attribute, or None")
    if weight not in (None, "weight") and library not in ("igraph", "networkx") and not table:
        raise InvalidOption(
            f"weight is {weight!r}, but only edges of networkx, igraph and tables have named weights; pass "
            "'weight' to use the weights that there are, or None to ignore them"
        )
    if isinstance(source, Graph):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Graph.read(source)
    if isinstance(source, tuple) and len(source) in (2, 3):
        return Graph.from_edges(*source)
    if table:
        return Graph.from_frame(source, weight=weight)
    convert = _FOREIGN.get(library)
    if convert is None:
        raise InvalidOption(
            f"graph is a {type(source).__module__}.{type(source).__qualname__}; pass a ringway.Graph, "
            "a path, (src, dst[, weight]), a scipy.sparse, networkx or igraph graph, or a table of edges"
        )
    return convert(source, weight)


def values_of(
    given: Mapping[Any, float] | ArrayLike | None, name: str, graph: Graph
) -> NDArray[np.float64] | None:
    """One number per node, shape (nodes,), from an array or from a mapping where nodes left out are 0.

    Raises
    ------
    InvalidOption
        Wrong shape, or not numbers. Signs and the sum are checked where the values are used.
    NotFound
        A name that no node has.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        values = np.zeros(graph.num_nodes)
        for key, value in given.items():
            values[graph.index_of(key)] = real(f"{name}[{key!r}]", value, "a number")
        return values
    try:
        values = np.ascontiguousarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidOption(f"{name} is not one number per node: {error}") from None
    if values.shape != (graph.num_nodes,):
        raise InvalidOption(f"{name} has shape {values.shape}; the graph has {graph.num_nodes} nodes")
    return values
