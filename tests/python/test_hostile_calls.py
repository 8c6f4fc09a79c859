"""Every public call with wrong types and extreme values: a documented error or a result, never a crash or hang.

What is called comes from ``ringway.__all__`` and from the signatures, so that a new name or method is called
too, or the test says which value it needs in `VALID`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import math
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ringway as rw
import ringway.memorypack
import ringway.telemetry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringway.cli import main
from ringway.device import DeviceKernel, Dispatch
from ringway.kernel_queues import KernelQueue
from ringway.memorypack import Codec
from ringway.queues import PeekedSlots, ReservedSlots

FULL = bool(os.environ.get("RINGWAY_FULL"))
FEW = settings(
    max_examples=1000 if FULL else 15,
    deadline=None,
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)
WORD = np.dtype("<i8")


@rw.message(layout="struct")
class Pair(rw.Message):
    first: rw.i32
    second: rw.i32


@rw.message
class Line(rw.Message):
    text: str


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
        np.zeros(0), np.zeros((2, 2)), np.zeros(4, object), np.zeros(4, WORD)[::-2], np.float64(2), np.int64(-1),
        np.array(["a", "b"]), np.zeros(3, [("a", "O")]), np.zeros(2, "M8[ns]"), np.zeros((), WORD), np.dtype("O"),
    ]  # fmt: skip
    ringways = [
        rw.VectorRequest([1], [1]),
        rw.VectorRequest,
        rw.Message,
        Line("\ud800"),
        Line(3),
        rw.LaunchOptions(),
    ]
    return [*numbers, *floats, *texts, *plain, *things, *arrays, *ringways]


HOSTILE = hostile_values()


class World:
    """What calls are made on; every object anew, so that one call does not spoil the next."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.runtime = rw.Runtime("cpu", workers=1)
        self.kernel = self.runtime.launch("echo", name="echo", options=rw.LaunchOptions(block_timeout=0.01))
        strict = self.runtime.launch("vector_op", name="strict", options=rw.LaunchOptions(on_error="skip"))
        with contextlib.suppress(rw.Error):
            strict.request(rw.VectorRequest.by_handle(1, 2, 3, 4), timeout=20)
        self.device = rw.Device("cpu", workers=1)
        self.array = np.zeros(4, WORD)
        self.graph = rw.Graph.from_edges([0, 1], [1, 0])
        self.aio = self.wait(self.started())
        self.aio_kernel = self.wait(self.aio.launch("echo", name="echo"))

    async def started(self) -> rw.AsyncRuntime:
        return await rw.AsyncRuntime("cpu", workers=1).__aenter__()

    def wait(self, awaitable: Any) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(awaitable, 30)

        return self.loop.run_until_complete(bounded())

    def close(self) -> None:
        self.wait(self.aio.close())
        self.device.close()
        self.runtime.close()
        self.loop.close()

    def queue(self) -> rw.Queue:
        queue = rw.Queue(message=WORD, capacity=16, block_timeout=0)
        queue.send_many(np.arange(3, dtype=WORD))
        return queue

    def letter(self) -> rw.DeadLetter:
        kernel = self.runtime.launch("echo", activate=False)
        kernel.send(b"left over")
        kernel.terminate(drain=False)
        return kernel.dead_letters()[0]

    def subject(self, cls: type) -> Any:
        made: dict[type, Callable[[], Any]] = {
            rw.AsyncKernel: lambda: self.wait(self.aio.launch("echo")),
            rw.AsyncQueue: lambda: self.queue().aio(),
            rw.AsyncRuntime: lambda: self.aio,
            rw.Buffer: lambda: self.runtime.buffer(8),
            rw.DeadLetter: self.letter,
            rw.Device: lambda: self.device,
            rw.DeviceBuffer: lambda: self.device.buffer(4),
            rw.Graph: lambda: self.graph,
            rw.Kernel: lambda: self.runtime.launch("echo", options=rw.LaunchOptions(block_timeout=0.01)),
            rw.Latency: lambda: self.kernel.telemetry().latency,
            rw.LaunchOptions: rw.LaunchOptions,
            rw.LinkTelemetry: lambda: None,
            rw.Message: lambda: Pair(1, 2),
            rw.PageRankResult: lambda: rw.pagerank(self.graph),
            rw.Queue: self.queue,
            rw.QueueCounts: lambda: self.queue().counts(),
            rw.Runtime: lambda: self.runtime,
            rw.RuntimeTelemetry: self.runtime.telemetry,
            rw.SharedQueueInfo: lambda: None,
            rw.Telemetry: self.kernel.telemetry,
            rw.TerminateReport: lambda: None,
            rw.VectorRequest: lambda: rw.VectorRequest([1], [2]),
            rw.VectorResponse: lambda: self.runtime.kernel("strict").request(rw.VectorRequest([1], [2]), 20),
            Codec: lambda: Codec("int32"),
            DeviceKernel: lambda: self.device.kernel("vector_add"),
            Dispatch: lambda: self.device.kernel("thread_id").start(self.device.buffer(4, "u4"), threads=4),
            KernelQueue: lambda: self.runtime.queue_named("echo.mailbox"),
            PeekedSlots: lambda: self.queue().peek(2),
            ReservedSlots: lambda: self.queue().reserve(2),
        }
        return made[cls]()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


OTHERS: list[type] = [Codec, DeviceKernel, Dispatch, KernelQueue, PeekedSlots, ReservedSlots]
CLASSES = [
    made for name in rw.__all__ if isinstance(made := getattr(rw, name), type) and made is not rw.Error
] + OTHERS
MODULES: list[Any] = [rw, ringway.memorypack, ringway.telemetry]
FUNCTIONS = {
    f"{module.__name__}.{name}": made
    for module in MODULES
    for name in module.__all__
    if not isinstance(made := getattr(module, name), type)
}
SPECIAL = ("__getitem__", "__setitem__", "__call__", "__len__", "__iter__", "__array__", "__contains__")
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
    "PageRankResult.plot": (ImportError, AttributeError),  # of matplotlib, whose axes the caller passes
    "PageRankResult.to_series": (ImportError,),
    "Message.__init__": (TypeError,),
}


def waits(value: Any) -> bool:
    """Whether a time-out is longer than a test has time for."""
    return value is None or (
        isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value > 0.05
    )


def large(least: int, most: int = 2**50) -> Callable[[Any], bool]:
    """Whether a number asks for more memory, or work, than a test may take."""
    return lambda value: isinstance(value, (int, np.integer)) and least < value < most


# By "Class.method.parameter" or by parameter: what the call takes, and which hostile values it cannot be given here.
VALID: dict[str, Any] = {
    "runtime": [lambda w: w.runtime], "core": [None], "native": [None], "objects": [None], "memory": [lambda w: w.array],
    "clear": [True, False], "timeout": [0, 0.001], "message": [None, bytes, Pair, WORD],
    "Kernel.send.message": [b"x", Line("a")], "Kernel.request.message": [b"x", Line("a")],
    "AsyncKernel.send.message": [b"x"], "AsyncKernel.request.message": [b"x"], "Runtime.send.message": [b"x", 5],
    "AsyncRuntime.send.message": [b"x"], "Queue.send.message": [5, np.int64(7)], "AsyncQueue.send.message": [5],
    "KernelQueue.send.message": [b"x"], "AsyncRuntime.link.message": [None, Pair], "Runtime.link.message": [None, Pair],
    "priority": [None, 0, 255], "ttl": [None, 0.01, 655], "message_id": [None, uuid.UUID(int=5)],
    "letter": [lambda w: w.letter()], "drain": [True, False], "name": [None], "capacity": [16, 64], "slot_size": [64, 4096],
    "policy": ["reject", "drop_new", "drop_oldest"], "block_timeout": [0, 0.01], "discard": [True, False],
    "n": [1, 2], "least": [1, 2], "out": [None, lambda w: w.array], "array": [lambda w: w.array], "backend": ["cpu"],
    "workers": [1, 2], "assist": [True, False], "watchdog": [0, 5], "export": [False, None], "kernel": ["echo", "relay"],
    "grid": [1], "block": [1], "options": [None, rw.LaunchOptions(capacity=16)], "activate": [True, False],
    "AsyncRuntime.link.source": [lambda w: w.aio_kernel], "AsyncRuntime.link.target": [lambda w: w.aio_kernel],
    "Runtime.link.source": [lambda w: w.kernel], "Runtime.link.target": [lambda w: w.kernel],
    "source": [8, b"abc", lambda w: w.array], "dtype": [None, "float32"], "pool_limit": [0, 2**20],
    "Device.kernel.name": ["vector_add"], "Runtime.kernel.name": ["echo"], "Queue.attach.name": ["nothing"],
    "Runtime.send.name": ["echo"], "Runtime.receive.name": ["echo"], "AsyncRuntime.send.name": ["echo"],
    "AsyncRuntime.receive.name": ["echo"], "Queue.create_shared.name": [f"fuzz{os.getpid()}"], "reclaim": [True, False],
    "ringway.remove_shared_queue.name": ["nothing"], "queue_named.name": ["echo.mailbox", "echo.outbox"],
    "src": [[0, 1]], "dst": [[1, 2]], "weight": [None, "weight"], "Graph.from_edges.weight": [None, [1.0, 2.0]],
    "num_nodes": [None, 3, 9], "labels": [None], "graph": [lambda w: w.graph, lambda w: w.graph.to_scipy()],
    "matrix": [lambda w: w.graph.to_scipy()], "weighted": [True, False], "label": [0], "node": [0, 1],
    "path": ["graph.mtx", "graph.rwg"], "format": [None, "mtx"], "directed": [None, True], "compact": [None, True],
    "header": [None, True], "progress": [None], "share": [0, 0.5, 1.0], "data": [b"", bytes(8)], "buffer": [bytearray(64)],
    "offset": [0, 8], "schema": ["int32"], "value": [5, lambda w: Pair(1, 2)], "ax": [None], "a": [[1.0], [1]],
    "b": [[2.0]], "op": ["add", "divide"], "VectorRequest.by_handle.a": [1], "VectorRequest.by_handle.b": [1],
    "result": [1], "length": [1, 2], "cls": [lambda w: type("Made", (), {"__annotations__": {"x": int}}), Pair],
    "layout": [None, "struct"], "default": [3], "default_factory": [None, list], "damping": [0.85, 0.5], "tol": [1e-6, 0],
    "max_iter": [10, 100], "personalization": [None, {0: 1.0}], "nstart": [None, [1.0, 2.0]], "dangling": [None],
    "on_failure": ["raise", "return"], "count": [None, 0, 1, 2], "sizes": [[8, 8]], "key": [0, slice(None)],
    "threads": [4, (2, 2)], "groups": [1], "group": [None, 4], "threadgroup_memory": [None, 64], "labels=": [None],
    "telemetry_enabled": [True, False], "ringway.telemetry.prometheus_text.labels": [None, {"part": "sums"}],
    "meter": [None], "tracer": [None], "ringway.telemetry.trace_requests.name": ["echo"], "copy": [None, True],
    "PageRankResult.__getitem__.name": [0, 1], "Codec.encode.value": [5], "Codec.encode_into.value": [5],
}  # fmt: skip
NEVER: dict[str, Callable[[Any], bool]] = {
    "timeout": waits,
    "progress": callable,  # what it raises is the caller's
    "Queue.create_shared.capacity": large(1024),
    "Queue.create_shared.slot_size": large(2**16),
    "source": large(2**20),
    "Device.buffer.source": large(2**18),
    "num_nodes": large(2**16),
    "max_iter": large(1000, 2**63),
    "LaunchOptions.__init__": lambda value: False,
}


@dataclass
class Call:
    """One public function or method, and its parameters by name; True: it has a default."""

    name: str
    owner: type | None
    attribute: str
    parameters: dict[str, bool]
    positional: bool = False
    more: bool = False  # takes any further arguments

    def __str__(self) -> str:
        return self.name


def signature(name: str, short: str, function: Any) -> Call:
    owner, attribute = None, short
    try:
        known = inspect.signature(function)
    except ValueError:
        known = None
    if known is None or set(known.parameters) >= {"args", "kwargs"}:
        names = NATIVE.get(name, NATIVE.get(short))
        if short == "__init__" and names is None:
            names = ["value"]
        assert names is not None, f"{name} is native: name its parameters in NATIVE"
        return Call(name, owner, attribute, {one: one == "offset" for one in names}, positional=True)
    parameters = {
        one.name: one.default is not one.empty
        for one in known.parameters.values()
        if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }
    return Call(
        name,
        owner,
        attribute,
        parameters,
        more=any(p.kind == p.VAR_POSITIONAL for p in known.parameters.values()),
    )


def calls() -> list[Call]:
    """Every public function, constructor, method and property that can be set."""
    found = [signature(name, name.rpartition(".")[2], function) for name, function in FUNCTIONS.items()]
    for cls in CLASSES:
        for attribute in dir(cls):
            defined = inspect.getattr_static(cls, attribute)
            constructor = attribute == "__init__" and cls not in OTHERS
            if attribute.startswith("_") and attribute not in SPECIAL and not constructor:
                continue
            name = f"{cls.__name__}.{attribute}"
            if isinstance(defined, property) or not callable(getattr(cls, attribute)):
                if getattr(defined, "fset", None) is None:
                    continue
                found.append(Call(f"{name}=", cls, attribute, {attribute: False}))
                continue
            call = signature(name, attribute, getattr(cls, attribute))
            call.owner = cls
            found.append(call)
    return found


CALLS = calls()


def choices(table: dict[str, Any], call: Call, parameter: str) -> Any:
    plain = call.name.removesuffix("=")
    for key in (f"{plain}.{parameter}", f"{plain.rpartition('.')[2]}.{parameter}", parameter):
        if key in table:
            return table[key]
    return None


def right(world: World, value: Any) -> Any:
    """A value of `VALID`: as it is, or made of the world by a lambda."""
    return value(world) if getattr(value, "__name__", "") == "<lambda>" else value


def drawn(world: World, call: Call, data: st.DataObject) -> dict[str, Any]:
    """Arguments: most of them right, one or two of any kind."""
    wrong = (
        data.draw(st.sets(st.sampled_from(sorted(call.parameters)), max_size=2)) if call.parameters else set()
    )
    values: dict[str, Any] = {}
    for parameter, optional in call.parameters.items():
        if parameter in wrong:
            never = choices(NEVER, call, parameter) or (lambda value: False)
            values[parameter] = data.draw(st.sampled_from([value for value in HOSTILE if not never(value)]))
        elif not optional or parameter == "timeout" or data.draw(st.booleans()):
            values[parameter] = right(
                world, data.draw(st.sampled_from(choices(VALID, call, parameter) or HOSTILE))
            )
    return values


def consume(world: World, result: Any) -> None:
    """Await what is awaitable, enter what is a block, and end what was started."""
    if inspect.iscoroutine(result):
        result = world.wait(result)
    elif hasattr(result, "__aenter__") and not isinstance(result, (rw.AsyncQueue, rw.AsyncRuntime)):

        async def block() -> None:
            async with result as slots:
                len(slots)

        world.wait(block())
    elif isinstance(result, (ReservedSlots, PeekedSlots)):
        with result as slots:
            len(slots)
    if isinstance(result, (rw.Queue, rw.AsyncQueue)):
        world.wait(result.close()) if isinstance(result, rw.AsyncQueue) else result.close()
    if (
        isinstance(result, rw.Kernel)
        and result.state != "terminated"
        and result.name not in ("echo", "strict")
    ):
        result.terminate(drain=False)
    if isinstance(result, rw.AsyncKernel) and result.name != "echo":
        world.wait(result.terminate(drain=False))
    if isinstance(result, (rw.Runtime, rw.Device)) and result not in (world.runtime, world.device):
        result.close()
    if isinstance(result, rw.AsyncRuntime) and result is not world.aio:
        world.wait(result.close())


def make(world: World, call: Call, values: dict[str, Any], more: list[Any]) -> Any:
    """Make the call."""
    if call.owner is None:
        function = FUNCTIONS[call.name]
    elif call.attribute == "__init__":
        function = call.owner
    else:
        subject = world.subject(call.owner)
        if call.name.endswith("="):
            return setattr(subject, call.attribute, values[call.attribute])
        if call.name.endswith("Runtime.close") or call.name == "Device.close":
            subject = type(subject)("cpu", workers=1)
        function = getattr(subject, call.attribute)
    if call.positional:
        return function(*values.values())
    return function(*more, **values)


def attempted(world: World, call: Call, values: dict[str, Any], more: list[Any]) -> None:
    """Make the call, and accept a documented error."""
    try:
        consume(world, make(world, call, values, more))
    except (rw.Error, *BESIDE.get(call.name, ())) as error:
        assert str(error), "an error without a text"
    except Exception as error:
        raise AssertionError(f"{call} of {values} {more}: {type(error).__name__}: {error}") from error
    finally:
        if call.name == "Queue.create_shared":
            with contextlib.suppress(rw.Error):
                rw.remove_shared_queue(f"fuzz{os.getpid()}")


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("call", [call for call in CALLS if call.parameters], ids=str)
def test_each_wrong_value_alone(
    world: World, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for wrong in call.parameters:
        never = choices(NEVER, call, wrong) or (lambda value: False)
        for value in HOSTILE:
            if never(value):
                continue
            values = {
                one: value if one == wrong else right(world, (choices(VALID, call, one) or [None])[0])
                for one, optional in call.parameters.items()
                if one == wrong or not optional or one == "timeout"
            }
            attempted(world, call, values, [])
    assert world.kernel.request(b"still right", timeout=20) == b"still right"
    assert world.wait(world.aio_kernel.request(b"still right", timeout=20)) == b"still right"


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of numbers that a smaller type cannot hold
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_call_is_right_or_refused(
    world: World, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    once = FEW if call.parameters or call.more else settings(FEW, max_examples=1)

    @once
    @given(data=st.data())
    def attempt(data: st.DataObject) -> None:
        values = drawn(world, call, data)
        more = data.draw(st.lists(st.sampled_from(HOSTILE), max_size=4)) if call.more else []
        attempted(world, call, values, more)

    attempt()
    assert world.kernel.request(b"still right", timeout=20) == b"still right"
    assert world.wait(world.aio_kernel.request(b"still right", timeout=20)) == b"still right"


def test_every_public_name_is_called() -> None:
    """Each name of ``__all__``, each public method; each parameter has a right value to be drawn."""
    names = {call.name for call in CALLS}
    for name in set(rw.__all__) - {"Error"}:
        assert f"{name}.__init__" in names or f"ringway.{name}" in names, name
    missing = [
        f"{call}.{one}" for call in CALLS for one in call.parameters if choices(VALID, call, one) is None
    ]
    assert [one for one in missing if "__init__" not in one] == []


WORDS = [
    "pagerank", "info", "queues", "list", "clean", "top", "bench", "validate", "--json", "--once", "--list", "--help",
    "--version", "--top", "--tol", "--damping", "--max-iter", "--format", "--quiet", "--undirected", "--csv", "--plot",
    "--backend", "--dtype", "--interval", "--repeats", "--scale", "--only", "0", "-1", "1e400", "nan", "", "x" * 5000, "mtx",
    "cpu", "float32", "graph.el", "nothing.mtx", "/", "-", "--", "\ud800", "\x1b[2J", "2147483648", "no-such-check",
]  # fmt: skip


@pytest.mark.timeout(300)
def test_command_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    Path("graph.el").write_text("0 1\n1 0\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    first = st.sampled_from(WORDS)

    @settings(FEW, max_examples=20 * FEW.max_examples)
    @given(words=st.lists(first, max_size=6))
    def attempt(words: list[str]) -> None:
        if words[:1] == ["bench"] or (words[:1] == ["validate"] and "--list" not in words):
            words = [*words, "--help"]  # whatever is wrong before that is seen; what is right would take long
        try:
            assert main(words) in (0, 1)
        except SystemExit as end:
            assert end.code in (0, 2)
        capsys.readouterr()

    attempt()
