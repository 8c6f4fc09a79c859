"""The ranks of one run, ready to be printed in each form."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ringway.cli.table import Table
from ringway.extras import needed

if TYPE_CHECKING:
    from ringway.cli.verify import Verification
    from ringway.graphs import Graph
    from ringway.pagerank import PageRankResult

DIGITS = 3  # of the least rank in the table, after its first one


def short(number: float) -> str:
    """A count or a rate with three or four digits and a unit: ``1.23 M``."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"


def seconds(duration: float) -> str:
    """A duration in the unit that suits it: ``12.3 ms``."""
    for limit, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if duration >= limit:
            return f"{duration / limit:.3g} {unit}"
    return f"{duration * 1e9:.3g} ns"


@dataclass
class Ranking:
    """A graph, its ranks, and what was asked.

    Parameters
    ----------
    path : str
        The graph's file.
    graph : Graph
    result : PageRankResult
    reading : float
        Seconds that reading the file took.
    top : int, optional
        Rows to show; None = all.
    check : Verification, optional
        How far the ranks are from a reference.
    """

    path: str
    graph: Graph
    result: PageRankResult
    reading: float
    top: int | None
    check: Verification | None = None

    def rows(self, most: int | None) -> Iterator[tuple[int, int, str, float]]:
        """Position from 1, node number, name and rank; highest rank first, equal ones by node number."""
        ranks = self.result.ranks
        order = np.argsort(-ranks, kind="stable")[:most]
        for position, node in enumerate(order.tolist(), start=1):
            yield position, node, str(self.graph.label(node)), float(ranks[node])

    @property
    def residual(self) -> float:
        """Sum over all nodes of the last iteration's change; 0 when there was none."""
        return float(self.result.residuals[-1]) if len(self.result.residuals) else 0.0

    @property
    def edges_per_second(self) -> float:
        """Edges that an iteration passes, by the mean time of one; 0 without iterations."""
        time = self.result.iteration_time
        return self.graph.num_edges / time if time > 0 else 0.0

    def table(self, rows: int) -> Table:
        """The ranked table, of so many rows where `top` does not say otherwise."""
        table = Table(["#", "name", "rank"], right=[0, 2])
        shown = list(self.rows(self.top or rows))
        least = min((rank for *_, rank in shown if rank > 0), default=1.0)
        digits = DIGITS - min(0, math.floor(math.log10(least)))
        for position, _, name, rank in shown:
            table.add(str(position), name, f"{rank:.{digits}f}")
        return table

    def summary(self) -> list[str]:
        """How the ranks came about, in two lines, and in a third what a check found."""
        graph, result = self.graph, self.result
        state = "converged" if result.converged else "not converged"
        return [
            f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, read in {seconds(self.reading)}",
            f"{result.iterations} iterations in {seconds(result.total_time)}, {state}: "
            f"residual {self.residual:.3g}, {short(self.edges_per_second)} edges/s",
            *([] if self.check is None else [self.check.text()]),
        ]

    def write_csv(self, out: TextIO) -> None:
        """Write a header and one line for each row."""
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["position", "node", "name", "rank"])
        writer.writerows(
            (position, node, name, repr(rank)) for position, node, name, rank in self.rows(self.top)
        )

    def write_parquet(self, path: str) -> None:
        """Write the columns position, node, name and rank."""
        arrow = needed("pyarrow", "arrow", "--parquet")
        parquet = needed("pyarrow.parquet", "arrow", "--parquet")
        order = np.array([node for _, node, _, _ in self.rows(self.top)], np.int64)
        columns = {
            "position": np.arange(1, len(order) + 1),
            "node": order,
            "name": arrow.array([name for _, _, name, _ in self.rows(self.top)], arrow.string()),
            "rank": self.result.ranks[order],
        }
        parquet.write_table(arrow.table(columns), path)

    def write_json(self, out: TextIO) -> None:
        """Write one JSON object."""
        result = self.result
        document: dict[str, Any] = {
            "file": self.path,
            "nodes": self.graph.num_nodes,
            "edges": self.graph.num_edges,
            "converged": result.converged,
            "iterations": result.iterations,
            "residual": self.residual,
            "seconds": {
                "reading": self.reading,
                "ranking": result.total_time,
                "iteration": result.iteration_time,
            },
            "edges_per_second": self.edges_per_second,
            "check": None if self.check is None else asdict(self.check),
            "ranks": [
                {"position": position, "node": node, "name": name, "rank": rank}
                for position, node, name, rank in self.rows(self.top)
            ],
        }
        json.dump(document, out, indent=1, ensure_ascii=False)
        out.write("\n")
