"""Slot queue beside other queues: throughput and latency between two cores, every byte checked.

    python benchmarks/run_queue.py PEERS_DIR [--repeats N] [--scale X] [--json FILE | --save]

PEERS_DIR is a folder of checkouts, see benchmarks/README.md. Builds with CMake below build/benchmarks, runs
all contestants round-robin, prints medians, spreads and the ratios that the project watches.

A virtual machine's host may move its cores between one run and the next, and all figures with them. So the
time that a word takes between the two cores is measured before and after each run. Runs are reported by it,
near and far cores apart; one during which it changed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
from typing import Any

import report

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks"
PEERS = ("SPSCQueue", "MPMCQueue", "concurrentqueue", "readerwriterqueue", "atomic_queue")

NEAR = 120.0  # ns one way; the same pair of cores stands at 45 to 65, or at 200 and more
LEAST = 3  # runs that make a row

SPSC, ONE_WAY, CELL = "56 B, 1P1C", "56 B, one way", "48 B, one way in one line"
TWO, EIGHT, LARGE = "56 B, 2P2C", "56 B, 4P4C", "4096 B, 1P1C"
COPYING = (
    "rigtorp MPMC",
    "rigtorp SPSC",
    "atomic_queue SPSC push/pop",
    "boost spsc_queue",
    "moodycamel ReaderWriterQueue",
)
# What, ours, theirs (the best of several), the least or (latency) the most that the ratio should be.
RATIOS = (
    (SPSC, "ringway in place, batches of 8", ("rigtorp SPSC",), 5.0),
    (SPSC, "ringway in place, batches of 8", ("atomic_queue SPSC push/pop",), 1.8),
    (SPSC, "ringway push/pop", ("rigtorp SPSC",), 4.0),
    (SPSC, "ringway push/pop", ("atomic_queue SPSC push/pop",), 1.5),
    (ONE_WAY, "ringway queue", ("floor, two lines",), 1.1),
    (CELL, "ringway call cell", ("floor, shared line",), 1.3),
    (TWO, "ringway push/pop", ("rigtorp MPMC",), 1.2),
    (TWO, "ringway in place, batches of 32", ("moodycamel bulk of 32",), 1.0),
    (TWO, "ringway in place, batches of 8", ("moodycamel bulk of 8",), 1.0),
    (EIGHT, "ringway push/pop", ("rigtorp MPMC",), 1.0),
    (LARGE, "ringway batches of 8, copied out", COPYING, 1.4),
    (LARGE, "ringway read in place, singly", COPYING, 1.2),
)


def build(peers: pathlib.Path) -> pathlib.Path:
    options = ["-DRINGWAY_PYTHON=OFF", "-DRINGWAY_BENCHMARKS=ON", f"-DRINGWAY_PEERS_DIR={peers}"]
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", BUILD, "--target", "bench_queue"], check=True, stdout=subprocess.DEVNULL
    )
    return BUILD / "benchmarks" / "queue" / "bench_queue"


def version(checkout: pathlib.Path) -> str:
    """The commit of a checkout, or what the file COMMIT beside an unpacked archive says."""
    told = checkout / "COMMIT"
    if told.exists():
        return told.read_text().strip()
    command = ["git", "-C", checkout, "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def tool_versions(peers: pathlib.Path) -> dict[str, str]:
    compiler = os.environ.get("CXX", "c++")
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    boost = subprocess.run(
        [compiler, "-E", "-P", "-x", "c++", "-include", "boost/version.hpp", "-"],
        input="BOOST_LIB_VERSION",
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {
        "compiler": said.splitlines()[0],
        "boost": boost.strip().splitlines()[-1].strip('"') if boost.strip() else "",
        **{name: version(peers / name) for name in PEERS},
    }


def place(sample: list[float]) -> str:
    """Where the two cores were during a run: near, far, or empty when that changed."""
    before, after = (("near" if ns <= NEAR else "far") for ns in sample[1:])
    return before if before == after else ""


def in_place(lines: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """Rows of the runs with the cores there."""
    rows = []
    for line in lines:
        values = [sample[0] for sample in line["samples"] if place(sample) == where]
        if len(values) >= LEAST:
            rows.append(report.row(f"{line['what']}, {where} cores", line["name"], line["unit"], values))
    return rows


def ratios(lines: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """Medians of the ratios within each round, of rounds with the cores there for both sides."""
    runs = {(line["what"], line["name"]): line["samples"] for line in lines}

    def there(what: str, name: str) -> list[float]:
        return [run[0] for run in runs.get((what, name), []) if place(run) == where]

    found = []
    for what, ours, theirs, wanted in RATIOS:
        medians = {
            name: statistics.median(values) for name in theirs if len(values := there(what, name)) >= LEAST
        }
        if (what, ours) not in runs or not medians:
            continue
        best = max(medians, key=medians.__getitem__)
        rounds = zip(runs[what, ours], runs[what, best], strict=True)
        values = [own[0] / other[0] for own, other in rounds if place(own) == where == place(other)]
        if len(values) < LEAST:
            continue
        peer = theirs[0] if len(theirs) == 1 else "best copying peer"
        row = report.row(f"{what}, {where} cores, ratio", f"{ours} / {peer}", "x", values)
        found.append({**row, "target": wanted})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peers", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--scale", type=float, default=1.0, help="messages of each run, times this")
    parser.add_argument("--only", default="", help="contestants whose name holds this text")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/queue.json")
    arguments = parser.parse_args()
    program = build(arguments.peers.resolve())
    options = ["--repeats", str(arguments.repeats), "--scale", str(arguments.scale), "--only", arguments.only]
    ran = subprocess.run([program, *options], check=True, capture_output=True, text=True)
    lines = json.loads(ran.stdout)
    rows = [row for where in ("near", "far") for row in in_place(lines, where) + ratios(lines, where)]
    report.show(rows)
    for line in rows:
        if "target" in line:
            latency = "one way" in line["what"]
            met = line["median"] <= line["target"] if latency else line["median"] >= line["target"]
            limit = f"{'at most' if latency else 'at least'} {line['target']}"
            verdict = "met   " if met else "MISSED"
            print(f"{verdict} {line['contestant']}, {line['what']}: {line['median']:.3g}, {limit}")
    if arguments.json or arguments.save:
        print(report.save("queue", rows, tool_versions(arguments.peers), arguments.json))


if __name__ == "__main__":
    main()
