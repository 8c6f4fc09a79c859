"""Every way to lay a graph out, on every shape of edges, against igraph."""

from __future__ import annotations

from collections.abc import Callable

import igraph
import numpy as np
import pytest
import ringway as rw
from numpy.typing import NDArray
from ringway import pagerank_engine

Edges = tuple[NDArray[np.int64], NDArray[np.int64], int]
BORDER = 65_536  # 16-bit numbers of nodes in blocks and windows


def drawn(nodes: int, edges: int, seed: int) -> Edges:
    """Sources skewed to few nodes, the last tenth of the nodes without edges of their own."""
    rng = np.random.default_rng(seed)
    src = (rng.random(edges) ** 4 * nodes * 0.9).astype(np.int64)
    return rng.permutation(nodes)[src], rng.integers(0, nodes, edges), nodes


def star(nodes: int) -> Edges:
    """One row and one source of nearly all edges, with loops and parallel edges at the centre."""
    others = np.arange(1, nodes)
    hub = np.zeros(nodes - 1, np.int64)
    loops = np.zeros(70, np.int64)
    return np.concatenate([others, hub, loops]), np.concatenate([hub, others, loops]), nodes


def chain(nodes: int) -> Edges:
    """Every row of one edge, the last node dangling."""
    return np.arange(nodes - 1), np.arange(1, nodes), nodes


SHAPES: dict[str, Callable[[], Edges]] = {
    "skewed": lambda: drawn(3000, 40_000, 1),
    "few edges": lambda: drawn(3000, 900, 2),
    "star": lambda: star(3000),
    "chain": lambda: chain(3000),
    "no edge but a loop": lambda: (np.array([1]), np.array([1]), 20),
}


def igraph_ranks(edges: Edges, weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    src, dst, nodes = edges
    graph = igraph.Graph(n=nodes, edges=np.column_stack((src, dst)), directed=True)
    return np.array(graph.pagerank(weights=None if weight is None else weight.tolist()))


def shard(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(pagerank_engine, "EDGES_PER_SHARD", 0.1)
    monkeypatch.setattr(pagerank_engine, "MAX_SHARDS", count)
    monkeypatch.setattr(pagerank_engine._core, "usable_cores", lambda: count)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_layout_equals_igraph(shape: str, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = SHAPES[shape]()
    weight = np.random.default_rng(3).random(len(edges[0])) + 0.1 if weighted else None
    want = igraph_ranks(edges, weight)
    blocks = set()
    for shards in (1, 3):
        shard(monkeypatch, shards)
        for block_nodes, first in ((65_535, 0), (256, 256), (1000, 16)):
            monkeypatch.setattr(pagerank_engine, "MAX_BLOCK_NODES", block_nodes)
            monkeypatch.setattr(pagerank_engine, "FIRST_BLOCK_NODES", first)
            for order in ("auto", "degree", "none"):
                graph = rw.Graph.from_edges(edges[0], edges[1], weight, num_nodes=edges[2])
                got = rw.pagerank(graph, tol=1e-13, max_iter=1000, order=order)
                assert np.abs(got.ranks - want).max() <= 1e-10
                near = rw.pagerank(graph, tol=1e-5, dtype=np.float32, order=order)
                assert np.abs(near.ranks - want).sum() <= 1e-4
                assert got.plan is not None
                assert got.plan.ordered == (order == "degree" or (order == "auto" and got.plan.ordered))
                blocks.add((got.plan.blocks, got.plan.ordered))
    assert len(blocks) > 2


@pytest.mark.parametrize("nodes", [BORDER - 2, BORDER - 1, BORDER, BORDER + 1, 2 * BORDER - 1])
@pytest.mark.parametrize("order", ["degree", "none"])
def test_sizes_about_a_border_equal_igraph(nodes: int, order: str) -> None:
    src, dst, _ = drawn(nodes, 60_000, nodes)
    ends = np.array([0, nodes - 1, nodes - 1, nodes - 2])
    edges = (np.concatenate([src, ends]), np.concatenate([dst, ends[::-1]]), nodes)
    graph = rw.Graph.from_edges(edges[0], edges[1], num_nodes=nodes)
    got = rw.pagerank(graph, tol=1e-13, max_iter=1000, order=order)
    assert np.abs(got.ranks - igraph_ranks(edges, None)).max() <= 1e-10


def test_the_plan_says_why() -> None:
    small = rw.Graph.from_edges(*drawn(100, 500, 1)[:2])
    reasons = {
        "one block": rw.pagerank(small),
        "order='degree' was asked for": rw.pagerank(small, order="degree"),
        "order='none' was asked for": rw.pagerank(small, order="none"),
        "one node in 16": rw.pagerank(rw.Graph.from_edges(*drawn(100_000, 50_000, 1)[:2], num_nodes=100_000)),
        "no few nodes": rw.pagerank(rw.Graph.from_edges(*chain(100_000)[:2])),
    }
    for reason, result in reasons.items():
        assert result.plan is not None
        assert reason in result.plan.reason
    ordered = [result.plan.ordered for result in reasons.values() if result.plan is not None]
    assert ordered == [False, True, False, True, False]


def test_hubs_come_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    src, dst, nodes = drawn(3000, 40_000, 1)
    monkeypatch.setattr(pagerank_engine, "FIRST_BLOCK_NODES", 100)
    graph = rw.Graph.from_edges(src, dst, num_nodes=nodes)
    plan = rw.pagerank(graph, order="degree").plan
    assert plan is not None
    assert plan.blocks == 9  # of 100, 100, 100, 150, 225, 337, 506, 759 and 723 nodes
