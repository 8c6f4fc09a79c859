"""PageRank on every backend, against networkx and against the CPU, within stated bounds."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
import ringway as rw
from ringway import pagerank_engine
from ringway._core import choose_backend, usable_cores
from ringway.errors import InvalidOption, NotConverged

# Largest absolute difference of a rank: to networkx run to 1e-14, and to the CPU at the same tolerance.
TO_NETWORKX = {"float64": 1e-10, "float32": 2e-6}
TO_CPU = {"float64": 1e-12, "float32": 1e-6}
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}


def cycle() -> nx.DiGraph:
    return nx.cycle_graph(5, create_using=nx.DiGraph)


def dangling() -> nx.DiGraph:
    graph = nx.gnp_random_graph(200, 0.02, seed=1, directed=True)
    graph.remove_edges_from(list(graph.out_edges(range(0, 200, 7))))
    return graph


def weighted() -> nx.DiGraph:
    graph = nx.gnp_random_graph(300, 0.03, seed=2, directed=True)
    random = np.random.default_rng(3)
    for _, _, data in graph.edges(data=True):
        data["weight"] = float(random.uniform(0, 3))
    return graph


def skewed() -> nx.DiGraph:
    return nx.DiGraph(nx.barabasi_albert_graph(2000, 4, seed=4))


GRAPHS = {"cycle": cycle, "dangling": dangling, "weighted": weighted, "skewed": skewed}


def dtype_on(backend: str) -> str:
    """The widest that the backend has."""
    return "float64" if choose_backend(backend).float64 else "float32"


def test_a_backend_without_float64_says_so(backend: str) -> None:
    assert choose_backend("cpu").float64
    if choose_backend(backend).float64:
        assert rw.pagerank(cycle(), tol=1e-12, backend=backend).ranks.dtype == np.float64
        return
    for asked in ({"dtype": "float64"}, {"tol": 1e-12}):
        with pytest.raises(InvalidOption, match=f"backend '{backend}' has no float64.*float32"):
            rw.pagerank(cycle(), backend=backend, **asked)


def test_the_plan_is_what_the_backend_asks_for(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerank_engine, "EDGES_PER_SHARD", 100)
    nodes, facts = np.arange(10_000), choose_backend(backend)
    graph = rw.Graph.from_edges(nodes, np.roll(nodes, -1))
    plan = rw.pagerank(graph, tol=1e-4, backend=backend).plan
    rw.release_pagerank()
    assert plan is not None
    assert plan.backend == backend
    assert plan.shards == min(facts.parallel or usable_cores(), 64)
    if facts.most_elements:
        assert plan.blocks >= len(nodes) / facts.most_elements


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", GRAPHS)
def test_ranks(backend: str, name: str, dtype: str) -> None:
    graph = GRAPHS[name]()
    settings: dict[str, Any] = {"tol": TOLERANCE[dtype], "max_iter": 1000, "dtype": dtype}
    if dtype == "float64" and not choose_backend(backend).float64:
        with pytest.raises(InvalidOption, match="no float64"):
            rw.pagerank(graph, backend=backend, **settings)
        return
    result = rw.pagerank(graph, backend=backend, **settings)
    assert result.converged
    assert result.ranks.dtype == dtype
    expected = nx.pagerank(graph, tol=1e-14 / len(graph), max_iter=1000)
    ranks = result.to_dict()
    assert max(abs(ranks[node] - expected[node]) for node in graph) <= TO_NETWORKX[dtype]
    assert abs(result.ranks.sum(dtype=np.float64) - 1) <= len(graph) * np.finfo(dtype).eps
    cpu = rw.pagerank(graph, backend="cpu", **settings)
    assert np.abs(result.ranks - cpu.ranks).max() <= TO_CPU[dtype]


def test_personalization_and_damping(backend: str) -> None:
    graph = weighted()
    wish = {node: 1.0 + node % 3 for node in range(0, 300, 2)}
    dtype = dtype_on(backend)
    ranks = rw.pagerank(
        graph, damping=0.6, tol=TOLERANCE[dtype], max_iter=1000, personalization=wish, backend=backend
    ).to_dict()
    expected = nx.pagerank(graph, alpha=0.6, tol=1e-14 / 300, max_iter=1000, personalization=wish)
    assert max(abs(ranks[node] - expected[node]) for node in graph) <= TO_NETWORKX[dtype]


def test_the_same_bits_from_run_to_run(backend: str) -> None:
    graph = rw.Graph.from_networkx(skewed())
    tol = TOLERANCE[dtype_on(backend)]
    runs = [rw.pagerank(graph, tol=tol, backend=backend).ranks for _ in range(3)]
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])


def test_not_converging_is_raised(backend: str) -> None:
    tol = TOLERANCE[dtype_on(backend)]
    with pytest.raises(NotConverged):
        rw.pagerank(skewed(), tol=tol, max_iter=3, backend=backend)
    result = rw.pagerank(skewed(), tol=tol, max_iter=3, backend=backend, on_failure="return")
    assert (result.converged, result.iterations) == (False, 3)
