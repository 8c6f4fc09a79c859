"""The resident kernels behind `ringway.pagerank`, launched and linked through the public API.

One engine per backend and number of shards stays between calls, its kernels parked. A call sends one start
message, which names the buffers of plan and run, and gets its answer when the run is over; the kernels do the
rest among themselves (``native/include/ringway/kernels/pagerank.h``).
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway.buffers import Buffer
from ringway.errors import Closed, Error, HandlerError, InvalidOption, InvalidState, Timeout
from ringway.graphs import Graph
from ringway.kernels import Kernel
from ringway.options import LaunchOptions
from ringway.pagerank_messages import (
    Action,
    PageRankBlock,
    PageRankControl,
    PageRankGo,
    PageRankPart,
    PageRankReport,
    Status,
)
from ringway.pagerank_result import PageRankResult, Plan
from ringway.runtime import Runtime

MAX_SHARDS = 64
EDGES_PER_SHARD = 100_000
HISTORY = 65_536
LINK_SLOTS = 64
MAX_BLOCK_NODES = 65_535
FIRST_BLOCK_NODES = 0  # of a shard in the order of degree; 0: what a first-level cache holds
CANCEL_SECONDS = 60.0
LOOK_SECONDS = 0.5  # between two looks whether every kernel lives

Progress = Callable[[int, float], object]


@dataclass(frozen=True)
class Problem:
    """A call of `ringway.pagerank`, checked."""

    graph: Graph
    value_bytes: int
    weighted: bool
    damping: float
    tolerance: float
    max_iterations: int
    personalization: NDArray[np.float64] | None
    nstart: NDArray[np.float64] | None
    dangling: NDArray[np.float64] | None
    order: str = "auto"

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Of the ranks."""
        return np.float32 if self.value_bytes == 4 else np.float64

    def of_nothing(self) -> PageRankResult:
        """The result for a graph without nodes."""
        return PageRankResult(
            graph=self.graph,
            ranks=np.empty(0, self.dtype),
            residuals=np.empty(0),
            iterations=0,
            converged=True,
            iteration_time=0.0,
            plan=None,
        )


class Prepared:
    """A graph's plan and run memory, known to an engine's runtime."""

    def __init__(self, runtime: Runtime, problem: Problem, shards: int) -> None:
        started = time.perf_counter()
        entry = _core.choose_backend(runtime.backend)
        block_nodes = min(entry.most_elements or MAX_BLOCK_NODES, MAX_BLOCK_NODES)
        native = _core.PageRankPlan(
            problem.graph._native,
            shards,
            problem.weighted,
            problem.value_bytes,
            problem.order,
            block_nodes,
            # Small first blocks are for a core's first-level cache; elsewhere each only costs messages.
            first_block_nodes=FIRST_BLOCK_NODES if entry.fast_threads else block_nodes,
        )
        self.work = _core.PageRankWork(native)
        self.plan_buffer: Buffer = runtime.buffer(native.memory)
        self.work_buffer: Buffer = runtime.buffer(self.work.memory)
        self.plan = Plan(
            backend=runtime.backend,
            dtype=np.dtype(problem.dtype).name,
            shards=shards,
            blocks=native.blocks,
            weighted=native.weighted,
            ordered=native.moved,
            reason=reason_for(problem.order, native.moved, problem.graph.num_nodes, block_nodes),
            bytes=native.memory.nbytes,
            seconds=time.perf_counter() - started,
        )


def reason_for(order: str, ordered: bool, nodes: int, block_nodes: int) -> str:
    """Why the nodes lie in that order, in words."""
    if order != "auto":
        return f"order='{order}' was asked for"
    if ordered:
        return "in the order of degree: one node in 16 gives more than half of the edges"
    if nodes <= block_nodes:
        return "as they are: the whole graph is one block"
    return "as they are: no few nodes give most of the edges"


class Engine:
    """A runtime with a sender and an aggregator per shard and one checker, for one run at a time."""

    def __init__(self, backend: str, shards: int) -> None:
        self.shards = shards
        self.lock = threading.Lock()
        self.thread: int | None = None  # whose run this is, while one goes on
        self.runtime = Runtime(backend=backend, workers=shards)
        self.senders = [self._launch("sender", shard) for shard in range(shards)]
        self.aggregators = [self._launch("aggregator", shard) for shard in range(shards)]
        self.checker = self._launch("checker", 0)
        for sender in self.senders:
            for aggregator in self.aggregators:
                self._link(sender, aggregator, PageRankBlock)
        for aggregator in self.aggregators:
            self._link(aggregator, self.checker, PageRankPart)
        for sender in self.senders:
            self._link(self.checker, sender, PageRankGo)
        for kernel in (*self.senders, *self.aggregators, self.checker):
            kernel.activate()
        self.runs = 0
        self.history = np.zeros(1)
        self.history_buffer: Buffer = self.runtime.buffer(self.history)
        self.prepared: weakref.WeakKeyDictionary[_core.Graph, dict[tuple[int, bool, str], Prepared]] = (
            weakref.WeakKeyDictionary()
        )

    def _launch(self, role: str, shard: int) -> Kernel:
        return self.runtime.launch(
            f"pagerank.{role}",
            name=f"pagerank.{role}.{shard}",
            options=LaunchOptions(capacity=64, worker=shard),
            activate=False,
        )

    def _link(self, source: Kernel, target: Kernel, message: type[_core.Message]) -> None:
        self.runtime.link(source, target, message=message, capacity=LINK_SLOTS)

    def run(self, problem: Problem, progress: Progress | None) -> PageRankResult:
        """Solve one problem; callers take turns.

        Raises
        ------
        HandlerError
            A kernel has failed or was ended; the engine is given up, and the next call starts another.
        Closed
            The engine was given up before its turn came.
        """
        with self.lock:
            if self.runtime.closed:
                raise Closed("the engine was given up")
            prepared = self._prepare(problem)
            prepared.work.start(problem.damping, problem.personalization, problem.dangling, problem.nstart)
            self._keep_history(problem.max_iterations)
            started = time.perf_counter()
            self.thread = threading.get_ident()
            try:
                report = self._iterate(prepared, problem, progress)
            finally:
                self.thread = None
            seconds = time.perf_counter() - started
            ranks = np.empty(problem.graph.num_nodes, problem.dtype)
            prepared.work.collect(ranks)
            done = report.iteration
            return PageRankResult(
                graph=problem.graph,
                ranks=ranks,
                residuals=self._residuals(done),
                iterations=done,
                converged=report.status == Status.CONVERGED,
                iteration_time=seconds / done if done else 0.0,
                plan=prepared.plan,
            )

    def _prepare(self, problem: Problem) -> Prepared:
        graph = problem.graph._native
        plans = self.prepared.setdefault(graph, {})
        key = (problem.value_bytes, problem.weighted, problem.order)
        if key not in plans:
            plans[key] = Prepared(self.runtime, problem, self.shards)
        return plans[key]

    def _keep_history(self, iterations: int) -> None:
        wanted = max(1, min(iterations, HISTORY))
        if wanted > len(self.history):
            self.history_buffer.release()
            self.history = np.zeros(wanted)
            self.history_buffer = self.runtime.buffer(self.history)

    def _residuals(self, done: int) -> NDArray[np.float64]:
        length = len(self.history)
        return self.history[:done].copy() if done <= length else np.roll(self.history, -(done % length))

    def _iterate(self, prepared: Prepared, problem: Problem, progress: Progress | None) -> PageRankReport:
        self.runs = (self.runs + 1) % 2**32
        start = self._control(Action.START, prepared, problem, report_every=0 if progress is None else 1)
        try:
            if progress is None:
                return self._answer(start, math.inf)
            self.checker.send(start)
            return self._follow(progress)
        except BaseException as error:
            broken = self._broken()
            if broken is None:
                self._cancel(prepared, problem)
                raise
            _engines.discard(self)
            if not isinstance(error, Error):
                raise
            raise HandlerError(f"the ranking stopped, {broken}; the next call starts new kernels") from error

    def _control(
        self, action: Action, prepared: Prepared, problem: Problem, report_every: int = 0
    ) -> PageRankControl:
        return PageRankControl(
            plan=prepared.plan_buffer.handle,
            work=prepared.work_buffer.handle,
            history=self.history_buffer.handle,
            action=action,
            run=self.runs,
            max_iterations=problem.max_iterations,
            report_every=report_every,
            tolerance=problem.tolerance,
        )

    def _answer(self, control: PageRankControl, timeout: float) -> PageRankReport:
        """The checker's answer; `Timeout` also when a kernel has failed, so that the run stands still."""
        end = time.monotonic() + timeout
        while True:
            try:
                report: PageRankReport = self.checker.request(control, LOOK_SECONDS)
            except Timeout:
                if self._broken() or time.monotonic() >= end:
                    raise
                control.action = Action.WAIT
            else:
                return report

    def _follow(self, progress: Progress) -> PageRankReport:
        while True:
            try:
                report: PageRankReport = self.checker.receive(LOOK_SECONDS)
            except Timeout:
                if self._broken():
                    raise
                continue
            if report.run != self.runs:
                continue
            if report.status != Status.RUNNING:
                return report
            progress(report.iteration, report.residual)

    def _broken(self) -> str | None:
        """Which kernel has failed or was ended, and why; None when all live."""
        for kernel in (*self.senders, *self.aggregators, self.checker):
            if kernel.state in ("failed", "terminated"):
                return f"kernel '{kernel.name}' {kernel.state}: {kernel.failure or 'ended from outside'}"
        return None

    def _cancel(self, prepared: Prepared, problem: Problem) -> None:
        """End the run and wait until it is over; when that fails, give the engine up."""
        try:
            self._answer(self._control(Action.CANCEL, prepared, problem), CANCEL_SECONDS)
        except BaseException:
            _engines.discard(self)
            raise


class _Engines:
    """The engines of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: dict[tuple[str, int], Engine] = {}
        self.of_parent: list[Engine] = []  # kept, because their threads are not here to be ended

    def get(self, backend: str, shards: int) -> Engine:
        with self.lock:
            if (backend, shards) not in self.running:
                self.running[backend, shards] = Engine(backend, shards)
            return self.running[backend, shards]

    def take(self) -> list[Engine]:
        with self.lock:
            taken = list(self.running.values())
            if any(engine.thread == threading.get_ident() for engine in taken):
                raise InvalidState(
                    "release_pagerank was called by the progress function of a run, which must end first"
                )
            self.running = {}
        return taken

    def discard(self, engine: Engine) -> None:
        with self.lock:
            self.running = {key: other for key, other in self.running.items() if other is not engine}
        engine.runtime.close()

    def after_fork(self) -> None:
        """In the child: the parent's runs may be half done, and its locks held."""
        self.lock = threading.Lock()
        self.of_parent.extend(self.running.values())
        self.running = {}


_engines = _Engines()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_engines.after_fork)


def shards_for(edges: int, workers: int | None, parallel: int = 0) -> int:
    """One shard for a small graph, so that no other thread needs to wake; for a large one up to ``workers``.

    None means ``parallel``, what the backend runs at the same time; 0: the cores that this process may use.
    """
    wanted = int(edges // EDGES_PER_SHARD)
    if wanted <= 1:
        return 1
    most = (parallel or _core.usable_cores()) if workers is None else workers
    return min(wanted, most, MAX_SHARDS)


def backend_for(asked: str, value_bytes: int) -> _core.BackendEntry:
    """The backend that computes with numbers of so many bytes.

    A shard's kernels run on one thread each: ``"auto"`` takes the first backend whose threads are worth a
    core of the host, if there is one.

    Raises
    ------
    InvalidOption
        The backend has no float64.
    """
    entry = _core.choose_backend(asked)
    if asked == "auto" and not entry.fast_threads and not os.environ.get("RINGWAY_BACKEND"):
        others = (other for other in _core.backends() if not other.absent)
        fast = (other for other in others if other.ring_kernels and other.fast_threads)
        entry = next(fast, entry)
    if value_bytes == 8 and not entry.float64:
        raise InvalidOption(
            f"float64 is asked for, by dtype or by a tol below 1e-07, and backend '{entry.name}' has no "
            "float64; use dtype='float32' with a larger tol, or backend='cpu'"
        )
    return entry


def release() -> None:
    """End the kernels that are kept between calls; runs that have begun end first."""
    for engine in _engines.take():
        with engine.lock:
            engine.runtime.close()


def solve(backend: str, problem: Problem, progress: Progress | None, workers: int | None) -> PageRankResult:
    """Solve a problem on the engine of that backend and the number of shards that the graph asks for."""
    entry = backend_for(backend, problem.value_bytes)
    shards = shards_for(problem.graph.num_edges, workers, entry.parallel)
    while True:
        engine = _engines.get(entry.name, shards)
        try:
            return engine.run(problem, progress)
        except Closed:
            # Another caller found a kernel broken, or released it; what is left of the engine is its lock.
            if _engines.get(entry.name, shards) is engine:
                raise
