"""Graphs made from arrays of edges."""

from __future__ import annotations

import numpy as np
import pytest
import ringway as rw
from ringway.errors import GraphError


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"])
def test_any_integer_type(dtype: str) -> None:
    graph = rw.Graph.from_edges(np.array([0, 1, 1], dtype), np.array([1, 2, 2], dtype))
    assert (graph.num_nodes, graph.num_edges) == (3, 3)


def test_num_nodes_counts_nodes_without_edges() -> None:
    assert len(rw.Graph.from_edges([0], [1], num_nodes=9)) == 9
    assert len(rw.Graph.from_edges([], [])) == 0


@pytest.mark.parametrize(
    ("src", "dst", "weight", "reason"),
    [
        ([0, -1], [0, 0], None, r"src\[1\] is -1"),
        ([0], [1 << 40], None, r"dst\[0\] is 1099511627776"),
        ([0.5], [1], None, "float64"),
        ([[0]], [1], None, "2 dimensions"),
        ([0, 1], [1], None, "src has 2 entries but dst 1"),
        ([0], [1], [float("nan")], "weight"),
        ([0], [1], [1.0, 2.0], "1 edges but 2 weights"),
        ([0], [1], [], "1 edges but 0 weights"),
        ([0], [1], [[1.0]], "2 dimensions"),
        ([0], [1], ["a"], "weights are real numbers"),
    ],
)
def test_refuses(src: object, dst: object, weight: object, reason: str) -> None:
    with pytest.raises(GraphError, match=reason):
        rw.Graph.from_edges(src, dst, weight)  # type: ignore[arg-type]
