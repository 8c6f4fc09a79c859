"""The resident kernels: message counts, a withheld block, cancelling, threads, fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors, pagerank_engine, pagerank_messages
from ringway.pagerank_engine import Engine, Problem

SHARDS = 2


def random_graph(nodes: int = 500, edges: int = 5000, seed: int = 0) -> rw.Graph:
    rng = np.random.default_rng(seed)
    return rw.Graph.from_edges(rng.integers(0, nodes, edges), rng.integers(0, nodes, edges), num_nodes=nodes)


def problem(graph: rw.Graph, iterations: int = 10, tolerance: float = 0.0) -> Problem:
    return Problem(graph, 8, False, 0.85, tolerance, iterations, None, None, None)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine("cpu", SHARDS)
    yield made
    made.runtime.close()


def settled(engine: Engine, iterations: int, blocks: int) -> dict[str, Any]:
    """What the kernels have counted once all of it is: a worker counts behind the message that ends a run."""
    end = time.monotonic() + 30
    while True:
        senders = [kernel.telemetry() for kernel in engine.senders]
        aggregators = [kernel.telemetry() for kernel in engine.aggregators]
        checker = engine.checker.telemetry().processed
        done = (
            checker > iterations * SHARDS
            and all(t.processed >= iterations for t in senders)
            and sum(t.sent for t in senders) >= iterations * blocks * SHARDS
            and all(t.processed >= iterations * blocks and t.sent >= iterations for t in aggregators)
        )
        if done or time.monotonic() > end:
            return {
                "sender": [t.processed for t in senders],
                "sent": sum(t.sent for t in senders),
                "aggregator": [t.processed for t in aggregators],
                "told": [t.sent for t in aggregators],
                "checker": checker,
            }
        time.sleep(0.001)


def test_message_counts_are_iterations_times_blocks(engine: Engine) -> None:
    result = engine.run(problem(random_graph(), iterations=25), None)
    assert result.plan is not None
    blocks = result.plan.blocks
    assert blocks == SHARDS
    assert settled(engine, 25, blocks) == {
        "sender": [25] * SHARDS,
        "sent": 25 * blocks * SHARDS,
        "aggregator": [25 * blocks] * SHARDS,
        "told": [25] * SHARDS,
        "checker": 1 + 25 * SHARDS,
    }


def test_a_withheld_block_stops_convergence(engine: Engine) -> None:
    graph = random_graph()
    want = engine.run(problem(graph, 1000, 1e-12), None)
    assert want.plan is not None
    counts = settled(engine, want.iterations, want.plan.blocks)["aggregator"]
    engine.senders[1].deactivate()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(engine.run, problem(graph, 1000, 1e-12), None)
        while engine.senders[0].telemetry().processed == want.iterations:
            time.sleep(0.001)
        time.sleep(0.2)
        assert not run.done()
        # The block of shard 0 came; the one of shard 1 is missing, and nothing else goes on.
        assert (
            sum(aggregator.telemetry().processed for aggregator in engine.aggregators) <= sum(counts) + SHARDS
        )
        assert engine.senders[0].telemetry().processed == want.iterations + 1
        engine.senders[1].activate()
        got = run.result()
    np.testing.assert_array_equal(got.ranks, want.ranks)
    assert got.iterations == want.iterations


def test_progress_names_iterations_in_order(engine: Engine) -> None:
    seen: list[tuple[int, float]] = []
    result = engine.run(problem(random_graph(), iterations=40), lambda *args: seen.append(args))
    assert [iteration for iteration, _ in seen] == sorted({iteration for iteration, _ in seen})
    assert seen
    for iteration, residual in seen:
        assert residual == result.residuals[iteration - 1]


def test_what_progress_raises_ends_the_run_and_the_engine_stays_usable(engine: Engine) -> None:
    def stop(iteration: int, residual: float) -> None:
        raise RuntimeError("enough")

    graph = random_graph()
    with pytest.raises(RuntimeError, match="enough"):
        engine.run(problem(graph, iterations=2**31), stop)
    want = rw.pagerank(graph, tol=0, max_iter=10, dtype=np.float64).ranks
    np.testing.assert_allclose(engine.run(problem(graph), None).ranks, want, rtol=1e-12)
    assert not engine.runtime.closed


INTERRUPTED = """
import signal, threading, numpy as np, ringway as rw
graph = rw.Graph.from_edges(np.arange({nodes}), (np.arange({nodes}) * 7 + 1) % {nodes})
want = rw.pagerank(graph, tol=0, max_iter=5).ranks
threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
try:
    rw.pagerank(graph, tol=0, max_iter=2**32 - 1)
except KeyboardInterrupt:
    assert (rw.pagerank(graph, tol=0, max_iter=5).ranks == want).all()
    print("usable")
"""


@pytest.mark.parametrize("nodes", [1000, 300_000])
def test_ctrl_c(nodes: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED.format(nodes=nodes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("usable\n", 0), done.stderr


def test_threads_get_their_own_answers() -> None:
    graphs = [random_graph(nodes=50 + 10 * i, edges=600, seed=i) for i in range(8)]
    want = [rw.pagerank(graph, tol=1e-12).ranks for graph in graphs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for ranks, result in zip(
                want, pool.map(lambda g: rw.pagerank(g, tol=1e-12), graphs), strict=True
            ):
                np.testing.assert_array_equal(result.ranks, ranks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_fork() -> None:
    graph = random_graph()
    want = rw.pagerank(graph, tol=1e-12).ranks
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            rw.pagerank(graph, tol=0, max_iter=500)

    worker = threading.Thread(target=busy)
    worker.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                same = np.array_equal(rw.pagerank(graph, tol=1e-12).ranks, want)
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        worker.join()
    np.testing.assert_array_equal(rw.pagerank(graph, tol=1e-12).ranks, want)


def test_number_of_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerank_engine._core, "usable_cores", lambda: 8)
    per_shard = pagerank_engine.EDGES_PER_SHARD
    edges = (0, per_shard, 3 * per_shard, 10**9)
    assert [pagerank_engine.shards_for(n, None) for n in edges] == [1, 1, 3, 8]
    assert [pagerank_engine.shards_for(n, 2) for n in edges] == [1, 1, 2, 2]
    assert [pagerank_engine.shards_for(n, None, parallel=5) for n in edges] == [1, 1, 3, 5]
    assert pagerank_engine.shards_for(10**9, 2, parallel=5) == 2
    assert pagerank_engine.shards_for(10**9, 1000) == pagerank_engine.MAX_SHARDS


class Entry(SimpleNamespace):
    """What a backend says of itself."""

    def __init__(self, name: str, **facts: Any) -> None:
        usual = {"absent": "", "ring_kernels": True, "float64": True, "fast_threads": True}
        super().__init__(name=name, **{**usual, "parallel": 0, "most_elements": 0, **facts})


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([Entry("fine")], "fine"),
        ([Entry("gone", absent="no such device"), Entry("grid", ring_kernels=False), Entry("fine")], "fine"),
        ([Entry("slow too", fast_threads=False)], "slow"),
    ],
)
def test_auto_takes_a_backend_with_fast_threads(
    monkeypatch: pytest.MonkeyPatch, others: list[Entry], chosen: str
) -> None:
    slow = Entry("slow", fast_threads=False)
    monkeypatch.setattr(pagerank_engine._core, "backends", lambda: [slow, *others])
    monkeypatch.setattr(pagerank_engine._core, "choose_backend", lambda _: slow)
    assert pagerank_engine.backend_for("slow", 4).name == "slow"
    assert pagerank_engine.backend_for("auto", 4).name == "slow"  # RINGWAY_BACKEND names it
    monkeypatch.delenv("RINGWAY_BACKEND")
    assert pagerank_engine.backend_for("auto", 4).name == chosen


def test_the_plan_goes_by_what_the_backend_says(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ring(1000)
    want = rw.pagerank(graph, tol=1e-12)
    facts = Entry("cpu", parallel=3, most_elements=50)
    monkeypatch.setattr(pagerank_engine, "EDGES_PER_SHARD", 100)
    monkeypatch.setattr(pagerank_engine._core, "choose_backend", lambda _: facts)
    got = rw.pagerank(ring(1000), tol=1e-12)
    assert got.plan is not None
    assert got.plan.shards == 3
    assert got.plan.blocks >= 1000 / 50
    np.testing.assert_allclose(got.ranks, want.ranks, atol=1e-12)


def ring(nodes: int) -> rw.Graph:
    return rw.Graph.from_edges(np.arange(nodes), np.roll(np.arange(nodes), -1))


def test_workers_bound_the_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerank_engine, "EDGES_PER_SHARD", 1)
    graph = ring(100)
    plan = [rw.pagerank(graph, workers=workers).plan for workers in (1, 3)]
    assert [found.shards for found in plan if found is not None] == [1, 3]
    wrong: tuple[Any, ...] = (0, -1, 1.5, True)
    for workers in wrong:
        with pytest.raises(rw.errors.InvalidOption, match="workers is"):
            rw.pagerank(graph, workers=workers)


def test_release_ends_the_kernels_and_the_next_call_starts_others() -> None:
    graph = ring(5)
    want = rw.pagerank(graph).ranks
    engines = list(pagerank_engine._engines.running.values())
    rw.release_pagerank()
    assert engines
    assert all(engine.runtime.closed for engine in engines)
    assert pagerank_engine._engines.running == {}
    np.testing.assert_array_equal(rw.pagerank(graph).ranks, want)


def test_release_waits_for_runs_and_leaves_callers_whole() -> None:
    graph = ring(2_000)
    want = rw.pagerank(graph).ranks
    stop = threading.Event()
    wrong: list[object] = []

    def ranks() -> None:
        while not stop.is_set():
            try:
                if not np.array_equal(rw.pagerank(graph).ranks, want):
                    wrong.append("other ranks")
            except rw.Error as error:
                wrong.append(error)

    callers = [threading.Thread(target=ranks) for _ in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(20):
        rw.release_pagerank()
    stop.set()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_memory_goes_with_the_graph(engine: Engine) -> None:
    graph = random_graph()
    engine.run(problem(graph), None)
    assert len(engine.prepared) == 1
    del graph
    assert len(engine.prepared) == 0


def test_messages_are_as_large_as_the_kernels_structs() -> None:
    sizes = {
        name: getattr(pagerank_messages, name).dtype().itemsize
        for name in ("PageRankControl", "PageRankReport")
    }
    links = ("PageRankGo", "PageRankBlock", "PageRankPart")
    assert sizes == {"PageRankControl": 48, "PageRankReport": 32}
    assert [getattr(pagerank_messages, name).dtype().itemsize for name in links] == [40, 40, 32]


def break_by_link(engine: Engine, target: rw.Kernel, message: type[rw.Message]) -> None:
    """Send a message of a run that there is not to a kernel, by a link of its own."""
    relay = engine.runtime.launch("relay")
    engine.runtime.link(relay, target, message=message)
    relay.send(bytes(message.dtype().itemsize))


PLANTED: dict[str, tuple[Callable[[Engine], object], str]] = {
    "sender": (
        lambda engine: break_by_link(engine, engine.senders[0], pagerank_messages.PageRankGo),
        r"pagerank\.sender\.0' failed: plan, work or history is no buffer",
    ),
    "aggregator": (
        lambda engine: break_by_link(engine, engine.aggregators[0], pagerank_messages.PageRankBlock),
        r"pagerank\.aggregator\.0' failed: plan, work or history is no buffer",
    ),
    "checker": (
        lambda engine: break_by_link(engine, engine.checker, pagerank_messages.PageRankPart),
        r"pagerank\.checker\.0' failed: the message is not of the iteration under way",
    ),
    "ended": (
        lambda engine: engine.senders[0].terminate(drain=False),
        r"pagerank\.sender\.0' terminated: ended from outside",
    ),
}


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("progress", [None, lambda iteration, residual: None])
def test_a_kernel_that_fails_ends_the_call_and_the_next_one_works(
    plant: str, progress: Callable[[int, float], None] | None
) -> None:
    graph = random_graph()
    want = rw.pagerank(graph, backend="cpu").ranks
    engine = pagerank_engine._engines.get("cpu", 1)
    break_it, text = PLANTED[plant]
    with ThreadPoolExecutor(2) as pool:
        runs = engine.runs
        run = pool.submit(rw.pagerank, graph, tol=0, max_iter=2**32 - 1, backend="cpu", progress=progress)
        while engine.runs == runs or engine.checker.telemetry().processed < 10:
            time.sleep(0.001)
        waits_for_its_turn = pool.submit(rw.pagerank, graph, backend="cpu")
        break_it(engine)
        with pytest.raises(errors.HandlerError, match=text):
            run.result(timeout=30)
        np.testing.assert_array_equal(waits_for_its_turn.result(timeout=30).ranks, want)
    assert engine.runtime.closed
    np.testing.assert_array_equal(rw.pagerank(graph, backend="cpu").ranks, want)


def test_a_long_run_outlives_looks_at_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_graph()
    want = rw.pagerank(graph, tol=0, max_iter=20_000)
    monkeypatch.setattr(pagerank_engine, "LOOK_SECONDS", 1e-4)
    for progress in (None, lambda iteration, residual: None):
        got = rw.pagerank(graph, tol=0, max_iter=20_000, progress=progress)
        np.testing.assert_array_equal(got.ranks, want.ranks)
        assert got.iterations == want.iterations


def test_auto_is_the_engine_of_the_backend_that_it_means() -> None:
    graph = random_graph()
    meant = rw.pagerank(graph, backend="auto").plan
    assert meant is not None
    rw.pagerank(graph, backend=meant.backend)
    assert {name for name, shards in pagerank_engine._engines.running} == {meant.backend}


def test_a_progress_function_cannot_release_its_own_run() -> None:
    seen: list[Exception] = []

    def progress(iteration: int, change: float) -> None:
        if not seen:
            with pytest.raises(errors.InvalidState, match="progress") as caught:
                rw.release_pagerank()
            seen.append(caught.value)

    rw.pagerank(ring(1000), tol=0, max_iter=1000, progress=progress)
    assert seen
