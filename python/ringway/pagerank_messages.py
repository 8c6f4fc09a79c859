"""What the caller and the PageRank kernels say to each other, and what travels on the kernels' links.

The layouts are those of ``native/include/ringway/kernels/pagerank_layout.h``.
"""

from __future__ import annotations

import enum

from ringway._core import Message
from ringway.memorypack import message
from ringway.types import f64, u32, u64


class Action(enum.IntEnum):
    """What a control message asks for."""

    START = 0
    CANCEL = 1
    WAIT = 2


class Status(enum.IntEnum):
    """How far a run is."""

    RUNNING = 0
    CONVERGED = 1
    AT_LIMIT = 2
    CANCELLED = 3


@message(layout="struct")
class PageRankControl(Message):
    """To ``pagerank.checker``: begin a run, or end one after its current iteration.

    ``plan``, ``work`` and ``history`` are buffer handles; ``report_every`` is in iterations, 0 for none.
    """

    plan: u64
    work: u64
    history: u64
    action: u32
    run: u32
    max_iterations: u32
    report_every: u32
    tolerance: f64


@message(layout="struct")
class PageRankReport(Message):
    """From ``pagerank.checker``: an iteration or a run is over."""

    run: u32
    iteration: u32
    status: u32
    reserved: u32
    residual: f64
    elapsed_us: u64


@message(layout="struct")
class PageRankGo(Message):
    """Checker to sender: an iteration begins; ``dangling`` is the rank on nodes without outgoing edges."""

    plan: u64
    work: u64
    run: u32
    iteration: u32
    shard: u32
    reserved: u32
    dangling: f64


@message(layout="struct")
class PageRankBlock(Message):
    """Sender to aggregator: the contributions of a block lie in the run's memory."""

    plan: u64
    work: u64
    run: u32
    iteration: u32
    block: u32
    shard: u32
    dangling: f64


@message(layout="struct")
class PageRankPart(Message):
    """Aggregator to checker: the shard's ranks are new, and changed by so much."""

    run: u32
    iteration: u32
    shard: u32
    reserved: u32
    change: f64
    dangling: f64
