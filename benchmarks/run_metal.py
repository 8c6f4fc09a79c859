"""What ringway adds to Metal's own calls for a dispatch: alone, and for each further one of a command buffer.

    python benchmarks/run_metal.py [--software] [--repeats N] [--json FILE | --save]

Builds the native part with CMake below build/benchmarks-metal. On Linux ``--software`` takes the software
Metal device: its objects are not Apple's, so that only the difference between the two rows says something.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess

import report

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks-metal"
WHAT = {
    "alone": "one dispatch, from start to end",
    "extra": "each further one of a command buffer, on the host",
}


def native(repeats: int, software: bool) -> dict[str, object]:
    """Build and run the native part; the device's name and the samples."""
    source = ["-S", str(ROOT), "-B", str(BUILD), "-DRINGWAY_PYTHON=OFF", "-DRINGWAY_BENCHMARKS=ON"]
    if software:
        source.append("-DRINGWAY_METAL=SOFTWARE")
    subprocess.run(["cmake", *source], check=True, stdout=subprocess.DEVNULL)
    build = ["cmake", "--build", str(BUILD), "--target", "bench_metal", "-j2"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    environment = os.environ | ({"RINGWAY_METAL": "software"} if software else {})
    program = [BUILD / "benchmarks/metal/bench_metal", str(repeats)]
    done = subprocess.run(program, check=True, capture_output=True, text=True, env=environment)
    measured: dict[str, object] = json.loads(done.stdout)
    return measured


def main() -> None:
    """Measure, and print or save the figures with the device that ran."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--software", action="store_true", help="the software Metal device of tools/softmetal"
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    measured = native(arguments.repeats, arguments.software)
    device = measured.pop("device")
    rows = []
    for name, samples in measured.items():
        assert isinstance(samples, list)
        what, contestant = name.split(", ")
        rows.append(report.row(WHAT[what], f"{contestant}, {device}", "ns", samples))
    report.show(rows)
    if arguments.save or arguments.json:
        print(report.save("metal-dispatch", rows, {}, arguments.json))


if __name__ == "__main__":
    main()
