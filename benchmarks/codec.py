"""The codec beside msgspec (msgpack): what `ringway.bench.codec` measures, saved for the documents."""

from __future__ import annotations

import argparse

import report
from ringway.bench import codec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each sample")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/codec.json")
    arguments = parser.parse_args()
    rows = codec.measure(arguments.repeats, arguments.seconds)
    report.show(rows)
    if arguments.save:
        print(report.save("codec", rows, report.versions(["msgspec", "numpy"])))


if __name__ == "__main__":
    main()
