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
ENGINE = "C++ by pybind11, per batch"


def echoes(scale: float, repeats: int, installed: dict[str, str]) -> list[dict[str, Any]]:
    kinds = {BUILT_IN: "echo", TRANSLATED: own.echo, CPP: own.CPP_ECHO}
    contestants: dict[str, Any] = {name: partial(own.ringway, kind, scale) for name, kind in kinds.items()}
    if "numba" in installed:
        contestants[f"numba {installed['numba']}"] = partial(own.numba, own.numba_handlers()[0], scale)
    for name in PACKAGES[1:]:
        if name in installed:
            contestants[f"{name} {installed[name]}"] = partial(getattr(peers, name), scale)
    contestants["multiprocessing.Queue"] = partial(peers.processes, scale)
    samples = report.interleave(contestants, repeats)
    rows = [
        report.row(what, name, unit, [value[key] * factor for value in values])
        for key, what, unit, factor in (
            ("rate", "echo of 56 bytes, many under way", "M/s", 1e-6),
            ("p50", "echo of 56 bytes, round trip, p50", "us", 1.0),
            ("p99", "echo of 56 bytes, round trip, p99", "us", 1.0),
        )
        for name, values in samples.items()
    ]
    alone = report.interleave(
        {name: partial(own.alone_echo, kind, 20) for name, kind in kinds.items()}, 3 * repeats
    )
    rows += [
        report.row("echo of 56 bytes, the kernel alone", name, "M/s", [value / 1e6 for value in values])
        for name, values in alone.items()
    ]
    return rows


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
