"""Round trips through ring kernels from Python, beside other actor libraries, and the runtime without Python.

    python benchmarks/run_runtime.py [--repeats N] [--scale X] [--json FILE | --save]

Builds the native part with CMake below build/benchmarks. A peer that is not installed is left out:
pip install ".[bench]". Every reply is checked. Beside the medians stand 99th percentiles, and beside
those the 99th percentile of what two threads of this machine need to pass one word to and fro.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess

import report
from ringway.bench import round_trips

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks-runtime"


def native(scale: float) -> dict[str, float]:
    """Build and run the native part; its figures by name."""
    source = ["-S", str(ROOT), "-B", str(BUILD), "-DRINGWAY_PYTHON=OFF", "-DRINGWAY_BENCHMARKS=ON"]
    subprocess.run(["cmake", *source], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", str(BUILD), "--target", "bench_runtime", "-j2"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    done = subprocess.run(
        [BUILD / "benchmarks/runtime/bench_runtime", str(scale)], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Run all contestants round-robin and print or save their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of messages")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    rows = round_trips.measure(arguments.repeats, arguments.scale)
    runs = [native(arguments.scale) for _ in range(arguments.repeats)]
    for name in runs[0]:
        what, unit = name.rsplit(", ", 1)
        rows.append(report.row(what, "ringway, native", unit, [run[name] for run in runs]))
    report.show(rows)
    if arguments.save or arguments.json:
        print(report.save("runtime", rows, report.versions(round_trips.PEERS), arguments.json))


if __name__ == "__main__":
    main()
