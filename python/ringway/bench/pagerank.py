"""PageRank of a small graph to 1e-6, beside installed libraries, damping 0.85, every answer compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ringway as rw
from ringway import _core
from ringway.bench.rows import interleave, row

DAMPING = 0.85
TOLERANCE = 1e-6
Ranks = NDArray[Any]
Solve = Callable[[], Ranks]


def scipy_power(graph: rw.Graph, dtype: type, tol: float, max_iter: int = 100) -> Solve:
    """Power iteration over a scipy CSR matrix, dangling mass spread evenly, L1 stop; one thread."""
    import scipy.sparse

    adjacency = graph.to_scipy()
    out = np.asarray(adjacency.sum(axis=1)).ravel()
    inverse = np.divide(1.0, out, out=np.zeros_like(out), where=out > 0)
    transition = (scipy.sparse.diags_array(inverse) @ adjacency).T.tocsr().astype(dtype)
    dangling = np.flatnonzero(out == 0)
    size = graph.num_nodes

    def solve() -> Ranks:
        rank: Ranks = np.full(size, 1 / size, dtype)
        for _ in range(max_iter):
            lost = rank[dangling].sum() if len(dangling) else 0.0
            new = DAMPING * (transition @ rank) + dtype((DAMPING * lost + 1 - DAMPING) / size)
            change = np.abs(new - rank).sum()
            rank = new
            if change < tol:
                break
        return rank

    return solve


def networkit_solver(graph: rw.Graph, tol: float) -> Solve:
    import networkit as nk

    src, dst, _ = graph.edges()
    ends = (src.astype(np.uint64), np.array(dst, np.uint64))
    built = nk.GraphFromCoo(ends, n=graph.num_nodes, directed=True)
    spread = nk.centrality.SinkHandling.DistributeSinks

    def solve() -> Ranks:
        run = nk.centrality.PageRank(built, damp=DAMPING, tol=tol, distributeSinks=spread)
        run.norm = nk.centrality.Norm.l1norm
        run.run()
        return np.array(run.scores())

    return solve


def igraph_solver(graph: rw.Graph) -> Solve:
    import igraph

    src, dst, _ = graph.edges()
    built = igraph.Graph(n=graph.num_nodes, edges=np.column_stack((src, dst)).tolist(), directed=True)
    return lambda: np.array(built.pagerank(damping=DAMPING, implementation="prpack"))


def networkx_solver(graph: rw.Graph, tol: float) -> Solve:
    import networkx as nx

    src, dst, _ = graph.edges()
    built: Any = nx.DiGraph()
    built.add_nodes_from(range(graph.num_nodes))
    built.add_edges_from(zip(src.tolist(), dst.tolist(), strict=True))
    return lambda: np.array(list(nx.pagerank(built, DAMPING, tol=tol / graph.num_nodes).values()))


def ringway_solver(graph: rw.Graph, dtype: type, tol: float, backend: str) -> Solve:
    return lambda: rw.pagerank(graph, DAMPING, tol=tol, dtype=dtype, backend=backend).ranks


def python_solvers(graph: rw.Graph, tol: float, slow: bool, backend: str = "cpu") -> dict[str, Solve]:
    """Every installed Python peer, graph built; `slow` takes in those that need minutes for a large graph."""
    solvers = {"ringway float32": ringway_solver(graph, np.float32, tol, backend)}
    if _core.choose_backend(backend).float64:
        solvers["ringway float64"] = ringway_solver(graph, np.float64, tol, backend)
    if find_spec("scipy"):
        solvers["scipy float32"] = scipy_power(graph, np.float32, tol)
        solvers["scipy float64"] = scipy_power(graph, np.float64, tol)
    if find_spec("networkit"):
        solvers["networkit"] = networkit_solver(graph, tol)
    if slow and find_spec("igraph"):
        solvers["igraph prpack"] = igraph_solver(graph)
    if slow and find_spec("networkx"):
        solvers["networkx"] = networkx_solver(graph, tol)
    return solvers


def check(graph: rw.Graph, solvers: dict[str, Solve]) -> None:
    """Every answer near the true ranks; the first run also warms up."""
    if not find_spec("scipy"):
        return
    true = scipy_power(graph, np.float64, 1e-12, 1000)()
    for name, solve in solvers.items():
        error = np.abs(solve() - true).sum()
        assert error < 20 * TOLERANCE, f"{name} is off by {error:.2e}"


def measure(repeats: int, calls: int, backend: str = "cpu") -> list[dict[str, Any]]:
    """Rows of each library's time for 1,000 nodes and 10,000 edges; `calls` of each sample."""
    rng = np.random.default_rng(1)
    keys = np.unique(rng.integers(0, 1000, 10_400) * 1000 + rng.integers(0, 1000, 10_400))
    keys = rng.permutation(keys)[:10_000]
    graph = rw.Graph.from_edges(keys // 1000, keys % 1000, num_nodes=1000)
    solvers = python_solvers(graph, TOLERANCE, slow=True, backend=backend)
    check(graph, solvers)

    def many(solve: Solve) -> Callable[[], float]:
        def run() -> float:
            start = time.perf_counter()
            for _ in range(calls):
                solve()
            return (time.perf_counter() - start) / calls * 1e6

        return run

    samples = interleave({name: many(solve) for name, solve in solvers.items()}, repeats)
    return [row("1,000 nodes, 10,000 edges to 1e-6", name, "µs", took) for name, took in samples.items()]
