"""PageRank of a graph by three kinds of ring kernels: senders, aggregators, and a checker."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ringway.arguments import instance, real, whole
from ringway.errors import InvalidOption, NotConverged
from ringway.pagerank_engine import Problem, release, solve
from ringway.pagerank_inputs import graph_of, values_of
from ringway.pagerank_result import PageRankResult

__all__ = ["PageRankResult", "pagerank", "release_pagerank"]

FLOAT32_TOLERANCE = 1e-7
_WORKERS = "1 or more threads, or None for every core"


def _value_bytes(dtype: DTypeLike | None, tol: float) -> int:
    if dtype is None:
        return 8 if tol < FLOAT32_TOLERANCE else 4
    try:
        wanted = np.dtype(dtype)
    except (TypeError, ValueError):
        raise InvalidOption(f"dtype is {dtype!r}; it must be float32, float64 or None") from None
    if wanted not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InvalidOption(f"dtype is {wanted}; it must be float32, float64 or None")
    if wanted == np.dtype(np.float32) and 0 < tol < FLOAT32_TOLERANCE:
        raise InvalidOption(
            f"tol is {tol:g}, which float32 cannot resolve (from {FLOAT32_TOLERANCE:g} on); use float64"
        )
    return wanted.itemsize


def _check(damping: float, tol: float, max_iter: int, on_failure: str, order: str) -> None:
    if not 0 <= real("damping", damping, "a number between 0 and 1") <= 1:
        raise InvalidOption(f"damping is {damping}; it must be between 0 and 1")
    if not (real("tol", tol, "a number of 0 or more") >= 0 and math.isfinite(tol)):
        raise InvalidOption(f"tol is {tol}; it must be 0 or more, and finite")
    if not 0 <= whole("max_iter", max_iter, "a whole number") < 2**32:
        raise InvalidOption(f"max_iter is {max_iter}; it must be between 0 and {2**32 - 1}")
    if not isinstance(on_failure, str) or on_failure not in ("raise", "return"):
        raise InvalidOption(f"on_failure is {on_failure!r}; it must be 'raise' or 'return'")
    if not isinstance(order, str) or order not in ("auto", "degree", "none"):
        raise InvalidOption(f"order is {order!r}; it must be 'auto', 'degree' or 'none'")


def pagerank(  # noqa: PLR0917
    graph: object,
    damping: float = 0.85,
    tol: float = 1e-6,
    max_iter: int = 100,
    personalization: Mapping[Any, float] | ArrayLike | None = None,
    nstart: Mapping[Any, float] | ArrayLike | None = None,
    dangling: Mapping[Any, float] | ArrayLike | None = None,
    weight: str | None = "weight",
    dtype: DTypeLike | None = None,
    backend: str = "auto",
    on_failure: Literal["raise", "return"] = "raise",
    progress: Callable[[int, float], object] | None = None,
    workers: int | None = None,
    order: Literal["auto", "degree", "none"] = "auto",
) -> PageRankResult:
    """Rank the nodes of a graph by the edges that point to them.

    Parameters
    ----------
    graph
        `Graph` (laid out once and kept, so that the next call is quick), path of a graph file, scipy.sparse
        matrix, networkx or igraph graph, table of edges as `Graph.from_frame` takes it, or arrays ``(src,
        dst)`` or ``(src, dst, weight)``.
    damping
        Part of a rank that follows edges, 0 to 1; the rest jumps.
    tol
        The ranks are final when an iteration changes them by less than this in all (the sum over all nodes
        of the absolute change). 0 runs exactly `max_iter` iterations.
    max_iter
        Most iterations to run.
    personalization
        Where jumps go: a value per node, as an array of shape (nodes,) or a mapping in which nodes may be
        left out; scaled to add up to 1. None: everywhere alike.
    nstart
        Ranks to begin with, likewise.
    dangling
        Where the rank of nodes without outgoing edges goes, likewise. None: where jumps go.
    weight
        Edge attribute with the weights, of a networkx or igraph graph, or column of a table; in others
        weights have no name, and this says only whether they count: ``"weight"``, or None to ignore them.
    dtype
        float32 or float64; None is float64 when `tol` is below 1e-7, else float32.
    backend
        Where the kernels run: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"metal"``. Metal has no float64, and
        ``"auto"`` leaves out backends like it, where a core outruns the threads that the kernels run on.
    on_failure
        ``"raise"`` or ``"return"`` when `max_iter` iterations do not reach `tol`.
    progress
        Called with the number of iterations done and the last one's change; what it raises ends the run. On a
        fast run iterations are left out.
    workers
        Most shards, each of which runs on a thread of its own, at most 64; None means what the backend runs
        at the same time: on the CPU one on each core that this process may use, on Metal 16. A small graph
        has one shard, which on the CPU runs on the calling thread.
    order
        How nodes lie in memory: ``"degree"`` puts those with most outgoing edges first, so that what is read
        most lies together, ``"none"`` keeps them as they are; ``"auto"`` takes the degree where the graph is
        large and few nodes give most edges. Says nothing about `ranks`, which are by node number.

    Returns
    -------
    PageRankResult

    Raises
    ------
    InvalidOption
        An argument outside its range.
    NotConverged
        `max_iter` iterations did not reach `tol`.
    HandlerError
        A kernel failed within; the text holds its name and the reason. The next call starts new kernels.

    Notes
    -----
    The tolerance is that of igraph and GAP. `networkx.pagerank` stops at ``nodes * tol``.

    References
    ----------
    L. Page, S. Brin, R. Motwani, T. Winograd, *The PageRank Citation Ranking: Bringing Order to the Web*,
    1999.
    """
    started = time.perf_counter()
    _check(damping, tol, max_iter, on_failure, order)
    instance("backend", backend, str)
    if not (progress is None or callable(progress)):
        raise InvalidOption(f"progress is {progress!r}; it must be a function of two numbers, or None")
    if workers is not None and whole("workers", workers, _WORKERS) < 1:
        raise InvalidOption(f"workers is {workers}; it must be {_WORKERS}")
    value_bytes = _value_bytes(dtype, tol)
    store = graph_of(graph, weight)
    problem = Problem(
        graph=store,
        value_bytes=value_bytes,
        weighted=weight is not None,
        order=order,
        damping=float(damping),
        tolerance=float(tol),
        max_iterations=int(max_iter),
        personalization=values_of(personalization, "personalization", store),
        nstart=values_of(nstart, "nstart", store),
        dangling=values_of(dangling, "dangling", store),
    )
    result = solve(backend, problem, progress, workers) if store.num_nodes else problem.of_nothing()
    result.total_time = time.perf_counter() - started
    if on_failure == "raise" and tol > 0 and not result.converged:
        residual = result.residuals[-1] if len(result.residuals) else math.nan
        raise NotConverged(
            f"after {result.iterations} iterations the ranks still change by {residual:.3g}, tol is {tol:g}; "
            "raise max_iter or tol, or pass on_failure='return'"
        )
    return result


def release_pagerank() -> None:
    """End the kernels and threads that `pagerank` keeps between calls, and free what they hold of graphs.

    Runs that have begun end first. The next call of `pagerank` starts new kernels and lays its graph out
    again.

    Raises
    ------
    InvalidState
        A run's own ``progress`` function called this.
    """
    release()
