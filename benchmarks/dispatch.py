"""Dispatch kernels beside a plain loop: what `ringway.bench.dispatch` measures, saved for the documents."""

from __future__ import annotations

import argparse

import report
from ringway.bench import dispatch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--scale", type=float, default=5.0, help="of the number of calls in a round")
    parser.add_argument("--backend", default="cpu")
    parser.add_argument(
        "--save", action="store_true", help="write benchmarks/results/dispatch.json (BACKEND.json)"
    )
    arguments = parser.parse_args()
    rows = dispatch.measure(arguments.repeats, arguments.scale, arguments.backend)
    report.show(rows)
    if arguments.save:
        name = "dispatch" if arguments.backend == "cpu" else arguments.backend
        print(report.save(name, rows, report.versions(("numpy",))))


if __name__ == "__main__":
    main()
