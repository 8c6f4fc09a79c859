"""Graph files of every format: what outside writers wrote, and what must be refused."""

from __future__ import annotations

import pathlib

import ringway as rw

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "data" / "debian-bookworm-depends.tsv.gz"


def test_example_graph() -> None:
    seen: list[tuple[int, int]] = []
    graph = rw.Graph.read(EXAMPLE, progress=lambda done, total: seen.append((done, total)))
    assert (graph.num_nodes, graph.num_edges) == (63_754, 279_322)
    assert graph.index_of("libc6") == 4
    assert graph.label(4) == "libc6"
    size = EXAMPLE.stat().st_size
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)
