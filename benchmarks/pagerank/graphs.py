"""Graphs that every peer can read: symmetric Kronecker and uniform ones in GAP's serialized form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EDGES_PER_NODE = 16
CORNERS = (0.57, 0.19, 0.19)  # Graph500: chances of the upper left, upper right and lower left quarter


def kronecker(scale: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of an R-MAT graph of 2**scale nodes, before symmetrising, its nodes shuffled."""
    rng = np.random.default_rng(seed)
    edges = EDGES_PER_NODE << scale
    src, dst = np.zeros(edges, np.int64), np.zeros(edges, np.int64)
    a, b, c = CORNERS
    for bit in range(scale):
        chance = rng.random(edges, np.float32)
        src |= (chance >= a + b).astype(np.int64) << bit
        dst |= (((chance >= a) & (chance < a + b)) | (chance >= a + b + c)).astype(np.int64) << bit
    shuffled = rng.permutation(1 << scale)
    return shuffled[src], shuffled[dst]


def uniform(scale: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges between nodes drawn alike, before symmetrising."""
    rng = np.random.default_rng(seed)
    edges = EDGES_PER_NODE << scale
    return rng.integers(0, 1 << scale, edges), rng.integers(0, 1 << scale, edges)


MAKERS = {"kron": kronecker, "urand": uniform}


def write_sg(path: Path, src: NDArray[np.int64], dst: NDArray[np.int64], nodes: int) -> None:
    """Symmetric graph without loops and parallel edges, as GAP's converter writes it."""
    keys = np.concatenate((src * nodes + dst, dst * nodes + src))
    keys = np.unique(keys[keys // nodes != keys % nodes])
    offsets = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(keys // nodes, minlength=nodes), out=offsets[1:])
    with path.open("wb") as file:
        file.write(b"\0")
        file.write(np.array([len(keys), nodes], np.int64).tobytes())
        file.write(offsets.tobytes())
        file.write((keys % nodes).astype(np.int32).tobytes())


def graph_file(kind: str, scale: int, folder: Path) -> Path:
    """The file of that graph, made on first use."""
    path = folder / f"{kind}{scale}.sg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        write_sg(part, *MAKERS[kind](scale, seed=27491095), 1 << scale)
        part.rename(path)
    return path
