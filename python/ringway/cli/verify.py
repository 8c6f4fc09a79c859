"""A check of ranks by other means: one iteration in NumPy, and a Gauss–Seidel solution in SciPy.

Neither shares code with the kernels. The ranks solve ``(I - damping * P') x = c * p``, where P' holds the
parts of a rank that each edge passes on, p is even, and c makes them add up to 1 (what nodes without outgoing
weight keep goes everywhere alike too, so that it only changes c).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway.errors import Error
from ringway.extras import needed
from ringway.graphs import Graph
from ringway.pagerank import PageRankResult

SWEEPS = 1000
ROUNDING = {"float32": 4e-6, "float64": 1e-12}  # of sums over ranks


@dataclass(frozen=True)
class Verification:
    """How far ranks are from the reference.

    Attributes
    ----------
    residual
        Sum over all nodes of the change that one more iteration makes.
    difference
        Sum over all nodes of the distance to the reference.
    limit
        The most that `difference` can be by the run's own last change, and by its rounding.
    sweeps
        Gauss–Seidel sweeps that the reference took.
    """

    residual: float
    difference: float
    limit: float
    sweeps: int

    def text(self) -> str:
        """A line for people."""
        return (
            f"verified: {self.difference:.3g} from Gauss–Seidel of {self.sweeps} sweeps "
            f"(at most {self.limit:.3g}), one more iteration changes {self.residual:.3g}"
        )


def check_verify(damping: float) -> None:
    """Refuse what cannot be verified, before a graph is read."""
    if damping == 1:
        raise Error("--verify needs a --damping below 1: at 1 ranks need not be unique")
    needed("scipy.sparse.linalg", "graphs", "--verify")


def _passed_on(graph: Graph, weighted: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Sources, targets, and the part of its source's rank that each edge passes on."""
    src, dst, weights = graph.edges()
    values = np.ones(len(src)) if weights is None or not weighted else np.asarray(weights)
    leaving = np.bincount(src, values, graph.num_nodes)
    carries = leaving[src] > 0
    src, dst, values = src[carries], dst[carries], values[carries]
    return src, dst, values / leaving[src]


def _gauss_seidel(parts: Any, nodes: int, damping: float) -> tuple[NDArray[np.float64], int]:
    """The solution, scaled to add up to 1, and the sweeps it took."""
    sparse = needed("scipy.sparse", "graphs", "--verify")
    linear = needed("scipy.sparse.linalg", "graphs", "--verify")
    src, dst, share = parts
    system = sparse.csr_array((-damping * share, (dst, src)), shape=(nodes, nodes)) + sparse.eye_array(nodes)
    lower = sparse.tril(system, format="csc")
    upper = sparse.triu(system, 1, format="csr")
    even = np.full(nodes, 1 / nodes)
    x = even
    for sweep in range(1, SWEEPS + 1):
        following = linear.spsolve_triangular(lower, even - upper @ x)
        change = np.abs(following - x).sum()
        x = following
        if change <= 1e-14 * x.sum():
            return x / x.sum(), sweep
    raise Error(f"--verify: the reference did not settle in {SWEEPS} sweeps; lower --damping")


def verify(graph: Graph, result: PageRankResult, damping: float, weighted: bool) -> Verification:
    """Compare ranks with the reference.

    Raises
    ------
    Error
        They are further from it than the run's own tolerance and precision allow.
    """
    nodes = graph.num_nodes
    if nodes == 0:
        return Verification(0.0, 0.0, 0.0, 0)
    ranks = result.ranks.astype(np.float64)
    parts = src, dst, share = _passed_on(graph, weighted)
    flowed = damping * np.bincount(dst, share * ranks[src], nodes)
    residual = float(np.abs(flowed + (ranks.sum() - flowed.sum()) / nodes - ranks).sum())
    reference, sweeps = _gauss_seidel(parts, nodes, damping)
    last = float(result.residuals[-1]) if len(result.residuals) else 2.0
    limit = damping / (1 - damping) * last + ROUNDING[str(result.ranks.dtype)]
    check = Verification(residual, float(np.abs(ranks - reference).sum()), limit, sweeps)
    if not check.difference <= limit:
        raise Error(
            f"--verify: the ranks are {check.difference:.3g} from the reference, more than {limit:.3g}, "
            "which tolerance and precision allow; please report it with the graph"
        )
    return check
