"""PageRank beside its peers, interleaved: time per iteration, and time to a tolerance from Python.

    python benchmarks/pagerank/run.py [--scale 20] [--repeats 5] [--parts iteration,tolerance,small]

GAP's `pr_spmv` takes part when RINGWAY_PEERS_DIR holds a built `gapbs` folder (github.com/sbeamer/gapbs,
`make`). Every answer is compared with a power iteration in float64 before it is timed. GAP drops the rank
that reaches nodes without edges, the others spread it; its own `-v` is its check.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import report  # noqa: E402
import ringway as rw  # noqa: E402
from graphs import graph_file  # noqa: E402
from ringway.bench.pagerank import TOLERANCE, check, measure, python_solvers  # noqa: E402

ITERATIONS = 20


def timed(solve: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        solve()
        return time.perf_counter() - start

    return run


def gap_seconds(program: Path, file: Path, iterations: int, threads: int) -> float:
    """Seconds per iteration of a GAP program, which drops the rank of nodes without edges."""
    command = [program, "-f", file, "-n", "1", "-i", str(iterations), "-t", "0"]
    environment = {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = re.search(r"Trial Time:\s+([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]) / iterations


def gap_programs() -> dict[str, Path]:
    folder = Path(os.environ.get("RINGWAY_PEERS_DIR", "/nonexistent")) / "gapbs"
    return {f"GAP {name}": folder / name for name in ("pr_spmv", "pr") if (folder / name).exists()}


def per_iteration(kind: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    file = graph_file(kind, arguments.scale, arguments.graphs)
    graph = rw.Graph.read(file)
    edges = graph.num_edges
    threads = arguments.threads

    def ringway(dtype: type) -> Callable[[], float]:
        return lambda: rw.pagerank(graph, tol=0, max_iter=ITERATIONS, dtype=dtype).iteration_time

    contestants: dict[str, Callable[[], float]] = {
        "ringway float32": ringway(np.float32),
        "ringway float64": ringway(np.float64),
    }
    for name, program in gap_programs().items():
        subprocess.run([program, "-f", file, "-n", "1", "-v"], check=True, capture_output=True)
        contestants[name] = lambda program=program: gap_seconds(program, file, ITERATIONS, threads)  # type: ignore[misc]
    for run in contestants.values():
        run()
    samples = report.interleave(contestants, arguments.repeats)
    what = f"{kind}{arguments.scale} iteration, {edges} edges"
    return [
        report.row(what, name, "ns/edge", [s / edges * 1e9 for s in took]) for name, took in samples.items()
    ]


def to_tolerance(kind: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    graph = rw.Graph.read(graph_file(kind, arguments.scale, arguments.graphs))
    solvers = python_solvers(graph, TOLERANCE, slow=arguments.slow)
    check(graph, solvers)
    rows = []
    plan = [rw.pagerank(graph, dtype=dtype).plan for dtype in (np.float32, np.float64)]
    for name, made in zip(("ringway float32", "ringway float64"), plan, strict=True):
        assert made is not None
        rows.append(report.row(f"{kind}{arguments.scale} layout, once a graph", name, "s", [made.seconds]))
    samples = report.interleave({name: timed(solve) for name, solve in solvers.items()}, arguments.repeats)
    what = f"{kind}{arguments.scale} to 1e-6 from Python"
    return rows + [report.row(what, name, "s", took) for name, took in samples.items()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--parts", default="iteration,tolerance,small")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of GAP's programs")
    parser.add_argument("--slow", action="store_true", help="igraph and networkx on the large graphs too")
    parser.add_argument("--graphs", type=Path, default=Path.home() / ".cache" / "ringway" / "graphs")
    parser.add_argument("--out", type=Path, help="results file (benchmarks/results/pagerank.json)")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    rows: list[dict[str, Any]] = []
    for kind in ("kron", "urand"):
        if "iteration" in parts:
            rows += per_iteration(kind, arguments)
        if "tolerance" in parts:
            rows += to_tolerance(kind, arguments)
    if "small" in parts:
        rows += measure(arguments.repeats * 3, calls=20)
    report.show(rows)
    peers = report.versions(["ringway", "numpy", "scipy", "networkit", "igraph", "networkx"])
    for folder in {program.parent for program in gap_programs().values()}:
        command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
        peers["gapbs"] = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    print(report.save("pagerank", rows, peers, arguments.out))


if __name__ == "__main__":
    main()
