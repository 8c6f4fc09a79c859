"""Actors of a program's own beside a built-in kernel, Numba, other actor libraries, and plain C++.

    python benchmarks/run_actors.py [--repeats N] [--scale X] [--json FILE | --save]

Peers that are not installed are left out: pip install ".[bench]" numba ray. What comes back is compared.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from functools import partial
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))  # the examples

import report
from actors import orders, own, peers

PACKAGES = ("numba", "pydotcompute", "pykka", "ray")
BUILT_IN, TRANSLATED, CPP = "built-in kernel", "translated", "C++ (KernelSource)"
PYTHON = "run by Python"
ANY_THREAD = "run by Python, on any thread"
ENGINE = "C++ by pybind11, per batch"


def echoes(scale: float, repeats: int, installed: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of the echo; the short measurements, in which ringway's kernels differ little, more often."""
    kinds = {BUILT_IN: "echo", TRANSLATED: own.echo, CPP: own.CPP_ECHO}
    every = {**kinds, PYTHON: own.python_echo, ANY_THREAD: own.any_thread_echo}
    trips: dict[str, Any] = {name: partial(own.round_trip, kind, scale) for name, kind in every.items()}
    rates: dict[str, Any] = {name: partial(own.rate, kind, scale) for name, kind in every.items()}
    if "numba" in installed:
        name, handler = f"numba {installed['numba']}", own.numba_handlers()[0]
        trips[name] = partial(own.numba_round_trip, handler, scale)
        rates[name] = partial(own.numba_rate, handler, scale)
    for name in PACKAGES[1:]:
        if name in installed:
            trips[f"{name} {installed[name]}"] = partial(getattr(peers, name), scale)
    trips["multiprocessing.Queue"] = partial(peers.processes, scale)
    found = report.interleave(trips, repeats)
    many = report.interleave(rates, 3 * repeats)
    many |= {name: [value["rate"] for value in values] for name, values in found.items() if name not in many}
    alone = report.interleave(
        {name: partial(own.alone_echo, kind, 20) for name, kind in kinds.items()}, 3 * repeats
    )
    return [
        *(
            report.row(f"echo of 56 bytes, round trip, {key}", name, "us", [value[key] for value in values])
            for key in ("p50", "p99")
            for name, values in found.items()
        ),
        *(
            report.row(what, name, "M/s", [value / 1e6 for value in values])
            for what, samples in (
                ("echo of 56 bytes, many under way", many),
                ("echo of 56 bytes, the kernel alone", alone),
            )
            for name, values in samples.items()
        ),
    ]


def means(repeats: int, installed: dict[str, str]) -> list[dict[str, Any]]:
    contestants: dict[str, Any] = {
        TRANSLATED: partial(own.alone_mean, own.mean, 40),
        CPP: partial(own.alone_mean, own.CPP_MEAN, 40),
    }
    if "numba" in installed:
        contestants[f"numba {installed['numba']}"] = partial(own.numba_mean, own.numba_handlers()[1], 40)
    samples = report.interleave(contestants, 3 * repeats)
    return [
        report.row("running mean, from a full mailbox", name, "M/s", [value / 1e6 for value in values])
        for name, values in samples.items()
    ]


def exchange(scale: float, repeats: int) -> list[dict[str, Any]]:
    engine, kernel = orders.engine_module(), orders.order_book.order_book
    flow = orders.flow(round(1_000_000 * scale))
    _, expected = orders.engine_rate(engine, flow)
    rates = report.interleave(
        {
            ("order book, orders and trades by arrays", TRANSLATED): lambda: orders.own_rate(
                kernel, flow, expected
            ),
            ("order book, orders and trades by arrays", ENGINE): lambda: orders.engine_rate(engine, flow)[0],
            ("order book, the kernel alone", TRANSLATED): lambda: orders.alone_rate(kernel, flow),
        },
        repeats,
    )
    count = round(20_000 * scale)
    times = report.interleave(
        {
            TRANSLATED: lambda: orders.own_latency(kernel, count),
            ENGINE: lambda: orders.engine_latency(engine, count),
        },
        repeats,
    )
    rows = [
        report.row(what, name, "M/s", [value / 1e6 for value in values])
        for (what, name), values in rates.items()
    ]
    return rows + [
        report.row(f"order book, order to trade, {key}", name, "us", [value[key] for value in values])
        for key in ("p50", "p99")
        for name, values in times.items()
    ]


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
    installed = report.versions(PACKAGES)
    rows = echoes(arguments.scale, arguments.repeats, installed)
    rows += means(arguments.repeats, installed)
    rows += exchange(arguments.scale, arguments.repeats)
    report.show(rows)
    if arguments.save or arguments.json:
        print(report.save("actors", rows, installed, arguments.json))


if __name__ == "__main__":
    main()
