"""The actors of examples/actors, compiled and called as functions, against references written without."""

from __future__ import annotations

import heapq
import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import networkx
import numpy as np
import pytest
import ringway as rw
from ringway import errors
from scipy import cluster, signal

from examples.actors import (
    anomaly_detector,
    bloom_filter,
    game_of_life,
    heat,
    kmeans,
    order_book,
    running_statistics,
    shortest_paths,
    token_bucket,
    top_k,
)
from tests.python.kernel_modes import MODES, CalledRuntime, runtime_of


@pytest.fixture(params=MODES)
def runtime(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = runtime_of(request.param)
    yield made
    if not isinstance(made, CalledRuntime):
        made.close()


def state_after(kernel: Any, messages: int) -> Any:
    """The state once so many messages have been handled, which a called kernel has at once."""
    if isinstance(kernel, rw.Kernel):
        while kernel.telemetry().processed < messages:
            time.sleep(0.001)
    return kernel.read_state()


def test_running_statistics(runtime: Any) -> None:
    draw = random.Random(1)
    values = [draw.gauss(1e6, 3.0) for _ in range(500)]
    kernel = runtime.launch(running_statistics.running_statistics)
    for count, value in enumerate(values, 1):
        now = kernel.request(running_statistics.Sample(value), timeout=20)
        if count in (1, 2, 17, 500):
            seen = values[:count]
            assert (now.count, now.least, now.greatest) == (count, min(seen), max(seen))
            assert now.mean == pytest.approx(statistics.mean(seen), rel=1e-13)
            assert now.squares == pytest.approx(statistics.pvariance(seen) * count, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("count", [3, top_k.K, 400])
def test_top_k(runtime: Any, count: int) -> None:
    draw = random.Random(count)
    scores = [(float(draw.randint(-50, 50)), player) for player in range(count)]
    kernel = runtime.launch(top_k.top_k)
    for score, player in scores:
        kernel.send(top_k.Score(player, score))
    top = state_after(kernel, count)
    # Among equals, who came first.
    expected = heapq.nlargest(top_k.K, scores, key=lambda pair: (pair[0], -pair[1]))
    assert top.filled == len(expected)
    assert list(zip(top.scores, top.players, strict=True))[: top.filled] == expected


def test_bloom_filter(runtime: Any) -> None:
    draw = random.Random(3)
    keys = [draw.getrandbits(62) - 2**61 for _ in range(600)]
    kernel = runtime.launch(bloom_filter.bloom_filter)
    for key in keys:
        kernel.send(bloom_filter.Key(bloom_filter.ADD, key))
    assert all(kernel.request(bloom_filter.Key(bloom_filter.ASK, key), timeout=20).maybe for key in keys)
    others = [draw.getrandbits(62) for _ in range(1000)]
    answers = [kernel.request(bloom_filter.Key(bloom_filter.ASK, key), timeout=20).maybe for key in others]
    # As many bits as so many independent draws would set, and as many wrong answers as they would give.
    state = kernel.read_state()
    filled = sum(int(word).bit_count() for word in state.words) / bloom_filter.BITS
    draws = bloom_filter.HASHES * len(keys)
    assert state.added == len(keys)
    assert filled == pytest.approx(1 - (1 - 1 / bloom_filter.BITS) ** draws, rel=0.05)
    assert sum(answers) <= 3 * len(others) * filled**bloom_filter.HASHES + 5


def test_token_bucket(runtime: Any) -> None:
    """Against virtual scheduling (GCRA), which keeps a time instead of a level."""
    draw = random.Random(4)
    expected_at: dict[int, int] = {}
    kernel = runtime.launch(token_bucket.token_bucket)
    now, refused = 10**9, 0
    for _ in range(600):
        now += draw.choice([0, 0, 1, 30_000, 99_999, 100_000, 250_000])
        client = draw.choice([0, 63])
        verdict = kernel.request(token_bucket.Request(client, now), timeout=20)
        at = max(expected_at.get(client, 0), now)
        tolerance = (token_bucket.BURST - 1) * token_bucket.INTERVAL_US
        allowed = at - now <= tolerance
        expected_at[client] = at + token_bucket.INTERVAL_US * allowed
        refused += not allowed
        assert verdict.allowed == allowed
        assert verdict.wait_us == max(0, expected_at[client] - now - tolerance)
    assert kernel.read_state().refused == refused > 10


def test_a_bucket_without_times_goes_by_the_clock(runtime: Any) -> None:
    kernel = runtime.launch(token_bucket.token_bucket)
    before = time.time_ns() // 1000 if isinstance(runtime, rw.Runtime) else 1_700_000_000_000_000
    assert kernel.request(token_bucket.Request(3), timeout=20).allowed
    assert kernel.read_state().last_us[3] >= before


def exchange(orders: list[order_book.Order]) -> list[tuple[int, ...]]:
    """Trades by a list of waiting orders, looked through from end to end for each that comes."""
    waiting: list[list[int]] = []  # id, side, price, left; in the order in which they came
    trades = []
    for order in orders:
        if order.quantity == 0:
            waiting = [one for one in waiting if one[0] != order.id]
            continue
        sign = 1 if order.side == order_book.BUY else -1
        left = order.quantity
        matches = [one for one in waiting if one[1] != order.side and sign * (order.price - one[2]) >= 0]
        for maker in sorted(matches, key=lambda one: sign * one[2]):  # stable: by time among equals
            traded = min(left, maker[3])
            if traded:
                trades.append((maker[0], order.id, maker[2], traded))
                left -= traded
                maker[3] -= traded
        waiting = [one for one in waiting if one[3]]
        if left:
            waiting.append([order.id, order.side, order.price, left])
    return trades


def some_orders(count: int, seed: int) -> list[order_book.Order]:
    draw = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        if number > 10 and draw.random() < 0.2:
            made.append(order_book.Order(draw.randint(1, number - 1), order_book.BUY, 0, 0))
        price = min(max(round(draw.gauss(512, 6)), 1), order_book.TICKS - 1)
        made.append(order_book.Order(number, draw.choice([0, 1]), price, draw.randint(1, 30)))
    return made


def test_order_book(runtime: Any) -> None:
    orders = some_orders(1500, 5)
    expected = exchange(orders)
    kernel = runtime.launch(order_book.order_book)
    for order in orders:
        kernel.send(order)
    trades = [kernel.receive(timeout=20) for _ in expected]
    assert [(trade.maker, trade.taker, trade.price, trade.quantity) for trade in trades] == expected
    book = state_after(kernel, len(orders))
    assert (book.trades, book.volume) == (len(expected), sum(trade[3] for trade in expected))
    assert len(expected) > 500


@pytest.mark.parametrize(
    "order",
    [(0, 0, 5, 1), (order_book.ORDERS, 0, 5, 1), (2, 0, 0, 1), (2, 1, 1024, 1), (2, 2, 5, 1), (1, 0, 5, 1)],
)
def test_an_order_that_is_none_is_refused(order: tuple[int, ...]) -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(order_book.order_book, options=rw.LaunchOptions(on_error="skip"))
        kernel.send(order_book.Order(1, order_book.SELL, 7, 3))
        with pytest.raises(errors.HandlerError, match="ValueError"):
            kernel.request(order_book.Order(*order), timeout=20)
        assert kernel.read_state().left[1] == 3


def test_anomaly_detector(runtime: Any) -> None:
    width = anomaly_detector.WINDOW
    draw = np.random.default_rng(6)
    values = draw.normal(20, 1, 400)
    values[[50, 51, 200, 399]] += [9, -9, 7, -8]
    windows = np.lib.stride_tricks.sliding_window_view(values, width)[:-1]
    scores = (values[width:] - windows.mean(1)) / windows.std(1)
    expected = np.flatnonzero(abs(scores) > anomaly_detector.LIMIT)
    kernel = runtime.launch(anomaly_detector.anomaly_detector)
    for value in values:
        kernel.send(anomaly_detector.Reading(float(value)))
    alarms = [kernel.receive(timeout=20) for _ in expected]
    assert [alarm.number for alarm in alarms] == list(expected + width)
    np.testing.assert_allclose([alarm.score for alarm in alarms], scores[expected], rtol=1e-9)
    assert state_after(kernel, len(values)).seen == len(values)
    assert len(expected) >= 3


def test_kmeans(runtime: Any) -> None:
    draw = np.random.default_rng(7)
    points = np.concatenate([draw.normal(centre, 1, (60, 2)) for centre in ((0, 0), (4, 4), (9, 1))])
    draw.shuffle(points)
    centres = points[: kmeans.K].copy()
    kernel = runtime.launch(kmeans.kmeans, state=kmeans.Centres(*centres.T))
    for _ in range(5):
        for number, point in enumerate(points):
            kernel.send(kmeans.Point(number, *map(float, point), last=number == len(points) - 1))
        assigned = [kernel.receive(timeout=20) for _ in points]
        nearest, _ = cluster.vq.vq(points, centres)
        assert [one.number for one in assigned] == list(range(len(points)))
        assert [one.centre for one in assigned] == list(nearest)
        centres = np.array([points[nearest == i].mean(0) for i in range(kmeans.K)])
    state = state_after(kernel, 5 * len(points))
    np.testing.assert_allclose(np.column_stack([state.x, state.y]), centres, rtol=1e-12)


@pytest.mark.parametrize("generations", [0, 1, 30])
def test_game_of_life(runtime: Any, generations: int) -> None:
    rows = game_of_life.TILES * game_of_life.ROWS
    board = np.random.default_rng(8).integers(0, 2, (rows, game_of_life.COLUMNS), np.uint8)
    expected = board
    around = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    for _ in range(generations):
        neighbours = signal.convolve2d(expected, around, mode="same", boundary="wrap")
        expected = ((neighbours == 3) | ((neighbours == 2) & (expected == 1))).astype(np.uint8)
    np.testing.assert_array_equal(game_of_life.evolve(runtime, board, generations), expected)


@pytest.mark.parametrize("seed", range(4))
def test_shortest_paths(runtime: Any, seed: int) -> None:
    graph = networkx.gnp_random_graph(80, 0.03, seed=seed, directed=True)
    draw = random.Random(seed)
    edges = [(*edge, draw.randint(1, 2**20) / 2**10) for edge in graph.edges]
    graph.add_weighted_edges_from(edges)
    source = draw.randrange(80)
    expected = networkx.single_source_dijkstra_path_length(graph, source)
    assert shortest_paths.shortest_paths(runtime, edges, source) == expected


def test_a_graph_that_has_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="room for 32 nodes"):
        shortest_paths.parts_of([(0, shortest_paths.PARTS * shortest_paths.NODES, 1.0)])


def test_heat(runtime: Any) -> None:
    values = np.random.default_rng(9).normal(0, 10, heat.STRETCHES * heat.CELLS)
    expected = values
    for _ in range(75):
        expected = expected + heat.RATE * (np.roll(expected, 1) - 2 * expected + np.roll(expected, -1))
    np.testing.assert_array_equal(heat.spread(runtime, values, 75), expected)


def test_what_a_neighbour_tells_before_the_start_is_kept(runtime: Any) -> None:
    """Kernels are told to start one by one, and none may take another's first end for the end of its work."""
    kernel = runtime.launch(heat.conduct)
    sink = [runtime.launch(heat.conduct) for _ in range(2)]
    for name, other in zip(("left", "right"), sink, strict=True):
        runtime.link(kernel, other, output=name, message=heat.End)
        for own in ("left", "right"):
            runtime.link(other, kernel if own == "left" else other, output=own, message=heat.End)
    for kind in (heat.LEFT, heat.RIGHT):
        kernel.send(heat.End(kind, 0, 4.0))
    assert state_after(kernel, 2).step == 0
    kernel.send(heat.End(heat.START, 1))
    assert kernel.receive(timeout=20).step == 1
    assert list(kernel.read_state().values[[0, 1, -1]]) == [1.0, 0.0, 1.0]
