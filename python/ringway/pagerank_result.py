"""What `ringway.pagerank` returns."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway.arguments import whole
from ringway.errors import GraphError
from ringway.extras import needed
from ringway.graphs import Graph


@dataclass(frozen=True)
class Plan:
    """How the graph was laid out for the kernels.

    Attributes
    ----------
    backend
        Where it ran.
    dtype
        Of the ranks.
    shards
        Destination ranges, each with a sender and an aggregator of its own.
    blocks
        Blocks of contributions in an iteration; each is one message to every aggregator.
    weighted
        Whether weights differ and count.
    ordered
        Whether nodes were put in the order of their degree.
    reason
        Why they were, or were not.
    bytes
        Memory of the layout.
    seconds
        Time that laying out took; it is done once for a `Graph`.
    """

    backend: str
    dtype: str
    shards: int
    blocks: int
    weighted: bool
    ordered: bool
    reason: str
    bytes: int
    seconds: float


class PageRankResult:
    """Ranks of a graph's nodes and how they came about.

    Attributes
    ----------
    ranks
        Shape (nodes,), float32 or float64, by node number; they add up to 1.
    iterations
        Number of iterations done.
    converged
        Whether the last iteration changed the ranks by less than the tolerance.
    residuals
        Sum over all nodes of the change in each iteration, float64; of a run longer than 65,536 iterations,
        the last 65,536.
    iteration_time
        Mean seconds per iteration; 0 without iterations.
    total_time
        Seconds of the whole call, with reading and laying out the graph where that was due.
    plan
        How the graph was laid out; None for a graph without nodes.
    """

    __slots__ = (
        "_graph", "converged", "iteration_time", "iterations", "plan", "ranks", "residuals", "total_time",
    )  # fmt: skip

    def __init__(
        self,
        *,
        graph: Graph,
        ranks: NDArray[Any],
        residuals: NDArray[np.float64],
        iterations: int,
        converged: bool,
        iteration_time: float,
        plan: Plan | None,
    ) -> None:
        self._graph = graph
        self.ranks = ranks
        self.residuals = residuals
        self.iterations = iterations
        self.converged = converged
        self.iteration_time = iteration_time
        self.total_time = 0.0
        self.plan = plan

    def __len__(self) -> int:
        return len(self.ranks)

    def __getitem__(self, name: Hashable) -> float:
        """The rank of one node, by its name, or by its number where nodes have no names."""
        return float(self.ranks[self._graph.index_of(name)])

    def top(self, n: int = 10) -> list[tuple[Any, float]]:
        """The `n` nodes with the highest rank as (name, rank), highest first, equal ones by node number."""
        size = len(self.ranks)
        n = max(0, min(whole("n", n, "a whole number"), size))
        if n == 0:
            return []
        least = np.partition(self.ranks, size - n)[size - n]
        candidates = np.flatnonzero(self.ranks >= least)
        order = candidates[np.argsort(-self.ranks[candidates], kind="stable")[:n]]
        return [(self._graph.label(node), float(self.ranks[node])) for node in order.tolist()]

    def to_dict(self) -> dict[Any, float]:
        """Rank of every node by its name."""
        return dict(zip(self._names(), self.ranks.tolist(), strict=True))

    def _names(self) -> Sequence[Hashable]:
        labels = self._graph.labels
        return range(len(self)) if labels is None else labels

    def _columns(self) -> dict[str, Any]:
        """The table of all nodes, by node number."""
        names = self._names()
        return {"node": np.arange(len(self)) if isinstance(names, range) else list(names), "rank": self.ranks}

    def to_series(self) -> Any:
        """The ranks as a pandas Series indexed by name.

        Raises
        ------
        MissingPackage
            pandas is not installed.
        """
        pandas = needed("pandas", "pandas", "to_series")
        return pandas.Series(self.ranks, index=pandas.Index(self._names(), name="node"), name="rank")

    def to_pandas(self) -> Any:
        """A pandas DataFrame with the columns node and rank, by node number.

        Raises
        ------
        MissingPackage
            pandas is not installed.
        """
        return needed("pandas", "pandas", "to_pandas").DataFrame(self._columns())

    def to_polars(self) -> Any:
        """A polars DataFrame with the columns node and rank, by node number.

        Raises
        ------
        MissingPackage
            polars is not installed.
        """
        return needed("polars", "polars", "to_polars").DataFrame(self._columns())

    def to_arrow(self) -> Any:
        """A pyarrow Table with the columns node and rank, by node number.

        Raises
        ------
        MissingPackage
            pyarrow is not installed.
        GraphError
            Labels are of types that no Arrow column holds together.
        """
        arrow = needed("pyarrow", "arrow", "to_arrow")
        try:
            return arrow.table(self._columns())
        except (TypeError, ValueError) as error:  # of which Arrow's own are
            raise GraphError(f"the labels fit no Arrow column ({error}); to_pandas takes any") from error

    def plot(self, ax: Any = None) -> Any:
        """Draw the residual of each iteration on a logarithmic scale.

        Parameters
        ----------
        ax
            Matplotlib axes to draw on; None makes a figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingPackage
            `ax` is None and matplotlib is not installed.
        """
        if ax is None:
            ax = needed("matplotlib.figure", "plot", "plot").Figure(layout="constrained").add_subplot()
        first = self.iterations - len(self.residuals) + 1
        ax.semilogy(np.arange(first, self.iterations + 1), self.residuals, marker="o", markersize=3)
        ax.set(xlabel="iteration", ylabel="L1 change", title=f"PageRank of {len(self):,} nodes")
        return ax

    def __repr__(self) -> str:
        state = "converged" if self.converged else "not converged"
        return f"PageRankResult({len(self)} nodes, {self.iterations} iterations, {state})"
