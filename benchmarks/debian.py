"""PageRank of the packages of Debian 12 beside networkx and igraph, interleaved, each answer compared first.

    python benchmarks/debian.py [--repeats 7] [--save]

All stop when an iteration changes the ranks by less than 1e-6 in all; networkx, whose `tol` is per node, is
given that over the number of nodes. igraph's PRPACK has a tolerance of its own, 1e-10.
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
    bare: dict[str, Callable[[], object]] = {
        "ringway": lambda: rw.pagerank(ours).ranks,
        "igraph": other.pagerank,
    }
    exact = networkx_ranks(theirs, backend="networkx", max_iter=1000)
    for name, ranks in (*whole.items(), *at_hand.items()):
        found = ranks()
        distance = sum(abs(found[node] - rank) for node, rank in exact.items())
        assert distance < 1e-5, (name, distance)
    rows = [
        report.row("Debian, size", "nodes", "nodes", [ours.num_nodes]),
        report.row("Debian, size", "edges", "edges", [ours.num_edges]),
    ]
    for what, contestants in (
        ("Debian, from file to a dictionary", whole),
        ("Debian, from graph to a dictionary", at_hand),
        ("Debian, from graph to an array or list", bare),
    ):
        calls = {name: seconds(call) for name, call in contestants.items()}
        samples = report.interleave(calls, arguments.repeats)
        rows += [report.row(what, name, "ms", [1000 * one for one in took]) for name, took in samples.items()]
    report.show(rows)
    if arguments.save:
        peers = report.versions(["ringway", "numpy", "networkx", "igraph", "scipy"])
        print(report.save("debian", rows, peers))


if __name__ == "__main__":
    main()
