"""Arrays of 64-byte messages through queues: what `ringway.bench.arrays` measures, saved for documents."""

from __future__ import annotations

import argparse

import report
from ringway.bench import arrays

TARGETS = {"ringway send_many/receive_many": 30.0, "ringway in place": 80.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--messages", type=int, default=4_000_000, help="of each run; a tenth for objects")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/many.json")
    arguments = parser.parse_args()
    rows = arrays.measure(arguments.repeats, arguments.messages)
    for line in rows:
        if "alternating" in line["what"] and line["contestant"] in TARGETS:
            line["target"] = TARGETS[line["contestant"]]
    report.show(rows)
    for line in rows:
        if "target" in line:
            verdict = "met   " if line["median"] >= line["target"] else "MISSED"
            print(f"{verdict} {line['contestant']}: {line['median']:.3g}, at least {line['target']}")
    if arguments.save:
        print(report.save("many", rows, report.versions(("numpy",))))


if __name__ == "__main__":
    main()
