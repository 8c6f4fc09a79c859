#!/usr/bin/env python3
"""Reads one random graph from files of every format, beside what Python users read them with.

usage: benchmarks/graph_read.py [--edges N] [--repeats N] [--save]

Every reader runs once per round, in turn, and what it read is checked. The files come from the page cache;
the unit is a million bytes of the file per second, until the graph or matrix is ready.
"""

from __future__ import annotations

import argparse
import functools
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import report
import ringway as rw
import scipy.io

Contestant = tuple[str, Callable[[pathlib.Path], int]]


def lines(*columns: Any, parted: str = " ") -> str:
    return "\n".join(parted.join(map(str, row)) for row in zip(*columns, strict=True)) + "\n"


def write_files(folder: pathlib.Path, edges: int) -> dict[str, pathlib.Path]:
    random = np.random.default_rng(1)
    nodes = max(edges // 16, 2)
    src, dst = (random.integers(0, nodes, edges).tolist() for _ in range(2))
    paths = {suffix: folder / f"graph.{suffix}" for suffix in ("el", "wel", "csv", "tsv", "mtx", "rwg")}
    paths["el"].write_text(lines(src, dst))
    paths["wel"].write_text(lines(src, dst, random.random(edges).tolist()))
    paths["csv"].write_text("source,target\n" + lines(src, dst, parted=","))
    paths["tsv"].write_text(lines([f"node-{u}" for u in src], [f"node-{v}" for v in dst], parted="\t"))
    head = f"%%MatrixMarket matrix coordinate pattern general\n{nodes} {nodes} {edges}\n"
    paths["mtx"].write_text(head + lines([u + 1 for u in src], [v + 1 for v in dst]))
    rw.Graph.read(paths["el"]).save(paths["rwg"])
    return paths


def ringway_edges(path: pathlib.Path) -> int:
    return rw.Graph.read(path).num_edges


def networkx_edges(path: pathlib.Path) -> int:
    graph = nx.read_edgelist(path, nodetype=int, create_using=nx.MultiDiGraph)
    return int(graph.number_of_edges())


def numpy_edges(path: pathlib.Path) -> int:
    return len(np.loadtxt(path, np.int64))


def scipy_edges(path: pathlib.Path) -> int:
    return int(scipy.io.mmread(path).nnz)


WHAT: dict[str, tuple[str, list[Contestant]]] = {
    "el": ("edge list", [("numpy.loadtxt", numpy_edges), ("networkx", networkx_edges)]),
    "wel": ("edge list with weights", [("numpy.loadtxt", lambda path: len(np.loadtxt(path)))]),
    "csv": ("table of numbers", []),
    "tsv": ("table of labels", []),
    "mtx": ("Matrix Market", [("scipy", scipy_edges)]),
    "rwg": ("saved graph", []),
}


def timed(reader: Callable[[pathlib.Path], int], path: pathlib.Path, edges: int) -> float:
    begin = time.perf_counter()
    found = reader(path)
    seconds = time.perf_counter() - begin
    if found != edges:
        raise SystemExit(f"{path.name}: {found} edges read, {edges} written")
    return path.stat().st_size / seconds / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/graph_read.json")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(pathlib.Path(folder), arguments.edges)
        for suffix, (what, peers) in WHAT.items():
            contestants = {
                name: functools.partial(timed, reader, paths[suffix], arguments.edges)
                for name, reader in [("ringway", ringway_edges), *peers]
            }
            samples = report.interleave(contestants, arguments.repeats)
            rows += [report.row(what, name, "MB/s", values) for name, values in samples.items()]
    report.show(rows)
    if arguments.save:
        print(report.save("graph_read", rows, report.versions(["numpy", "scipy", "networkx"])))


if __name__ == "__main__":
    main()
