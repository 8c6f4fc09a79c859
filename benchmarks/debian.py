"""PageRank of the packages of Debian 12 beside networkx and igraph, interleaved, each answer compared first.

    python benchmarks/debian.py [--repeats 7] [--save]

All stop when an iteration changes the ranks by less than 1e-6 in all; networkx, whose `tol` is per node, is given that
over the number of nodes. igraph's PRPACK has a tolerance of its own, 1e-10.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import igraph
import networkx as nx
import numpy as np
import report
import ringway as rw

FILE = Path(__file__).resolve().parents[1] / "examples" / "data" / "debian-bookworm-depends.tsv.gz"
TOLERANCE = 1e-6


def pairs() -> list[tuple[str, str]]:
    """The edges as Python reads them."""
    with gzip.open(FILE, "rt") as file:
        rows = csv.reader((line for line in file if not line.startswith("#")), delimiter="\t")
        return [(source, target) for source, target in rows]


def seconds(call: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return run


def networkx_ranks(graph: nx.DiGraph[str], **options: Any) -> dict[str, float]:
    return nx.pagerank(graph, tol=TOLERANCE / len(graph), **options)


def igraph_ranks(graph: igraph.Graph) -> dict[str, float]:
    return dict(zip(graph.vs["name"], graph.pagerank(), strict=True))


def forgotten(graph: nx.DiGraph[str]) -> dict[str, float]:
    """The first call, which converts the graph."""
    graph.__networkx_cache__.clear()
    return networkx_ranks(graph, backend="ringway")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/debian.json")
    arguments = parser.parse_args()
    nx.config.warnings_to_ignore.add("cache")
    edges = pairs()
    theirs = nx.DiGraph(edges)
    other = igraph.Graph.TupleList(edges, directed=True)
    ours = rw.Graph.read(FILE)
    whole: dict[str, Callable[[], dict[str, float]]] = {
        "ringway": lambda: rw.pagerank(FILE).to_dict(),
        "networkx": lambda: networkx_ranks(nx.DiGraph(pairs())),
        "networkx, backend ringway": lambda: networkx_ranks(nx.DiGraph(pairs()), backend="ringway"),
        "igraph": lambda: igraph_ranks(igraph.Graph.TupleList(pairs(), directed=True)),
    }
    at_hand: dict[str, Callable[[], dict[str, float]]] = {
        "ringway": lambda: rw.pagerank(ours).to_dict(),
        "networkx": lambda: networkx_ranks(theirs),
        "networkx, backend ringway, first call": lambda: forgotten(theirs),
        "networkx, backend ringway": lambda: networkx_ranks(theirs, backend="ringway"),
        "igraph": lambda: igraph_ranks(other),
    }
    exact = networkx_ranks(theirs, backend="networkx", max_iter=1000)
    rows = [report.row("Debian, size", "nodes", "nodes", [ours.num_nodes])]
    rows += [report.row("Debian, size", "edges", "edges", [ours.num_edges])]
    for what, contestants in (("Debian, from file to ranks", whole), ("Debian, graph at hand", at_hand)):
        for name, ranks in contestants.items():
            found = ranks()
            distance = float(np.abs([found[node] - rank for node, rank in exact.items()]).sum())
            assert distance < 1e-5, (name, distance)
        samples = report.interleave(
            {name: seconds(run) for name, run in contestants.items()}, arguments.repeats
        )
        rows += [
            report.row(what, name, "ms", [1000 * took for took in list_]) for name, list_ in samples.items()
        ]
    report.show(rows)
    if arguments.save:
        print(
            report.save("debian", rows, report.versions(["ringway", "numpy", "networkx", "igraph", "scipy"]))
        )


if __name__ == "__main__":
    main()
