"""Ranks against networkx and igraph, in float64."""

from __future__ import annotations

import os
import pathlib
import random
from typing import Any

import igraph
import networkx as nx
import numpy as np
import pytest
import ringway as rw
from ringway import pagerank_engine

KINDS = [nx.DiGraph, nx.MultiDiGraph, nx.Graph, nx.MultiGraph]


@pytest.fixture(params=[1, 3])
def shards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every graph in so many shards, however small."""
    count: int = request.param
    monkeypatch.setattr(pagerank_engine, "EDGES_PER_SHARD", 0.1)
    monkeypatch.setattr(pagerank_engine, "MAX_SHARDS", count)
    monkeypatch.setattr(pagerank_engine._core, "usable_cores", lambda: count)
    return count


def random_graph(rng: random.Random) -> nx.Graph[int]:
    """Of a drawn shape: dangling and isolated nodes, loops, parallel edges, weights, several parts."""
    graph: Any = rng.choice(KINDS)()
    nodes = rng.choice([1, 2, 3, 10, 50, 200])
    names: list[Any] = [f"n{i}" for i in range(nodes)] if rng.random() < 0.3 else list(range(nodes))
    rng.shuffle(names)
    graph.add_nodes_from(names)
    weighted = rng.random() < 0.5
    sources = names[: max(1, int(nodes * rng.choice([0.3, 0.7, 1.0])))]
    for _ in range(int(nodes * rng.choice([0, 0.5, 2, 8]))):
        source = rng.choice(sources)
        target = source if rng.random() < 0.05 else rng.choice(names)
        if weighted and rng.random() < 0.9:
            graph.add_edge(source, target, weight=rng.choice([0, 0.25, 1, 3, 1000]))
        else:
            graph.add_edge(source, target)
    return graph


def random_vector(rng: random.Random, graph: nx.Graph[Any]) -> dict[Any, float] | None:
    if rng.random() < 0.5:
        return None
    some = rng.sample(list(graph), rng.randint(1, len(graph)))
    return {node: rng.random() + 0.01 for node in some}


@pytest.mark.parametrize("seed", range(1000 if os.environ.get("RINGWAY_FULL") == "1" else 50))
def test_equal_to_networkx(seed: int, shards: int) -> None:
    rng = random.Random(seed)
    graph = random_graph(rng)
    options: dict[str, Any] = {
        "personalization": random_vector(rng, graph),
        "nstart": random_vector(rng, graph),
        "dangling": random_vector(rng, graph),
        "weight": rng.choice(["weight", "weight", None]),
    }
    damping = rng.choice([0.85, 0.85, 0.5, 0.0])
    result = rw.pagerank(graph, damping=damping, tol=1e-14, max_iter=1000, **options)
    want = nx.pagerank(graph, alpha=damping, tol=1e-14 / len(graph), max_iter=1000, **options)
    assert result.plan is not None
    assert (
        result.plan.shards == (shards if graph.size() > 0 else 1) or graph.is_multigraph() or len(graph) < 3
    )
    assert result.ranks.sum() == pytest.approx(1, abs=1e-12)
    assert max(abs(result[node] - rank) for node, rank in want.items()) <= 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_float32_is_near(seed: int, shards: int) -> None:
    graph = nx.gnp_random_graph(300, 0.05, seed=seed, directed=True)
    want = np.array(list(nx.pagerank(graph, tol=1e-12).values()))
    result = rw.pagerank(graph, tol=1e-6, dtype=np.float32)
    assert np.abs(result.ranks - want).sum() < 1e-5


def test_same_bits_from_run_to_run(shards: int) -> None:
    rng = np.random.default_rng(1)
    graph = rw.Graph.from_edges(rng.integers(0, 3000, 40000), rng.integers(0, 3000, 40000), rng.random(40000))
    for dtype in (np.float32, np.float64):
        first = rw.pagerank(graph, dtype=dtype)
        for _ in range(10):
            again = rw.pagerank(graph, dtype=dtype)
            np.testing.assert_array_equal(again.ranks, first.ranks)
            np.testing.assert_array_equal(again.residuals, first.residuals)


@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_igraph(weighted: bool, shards: int) -> None:
    rng = np.random.default_rng(2)
    src, dst = rng.integers(0, 700, 5000), rng.integers(0, 1000, 5000)
    weight = rng.random(5000) + 0.1
    graph = igraph.Graph(n=1000, edges=list(zip(src.tolist(), dst.tolist(), strict=True)), directed=True)
    graph.es["weight"] = weight.tolist()
    want = graph.pagerank(weights="weight" if weighted else None, implementation="prpack")
    got = rw.pagerank(graph, weight="weight" if weighted else None, tol=1e-13, max_iter=1000)
    assert np.abs(got.ranks - want).max() <= 1e-10


def test_debian_packages_equal_igraph() -> None:
    path = pathlib.Path(__file__).parents[2] / "examples" / "data" / "debian-bookworm-depends.tsv.gz"
    graph = rw.Graph.read(path)
    src, dst, _ = graph.edges()
    want = igraph.Graph(n=graph.num_nodes, edges=np.column_stack((src, dst)), directed=True).pagerank()
    got = rw.pagerank(graph, weight=None, tol=1e-13, max_iter=1000)
    assert np.abs(got.ranks - want).max() <= 1e-10
    assert got.top(1)[0][0] == "libc6"
