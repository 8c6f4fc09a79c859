"""What the calls of test_hostile_calls.py are given: right values, and values of every kind."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import ringway as rw

WORD = np.dtype("<i8")


@rw.message(layout="struct")
class Pair(rw.Message):
    first: rw.i32
    second: rw.i32


@rw.message
class Line(rw.Message):
    text: str


# Of a kernel over two such messages.
ADDS = """
RW_FN ringway::u32 step(ringway::KernelContext&, const Pair& msg, Pair& state) {
  state.first += msg.first;
  return 0;
}
"""


def handler(ctx: rw.Context, msg: Pair, state: Pair) -> None:
    state.first += msg.first


def frame() -> Any:
    import pandas as pd

    return pd.DataFrame({"a": [0, 1], "b": [1, 0]})


def unlucky(*arguments: Any) -> None:
    raise rw.Error("what a caller's function raises passes through")


def hostile_values() -> list[Any]:
    """Values of every kind; the class knows most of them by name."""
    numbers = [
        -(2**200),
        -(2**63),
        -(2**31),
        -1,
        0,
        1,
        2,
        15,
        16,
        17,
        255,
        256,
        2**20,
        2**24,
        2**32,
        2**63,
        2**64,
    ]
    floats = [0.0, -0.0, -1.0, 0.5, 1e-320, 1e308, math.nan, math.inf, -math.inf]
    texts = [
        "",
        "echo",
        "auto",
        "cpu",
        "block",
        "any.mailbox",
        "x" * 5000,
        "\0",
        "\ud800",
        "a/b",
        "<i4",
        "%s{}",
    ]
    plain = [b"", b"x" * 5000, bytearray(3), memoryview(b"abcdef")[::2], None, True, False, ..., 1j]
    things = [
        [],
        {},
        (),
        object(),
        int,
        len,
        unlucky,
        [[1], [2, 3]],
        {"a": 1},
        {1: math.nan},
        (1, 2),
        [None],
        iter([1]),
    ]
    arrays = [
        np.zeros(0),
        np.zeros((2, 2)),
        np.zeros(4, object),
        np.zeros(4, WORD)[::-2],
        np.float64(2),
        np.int64(-1),
        np.array(["a", "b"]),
        np.zeros(3, [("a", "O")]),
        np.zeros(2, "M8[ns]"),
        np.zeros((), WORD),
        np.dtype("O"),
    ]
    ringways = [
        rw.VectorRequest([1], [1]),
        rw.VectorRequest,
        rw.Message,
        Line("\ud800"),
        Line(3),
        rw.LaunchOptions(),
    ]
    return [*numbers, *floats, *texts, *plain, *things, *arrays, *ringways]


HOSTILE = range(len(hostile_values()))  # by number: a call may change what it is given


# Native functions have no signature; None: it takes nothing.
NATIVE: dict[str, list[str]] = {
    "Latency.quantile": ["share"],
    "encode": [],
    "decode": ["data"],
    "encode_into": ["buffer", "offset"],
    "numpy": [],
    "__len__": [],
    "Codec.__init__": ["schema"],
    "Codec.encode": ["value"],
    "Codec.encode_into": ["value", "buffer", "offset"],
    "Codec.decode_from": ["data", "offset"],
}
NUMPY = (TypeError, ValueError, IndexError, OverflowError, KeyError)
# Errors beside ringway's that are documented: the system's of files, NumPy's of indexing arrays.
BESIDE: dict[str, tuple[type[Exception], ...]] = {
    "Graph.read": (OSError,),
    "Graph.save": (OSError,),
    "ringway.pagerank": (OSError,),
    "ReservedSlots.__getitem__": NUMPY,
    "ReservedSlots.__setitem__": NUMPY,
    "PeekedSlots.__getitem__": NUMPY,
    "ReservedSlots.__array__": NUMPY,
    "PeekedSlots.__array__": NUMPY,
    "DeviceBuffer.__init__": (TypeError,),  # "No constructor defined": only ringway makes them
    "Latency.__init__": (TypeError,),
    "LinkTelemetry.__init__": (TypeError,),
    "Telemetry.__init__": (TypeError,),
    "QueueCounts.__init__": (TypeError,),
    "QueueTelemetry.__init__": (TypeError,),
    "PageRankResult.plot": (AttributeError,),  # of matplotlib, whose axes the caller passes
    "Message.__init__": (TypeError,),
    "TranslatedKernel.__call__": (AttributeError, TypeError),  # of the program's own function
}


def waits(value: Any) -> bool:
    """Whether a time-out is longer than a test has time for."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return value is None or (not isinstance(value, bool) and float(value) > 0.05)
    return isinstance(value, int)


def large(least: int, most: int = 2**50) -> Callable[[Any], bool]:
    """Whether a number asks for more memory, or work, than a test may take."""
    return lambda value: isinstance(value, (int, np.integer)) and least < value < most


# By "Class.method.parameter" or by parameter: what the call takes, and what it cannot be given here.
VALID: dict[str, Any] = {
    "function": [None, handler],
    "ringway.kernel.mode": ["native", "python"],
    "outputs": [(), ("sink",)],
    "counters": [(), ("late",)],
    "timers": [None, {}],
    "every": [0.5],
    "thread": ["own"],
    "Kernel.replace.kernel": [rw.kernel(mode="python")(handler)],
    "AsyncKernel.replace.kernel": [rw.kernel(mode="python")(handler)],
    "migrate": [None, handler],
    "kernels": [()],
    "states": [None, {}],
    "allow_changed": [True, False],
    "strategy": ["one_for_one", "one_for_all", "rest_for_one"],
    "restarts": [0, 3],
    "within": [0.1, 5],
    "state": [None],
    "replica": [0],
    "given": [Pair(1, 2)],
    "KernelSource.__init__.source": [ADDS],
    "KernelSource.__init__.message": [Pair],
    "KernelSource.__init__.state": [Pair],
    "KernelSource.__init__.name": ["adds"],
    "uses": [(), (Pair,)],
    "errors": [(), ["too large"]],
    "Kernel.read_state.timeout": [0.01],
    "runtime": [lambda w: w.runtime],
    "core": [None],
    "native": [None],
    "objects": [None],
    "memory": [lambda w: w.array],
    "clear": [True, False],
    "timeout": [0, 0.001],
    "message": [None, bytes, Pair, WORD],
    "Kernel.send.message": [b"x", Line("a")],
    "Kernel.request.message": [b"x", Line("a")],
    "AsyncKernel.send.message": [b"x"],
    "AsyncKernel.request.message": [b"x"],
    "Runtime.send.message": [b"x", 5],
    "AsyncRuntime.send.message": [b"x"],
    "Queue.send.message": [5, np.int64(7)],
    "AsyncQueue.send.message": [5],
    "KernelQueue.send.message": [b"x"],
    "AsyncRuntime.link.message": [None, Pair],
    "Runtime.link.message": [None, Pair],
    "priority": [None, 0, 255],
    "ttl": [None, 0.01, 655],
    "message_id": [None, uuid.UUID(int=5)],
    "letter": [lambda w: w.letter()],
    "drain": [True, False],
    "name": [None],
    "capacity": [16, 64],
    "slot_size": [64, 4096],
    "policy": ["reject", "drop_new", "drop_oldest"],
    "block_timeout": [0, 0.01],
    "discard": [True, False],
    "n": [1, 2],
    "least": [1, 2],
    "out": [None, lambda w: w.array],
    "array": [lambda w: w.array],
    "backend": ["cpu"],
    "workers": [1, 2],
    "assist": [True, False],
    "watchdog": [0, 5],
    "export": [False, None],
    "kernel": ["echo", "relay"],
    "grid": [1],
    "block": [1],
    "options": [None, rw.LaunchOptions(capacity=16)],
    "activate": [True, False],
    "AsyncRuntime.link.source": [lambda w: w.aio_kernel],
    "AsyncRuntime.link.target": [lambda w: w.aio_kernel],
    "Runtime.link.source": [lambda w: w.kernel],
    "Runtime.link.target": [lambda w: w.kernel],
    "source": [8, b"abc", lambda w: w.array],
    "dtype": [None, "float32"],
    "pool_limit": [0, 2**20],
    "storage": ["shared", "private"],
    "Device.copy.source": [lambda w: w.array],
    "Device.copy.target": [lambda w: w.array],
    "Device.start_copy.source": [lambda w: w.array],
    "Device.start_copy.target": [lambda w: w.array],
    "Device.kernel.name": ["vector_add"],
    "Runtime.kernel.name": ["echo"],
    "Queue.attach.name": ["nothing"],
    "Runtime.send.name": ["echo"],
    "Runtime.receive.name": ["echo"],
    "AsyncRuntime.send.name": ["echo"],
    "AsyncRuntime.receive.name": ["echo"],
    "Queue.create_shared.name": [f"fuzz{os.getpid()}"],
    "reclaim": [True, False],
    "ringway.remove_shared_queue.name": ["nothing"],
    "queue_named.name": ["echo.mailbox", "echo.outbox"],
    "src": [[0, 1]],
    "dst": [[1, 2]],
    "weight": [None, "weight"],
    "Graph.from_edges.weight": [None, [1.0, 2.0]],
    "num_nodes": [None, 3, 9],
    "labels": [None],
    "frame": [lambda w: frame()],
    "Graph.from_frame.source": [None, "a"],
    "Graph.from_frame.target": [None, "b"],
    "graph": [lambda w: w.graph, lambda w: w.graph.to_scipy()],
    "matrix": [lambda w: w.graph.to_scipy()],
    "weighted": [True, False],
    "label": [0],
    "node": [0, 1],
    "path": ["graph.mtx", "graph.rwg"],
    "format": [None, "mtx"],
    "directed": [None, True],
    "compact": [None, True],
    "header": [None, True],
    "progress": [None],
    "share": [0, 0.5, 1.0],
    "data": [b"", bytes(8)],
    "buffer": [bytearray(64)],
    "offset": [0, 8],
    "schema": ["int32"],
    "value": [5, lambda w: Pair(1, 2)],
    "ax": [None],
    "a": [[1.0], [1]],
    "b": [[2.0]],
    "op": ["add", "divide"],
    "VectorRequest.by_handle.a": [1],
    "VectorRequest.by_handle.b": [1],
    "result": [1],
    "length": [1, 2],
    "cls": [lambda w: type("Made", (), {"__annotations__": {"x": int}}), Pair],
    "layout": [None, "struct"],
    "default": [3],
    "default_factory": [None, list],
    "damping": [0.85, 0.5],
    "ringway.pagerank.order": ["auto", "degree", "none"],
    "ctx": [None],
    "msg": [Pair(1, 2)],
    "tol": [1e-6, 0],
    "max_iter": [10, 100],
    "personalization": [None, {0: 1.0}],
    "nstart": [None, [1.0, 2.0]],
    "dangling": [None],
    "level": ["debug", "warning", 20],
    "json": [True, False],
    "speed": [None, 2.0],
    "tolerance": [0, 0.5],
    "ignore": [()],
    "chunks": [None, 1],
    "limit": [1, 10],
    "output": [None],
    "on_full": ["block", "drop"],
    "overwrite": [True, False],
    "events": [16, 1024],
    "port": [0],
    "host": ["127.0.0.1"],
    "runtimes": [None, lambda world: world.runtime, lambda world: [world.runtime, world.aio]],
    "interval": [0.01, 1],
    "on_failure": ["raise", "return"],
    "count": [None, 0, 1, 2],
    "sizes": [[8, 8]],
    "key": [0, slice(None)],
    "threads": [4, (2, 2)],
    "groups": [1],
    "group": [None, 4],
    "threadgroup_memory": [None, 64],
    "labels=": [None],
    "dead_letters": [0, 4],
    "mode": [0o600],
    "shared": [False, True],
    "Runtime.queue.name": [None, f"fuzz{os.getpid()}"],
    "AsyncRuntime.queue.name": [None, f"fuzz{os.getpid()}"],
    "AsyncQueue.create_shared.name": [f"fuzz{os.getpid()}"],
    "AsyncQueue.attach.name": ["nothing"],
    "attach_queue.name": ["nothing"],
    "Runtime.feed.source": [lambda w: w.kernel],
    "Runtime.feed.target": [lambda w: w.queue()],
    "AsyncRuntime.feed.source": [lambda w: w.aio_kernel],
    "AsyncRuntime.feed.target": [lambda w: w.queue().aio()],
    "Runtime.topic.queue": [lambda w: w.queue()],
    "AsyncRuntime.topic.queue": [lambda w: w.queue().aio()],
    "Topic.subscribe.kernel": [lambda w: w.kernel],
    "Topic.unsubscribe.kernel": [lambda w: w.kernel],
    "Topology.from_dict.values": [lambda w: w.runtime.topology().to_dict()],
    "telemetry_enabled": [True, False],
    "ringway.telemetry.prometheus_text.labels": [None, {"part": "sums"}],
    "meter": [None],
    "tracer": [None],
    "ringway.telemetry.trace_requests.name": ["echo"],
    "copy": [None, True],
    "PageRankResult.__getitem__.name": [0, 1],
    "Codec.encode.value": [5],
    "Codec.encode_into.value": [5],
}
NEVER: dict[str, Callable[[Any], bool]] = {
    "timeout": waits,
    "progress": callable,  # what it raises is the caller's
    "create_shared.capacity": large(1024),
    "create_shared.slot_size": large(2**16),
    "queue.capacity": large(1024),
    "queue.slot_size": large(2**16),
    "source": large(2**20),
    "Device.buffer.source": large(2**18),
    "num_nodes": large(2**16),
    "max_iter": large(1000, 2**63),
    "LaunchOptions.__init__": lambda value: False,
}


WORDS = [
    "pagerank",
    "info",
    "queues",
    "list",
    "clean",
    "top",
    "bench",
    "validate",
    "--json",
    "--once",
    "--list",
    "--help",
    "--version",
    "--top",
    "--tol",
    "--damping",
    "--max-iter",
    "--format",
    "--quiet",
    "--undirected",
    "--csv",
    "--plot",
    "--parquet",
    "--verify",
    "--backend",
    "--dtype",
    "--interval",
    "--repeats",
    "--scale",
    "--only",
    "0",
    "-1",
    "1e400",
    "nan",
    "",
    "x" * 5000,
    "mtx",
    "cpu",
    "float32",
    "graph.el",
    "nothing.mtx",
    "/",
    "-",
    "--",
    "\ud800",
    "\x1b[2J",
    "2147483648",
    "no-such-check",
]
