"""Ranks of a real graph: which packages of Debian 12 matter most to the others?"""

from __future__ import annotations

import pathlib

import ringway as rw

DATA = pathlib.Path(__file__).parent / "data" / "debian-bookworm-depends.tsv.gz"


def main() -> None:
    graph = rw.Graph.read(DATA)
    ranks = rw.pagerank(graph)
    print(f"{graph.num_nodes:,} packages, {graph.num_edges:,} dependencies, {ranks.iterations} iterations")
    for position, (name, rank) in enumerate(ranks.top(5), start=1):
        print(f"{position}. {name:<20} {rank:.4f}")

    print("seen from python3:")
    near = rw.pagerank(graph, personalization={"python3": 1.0})
    for name, rank in near.top(5):
        print(f"   {name:<20} {rank:.4f}")


if __name__ == "__main__":
    main()
