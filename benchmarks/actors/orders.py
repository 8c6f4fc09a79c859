"""The order book of examples/actors beside the same engine in C++ that Python calls with an array at a time.

Half of the messages are orders, half take them back a little later, as on an exchange. Trades are compared.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import sysconfig
import time
from typing import Any

import numpy as np
import ringway as rw
from actors.own import CAPACITY, WARM_UP, alone, check, options
from ringway.bench.round_trips import percentiles

from examples.actors import order_book

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 4096
Rates = dict[str, float]


def engine_module() -> Any:
    """Compile engine.cpp with the options of compiled kernels."""
    import pybind11

    target = HERE.parents[1] / "build" / f"engine{sysconfig.get_config_var('EXT_SUFFIX')}"
    target.parent.mkdir(exist_ok=True)
    includes = [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_paths()['include']}"]
    options = ["-std=c++20", "-O3", "-march=native", "-fvisibility=hidden", "-fPIC", "-shared"]
    subprocess.run(["c++", *options, *includes, "-o", target, HERE / "engine.cpp"], check=True)
    loader = importlib.machinery.ExtensionFileLoader("engine", str(target))
    spec = importlib.util.spec_from_file_location("engine", target, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["engine"] = module
    loader.exec_module(module)
    return module


def flow(count: int) -> Any:
    """Orders around a price that stands still, each taken back 100 to 10,000 orders later."""
    draw = np.random.default_rng(1)
    number = np.arange(count // 2)
    made = np.zeros(len(number), order_book.Order.dtype())
    made["id"] = number % (order_book.ORDERS - 1) + 1
    made["side"] = draw.integers(0, 2, len(number))
    made["price"] = np.clip(np.rint(draw.normal(512, 8, len(number))), 1, order_book.TICKS - 1)
    made["quantity"] = draw.integers(1, 30, len(number))
    back = made.copy()
    back["quantity"] = 0
    when = np.concatenate([number, number + draw.integers(100, 10_000, len(number))])
    return np.concatenate([made, back])[np.argsort(when, kind="stable")]


class Kernel:
    """The kernel: orders and trades as arrays, both under way at a time."""

    def __init__(self, runtime: rw.Runtime, kind: Any, **more: Any) -> None:
        self.kernel = runtime.launch(kind, options=options(order_book.Order, **more))

    def rate(self, orders: Any, expected: Any) -> float:
        trades, got = np.zeros(len(expected), order_book.Trade.dtype()), 0
        start = time.perf_counter()
        for at in range(0, len(orders), BATCH):
            self.kernel.send_many(orders[at : at + BATCH], order_book.Order)
            got = self.take(trades, got)
        while self.kernel.telemetry().processed < len(orders):
            got = self.take(trades, got)
        elapsed = time.perf_counter() - start
        while got < len(expected):
            got = self.take(trades, got)
        check(np.array_equal(trades, expected))
        return len(orders) / elapsed

    def take(self, trades: Any, got: int) -> int:
        try:
            made = self.kernel.receive_many(order_book.Trade, BATCH, timeout=0)
        except rw.errors.Timeout:
            return got
        trades[got : got + len(made)] = made
        return got + len(made)


def own_rate(kind: Any, orders: Any, expected: Any) -> float:
    with rw.Runtime("cpu", workers=1) as runtime:
        return Kernel(runtime, kind).rate(orders, expected)


def alone_rate(kind: Any, orders: Any) -> float:
    rounds = [orders[at : at + CAPACITY] for at in range(0, len(orders), CAPACITY)]
    return alone(kind, rounds, order_book.Order, order_book.Trade)[0]


def own_latency(kind: Any, count: int) -> Rates:
    """From the sending of an order to its trade in hand."""
    with rw.Runtime("cpu", workers=1) as runtime:
        book = Kernel(runtime, kind, idle="spin", capacity=1024)
        times = []
        for number in range(WARM_UP + count):
            book.kernel.send(order_book.Order(1, order_book.SELL, 500, 1))
            order = order_book.Order(2, order_book.BUY, 500, 1)
            start = time.perf_counter_ns()
            book.kernel.send(order)
            trade = book.kernel.receive()
            if number >= WARM_UP:
                times.append(time.perf_counter_ns() - start)
            check((trade.maker, trade.taker, trade.price, trade.quantity) == (1, 2, 500, 1))
    half, most = percentiles(times)
    return {"p50": half, "p99": most}


def engine_rate(engine: Any, orders: Any) -> tuple[float, Any]:
    book, trades, got = engine.Engine(), np.zeros(len(orders), order_book.Trade.dtype()), 0
    start = time.perf_counter()
    for at in range(0, len(orders), BATCH):
        got += book.process(orders[at : at + BATCH], trades[got:])
    return len(orders) / (time.perf_counter() - start), trades[:got]


def engine_latency(engine: Any, count: int) -> Rates:
    book = engine.Engine()
    sell, buy = np.zeros((2, 1), order_book.Order.dtype())
    sell[0], buy[0] = (1, order_book.SELL, 500, 1), (2, order_book.BUY, 500, 1)
    trades, times = np.zeros(1, order_book.Trade.dtype()), []
    for number in range(WARM_UP + count):
        book.process(sell, trades)
        start = time.perf_counter_ns()
        book.process(buy, trades)
        if number >= WARM_UP:
            times.append(time.perf_counter_ns() - start)
    half, most = percentiles(times)
    return {"p50": half, "p99": most}
