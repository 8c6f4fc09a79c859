"""Checks of PageRank: a graph whose ranks are known, and the time for a small one."""

from __future__ import annotations

import numpy as np

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, below, best_seconds, demand, exactly
from ringway.pagerank_engine import backend_for

TOLERANCE = 1e-3
REPEATS = 20


def cycle(setting: Setting) -> Finding:
    """The cycle 0 → 1 → 2 → 3 → 4 → 0: every node has the same rank."""
    graph = rw.Graph.from_edges([0, 1, 2, 3, 4], [1, 2, 3, 4, 0])
    result = rw.pagerank(graph, damping=0.85, max_iter=20, tol=TOLERANCE, backend=setting.backend)
    right = int(np.sum(np.abs(result.ranks - 0.2) <= TOLERANCE))
    return exactly(right, 5, "nodes at 0.2", f"iterations: {result.iterations}")


def direct(setting: Setting) -> Finding:
    """A random graph with nodes that lead nowhere, against the solution of its linear equations."""
    nodes, damping = 200, 0.85
    random = np.random.default_rng(7)
    src, dst = random.integers(0, nodes * 3 // 4, 1000), random.integers(0, nodes, 1000)
    matrix = np.zeros((nodes, nodes))
    np.add.at(matrix, (dst, src), 1.0)
    degree = matrix.sum(axis=0)
    matrix = np.where(degree > 0, matrix / np.where(degree > 0, degree, 1), 1 / nodes)
    wanted = np.linalg.solve(np.eye(nodes) - damping * matrix, np.full(nodes, (1 - damping) / nodes))
    graph = rw.Graph.from_edges(src, dst, num_nodes=nodes)
    tolerance, bound = (1e-12, 1e-10) if backend_for(setting.backend, 4).float64 else (1e-6, 1e-6)
    result = rw.pagerank(graph, damping, tolerance, 500, backend=setting.backend)
    return below(
        float(np.abs(result.ranks - wanted).max()), bound, "", f"{nodes} nodes, {result.ranks.dtype}"
    )


def thousand_nodes(setting: Setting) -> Finding:
    """A graph of 1,000 nodes and 10,000 edges, through the Python call, once it is loaded."""
    random = np.random.default_rng(1)
    src, dst = random.integers(0, 1000, (2, 10_000))
    graph = rw.Graph.from_edges(src, dst, num_nodes=1000)
    result = rw.pagerank(graph, backend=setting.backend)
    demand(bool(abs(result.ranks.sum() - 1) < 1e-4), f"the ranks sum to {result.ranks.sum()}")
    seconds = best_seconds(lambda: rw.pagerank(graph, backend=setting.backend), REPEATS)
    return below(seconds * 1e3, 10, "ms", f"10,000 edges, iterations: {result.iterations}")


CHECKS = [
    Check("pagerank-cycle", "PageRank of a 5-node cycle", cycle),
    Check("pagerank-direct", "PageRank against a direct solution", direct),
    Check("pagerank-1000", "PageRank of 1,000 nodes", thousand_nodes, measured=True),
]
