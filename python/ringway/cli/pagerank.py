"""``ringway pagerank FILE``: the ranks of a graph file, as a table, JSON or CSV."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ringway as rw
from ringway.cli.arguments import backend_names, count, number
from ringway.cli.console import Console
from ringway.cli.plot import check_plot, save_plot
from ringway.cli.progress import Bar, Progress
from ringway.cli.ranking import Ranking, short
from ringway.cli.verify import check_verify, verify
from ringway.errors import Error, NotConverged
from ringway.extras import needed
from ringway.graph_files import FORMATS, PARQUET

TABLE_ROWS = 10
HERE = "-"


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser("pagerank", help="rank the nodes of a graph file", description=__doc__)
    option = parser.add_argument
    option(
        "file",
        metavar="FILE",
        nargs="?",
        help="Matrix Market, edge list, CSV, TSV, GAP; also gzipped; Parquet",
    )
    option(
        "--format",
        choices=[*FORMATS, PARQUET],
        help="the file's format; by default its name or content says it",
    )
    option("--undirected", action="store_true", help="count every edge both ways")
    option("--no-weights", action="store_true", help="ignore the weights in the file")
    option("--damping", type=number(0, 1), default=0.85, help="part of the rank that follows edges (0.85)")
    option("--tol", type=number(0), default=1e-6, help="stop when an iteration changes less in all (1e-6)")
    option("--max-iter", type=count(1), default=100, help="fail after so many iterations (100)")
    option(
        "--on-failure",
        choices=("raise", "return"),
        default="raise",
        help="what to do when --max-iter is reached first: fail, or print the ranks there are (raise)",
    )
    option(
        "--workers", type=count(1), help="most shards, a thread each (as many as the backend runs at once)"
    )
    option("--dtype", choices=("float32", "float64"), help="precision (by --tol)")
    option("--backend", default="auto", choices=backend_names(), help="where to run (auto)")
    option("--top", type=count(1), help=f"rows to show ({TABLE_ROWS} in the table, else all)")
    option("--json", metavar="PATH", nargs="?", const=HERE, help="JSON into PATH, or instead of the table")
    option("--csv", metavar="PATH", nargs="?", const=HERE, help="CSV into PATH, or instead of the table")
    option("--parquet", metavar="PATH", help="a file of Parquet with the ranks")
    option("--verify", action="store_true", help="compare the ranks with a Gauss–Seidel solution by SciPy")
    option("--plot", metavar="PATH", help="a picture of the ranks and the convergence (PNG, PDF or SVG)")
    option("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run, parser=parser)


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuse what can be refused before a graph is read."""
    outputs = {name: getattr(arguments, name) for name in ("json", "csv", "parquet", "plot")}
    if arguments.file is None:
        taken = [name for name in ("json", "csv") if outputs[name] not in (None, HERE)]
        why = f": --{taken[0]} took {outputs[taken[0]]}, so put FILE first" if taken else ""
        arguments.parser.error(f"FILE is missing{why}")
    source = Path(arguments.file)
    if arguments.file == HERE or (source.exists() and not source.is_file() and not source.is_dir()):
        raise Error(f"{arguments.file} is no file on a disk: save what it gives to a file and rank that")
    if outputs["json"] == outputs["csv"] == HERE:
        arguments.parser.error("--json and --csv cannot both go to standard output: give one a PATH")
    for name, path in outputs.items():
        if path in (None, HERE):
            continue
        if os.path.exists(path) and os.path.exists(arguments.file) and os.path.samefile(path, arguments.file):
            raise Error(f"--{name} would overwrite the graph {path}: choose another path")
        if not Path(path).absolute().parent.is_dir():
            raise Error(f"--{name} {path}: there is no folder {Path(path).parent}; make it first")
    if arguments.plot is not None:
        check_plot(arguments.plot)
    if arguments.parquet is not None:
        needed("pyarrow.parquet", "arrow", "--parquet")
    if arguments.verify:
        check_verify(arguments.damping)


def follow(bar: Bar, tol: float, max_iter: int) -> Callable[[int, float], None]:
    """A function that shows iterations: the change falls from the first one to the tolerance by powers."""
    first = 0.0

    def show(iterations: int, change: float) -> None:
        nonlocal first
        first = first or change
        done = iterations / max_iter
        if tol > 0 and first > tol and change > 0:
            done = max(done, math.log(first / change) / math.log(first / tol))
        bar.update("ranking", min(done, 1.0), f"iteration {iterations}, change {change:.2e}")

    return show


def rank(arguments: argparse.Namespace, console: Console) -> Ranking:
    """Read the graph and rank it, with a bar for both."""
    with Progress(console, not arguments.quiet) as bar:
        start = time.perf_counter()
        graph = rw.Graph.read(
            arguments.file,
            format=arguments.format,
            directed=False if arguments.undirected else None,
            weighted=False if arguments.no_weights else None,
            progress=lambda done, size: bar.update("reading", done / max(size, 1), f"{short(done)}B"),
        )
        reading = time.perf_counter() - start
        result = rw.pagerank(
            graph,
            damping=arguments.damping,
            tol=arguments.tol,
            max_iter=arguments.max_iter,
            dtype=arguments.dtype,
            backend=arguments.backend,
            on_failure="return",
            progress=follow(bar, arguments.tol, arguments.max_iter),
            workers=arguments.workers,
        )
    if arguments.on_failure == "raise" and arguments.tol > 0 and not result.converged:
        raise NotConverged(
            f"after {result.iterations} iterations the ranks still change by {result.residuals[-1]:.3g}, "
            f"--tol is {arguments.tol:g}; raise --max-iter or --tol, or pass --on-failure return"
        )
    check = None
    if arguments.verify:
        check = verify(graph, result, arguments.damping, weighted=not arguments.no_weights)
    return Ranking(arguments.file, graph, result, reading, arguments.top, check)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Rank and print."""
    check_usage(arguments)
    ranking = rank(arguments, console)
    for path, write in ((arguments.json, ranking.write_json), (arguments.csv, ranking.write_csv)):
        if path == HERE:
            write(console.out)
        elif path is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                write(file)
    if arguments.parquet is not None:
        ranking.write_parquet(arguments.parquet)
    if arguments.plot is not None:
        save_plot(ranking, arguments.plot)
    if HERE not in (arguments.json, arguments.csv):
        console.table(ranking.table(TABLE_ROWS))
        for text in ranking.summary():
            console.line(text)
    return 0
