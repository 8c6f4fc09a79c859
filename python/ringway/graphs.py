"""Graphs: made once from edges, matrices, other libraries' graphs or files, and reused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringway import _core
from ringway.errors import GraphError

__all__ = ["Graph"]


def _node_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise GraphError(f"{name} has {array.ndim} dimensions; pass one node number per edge")
    if array.size == 0:
        return np.empty(0, np.uint32)
    if array.dtype.kind not in "iu":
        raise GraphError(f"{name} is an array of {array.dtype}; node numbers are integers")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


class Graph:
    """A directed graph, immutable; parallel edges and self-loops are kept.

    Make one with `from_edges`.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _core.Graph) -> None:
        self._native = native

    @classmethod
    def from_edges(
        cls, src: ArrayLike, dst: ArrayLike, weight: ArrayLike | None = None, num_nodes: int | None = None
    ) -> Graph:
        """Graph with the edges src[i] → dst[i].

        Parameters
        ----------
        src, dst
            Shape (edges,), any integer type; not copied when uint32 and contiguous.
        weight
            Shape (edges,), finite and not negative; None is 1 everywhere.
        num_nodes
            Number of nodes; None ends the graph at the highest node named.

        Raises
        ------
        GraphError
            Lengths differ, a node is out of range, or a weight is negative, infinite or not a number.
        """
        weights = None if weight is None else np.ascontiguousarray(weight, np.float64)
        return cls(
            _core.Graph.from_edges(_node_numbers(src, "src"), _node_numbers(dst, "dst"), weights, num_nodes)
        )

    @property
    def num_nodes(self) -> int:
        """Number of nodes; they are 0 to num_nodes - 1."""
        return self._native.num_nodes

    @property
    def num_edges(self) -> int:
        """Number of edges, parallel ones counted each."""
        return self._native.num_edges

    def __len__(self) -> int:
        return self.num_nodes

    def __repr__(self) -> str:
        return f"Graph(num_nodes={self.num_nodes}, num_edges={self.num_edges})"
