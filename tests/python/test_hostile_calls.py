"""Every public call with wrong types and extreme values: a documented error or a result, no crash or hang.

What is called comes from ``ringway.__all__`` and from the signatures, so that a new name or method is called
too, or the test says which value it needs in `VALID`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ringway as rw
import ringway.memorypack
import ringway.telemetry
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ringway.cli import main
from ringway.compiled.kernel import TranslatedKernel
from ringway.device import DeviceKernel, Dispatch
from ringway.errors import Timeout
from ringway.kernel_queues import KernelQueue
from ringway.memorypack import Codec
from ringway.movers import BaseMover
from ringway.queues import PeekedSlots, ReservedSlots

from tests.python.hostile_values import (
    ADDS,
    BESIDE,
    HOSTILE,
    NATIVE,
    NEVER,
    VALID,
    WORD,
    WORDS,
    Pair,
    handler,
    hostile_values,
)

FULL = bool(os.environ.get("RINGWAY_FULL"))
FEW = settings(
    max_examples=400 if FULL else 15,
    deadline=None,
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)


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

    def still_right(self) -> None:
        assert self.kernel.request(b"still right", timeout=20) == b"still right"
        assert self.wait(self.aio_kernel.request(b"still right", timeout=20)) == b"still right"
        with contextlib.suppress(Timeout):  # answers that calls asked for and did not take
            while True:
                self.kernel.receive(timeout=0)
        with contextlib.suppress(Timeout):
            while True:
                self.wait(self.aio_kernel.receive(timeout=0))

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
            rw.Feed: lambda: self.runtime.feed(self.queue(), self.kernel),
            rw.Graph: lambda: self.graph,
            rw.Group: lambda: self.runtime.group(self.runtime.launch("echo")),
            rw.GroupTelemetry: lambda: None,
            rw.Kernel: lambda: self.runtime.launch("echo", options=rw.LaunchOptions(block_timeout=0.01)),
            rw.KernelSource: lambda: rw.KernelSource(ADDS, message=Pair, state=Pair),
            rw.Latency: lambda: self.kernel.telemetry().latency,
            rw.LaunchOptions: rw.LaunchOptions,
            rw.LinkTelemetry: lambda: None,
            rw.Message: lambda: Pair(1, 2),
            rw.PageRankResult: lambda: rw.pagerank(self.graph),
            rw.Queue: self.queue,
            rw.Recording: lambda: self.runtime.record(f"fuzz{os.getpid()}.rec", overwrite=True),
            rw.QueueCounts: lambda: self.queue().counts(),
            rw.Runtime: lambda: self.runtime,
            rw.RuntimeTelemetry: self.runtime.telemetry,
            rw.SharedQueueInfo: lambda: None,
            rw.Telemetry: self.kernel.telemetry,
            rw.TerminateReport: lambda: None,
            rw.Topic: lambda: self.runtime.topic(self.queue()),
            rw.Topology: self.runtime.topology,
            rw.TopologyEdge: lambda: None,
            rw.TopologyGroup: lambda: None,
            rw.TopologyNode: lambda: None,
            rw.VectorRequest: lambda: rw.VectorRequest([1], [2]),
            rw.VectorResponse: lambda: self.runtime.kernel("strict").request(rw.VectorRequest([1], [2]), 20),
            Codec: lambda: Codec("int32"),
            DeviceKernel: lambda: self.device.kernel("vector_add"),
            Dispatch: lambda: self.device.kernel("thread_id").start(self.device.buffer(4, "u4"), threads=4),
            KernelQueue: lambda: self.runtime.queue_named("echo.mailbox"),
            PeekedSlots: lambda: self.queue().peek(2),
            ReservedSlots: lambda: self.queue().reserve(2),
            TranslatedKernel: lambda: rw.kernel(handler),
        }
        return made[cls]()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


OTHERS: list[type] = [
    Codec,
    DeviceKernel,
    Dispatch,
    KernelQueue,
    PeekedSlots,
    ReservedSlots,
    TranslatedKernel,
]
CLASSES = [
    made
    for name in rw.__all__
    if isinstance(made := getattr(rw, name), type) and made not in (rw.Error, rw.Context)  # not to be called
] + OTHERS
MODULES: list[Any] = [rw, ringway.memorypack, ringway.telemetry]
FUNCTIONS = {
    f"{module.__name__}.{name}": made
    for module in MODULES
    for name in module.__all__
    if not isinstance(made := getattr(module, name), type)
}
SPECIAL = ("__getitem__", "__setitem__", "__call__", "__len__", "__iter__", "__array__", "__contains__")


@dataclass
class Call:
    """One public function or method, and its parameters by name; True: it has a default."""

    name: str
    owner: type | None
    attribute: str
    parameters: dict[str, bool]
    positional: bool = False
    more: bool = False  # takes any further arguments, behind those of `leading`
    leading: tuple[str, ...] = ()

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
        leading=tuple(
            p.name
            for p in known.parameters.values()
            if p.kind == p.POSITIONAL_OR_KEYWORD and p.name != "self"
        ),
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


def hostile(data: st.DataObject, never: Callable[[Any], bool] = lambda value: False) -> Any:
    """One of `hostile_values`, made anew."""
    value = hostile_values()[data.draw(st.sampled_from(HOSTILE))]
    assume(not never(value))
    return value


def drawn(world: World, call: Call, data: st.DataObject) -> dict[str, Any]:
    """Arguments: most of them right, one or two of any kind."""
    wrong = (
        data.draw(st.sets(st.sampled_from(sorted(call.parameters)), max_size=2)) if call.parameters else set()
    )
    values: dict[str, Any] = {}
    for parameter, optional in call.parameters.items():
        if parameter in wrong:
            never = choices(NEVER, call, parameter) or (lambda value: False)
            values[parameter] = hostile(data, never)
        elif not optional or parameter == "timeout" or data.draw(st.booleans()):
            known = choices(VALID, call, parameter)
            values[parameter] = right(world, data.draw(st.sampled_from(known))) if known else hostile(data)
    return values


def consume(world: World, result: Any) -> None:
    """Await what is awaitable, enter what is a block, and end what was started."""
    if inspect.iscoroutine(result):
        result = world.wait(result)
    elif hasattr(result, "__aenter__") and not isinstance(result, (rw.AsyncQueue, rw.AsyncRuntime)):

        async def block() -> None:
            async with result as slots:
                if isinstance(slots, (ReservedSlots, PeekedSlots)):
                    len(slots)

        world.wait(block())
    elif isinstance(result, (ReservedSlots, PeekedSlots)):
        with result as slots:
            len(slots)
    if isinstance(result, BaseMover):
        stopped = result.stop()
        if inspect.iscoroutine(stopped):
            world.wait(stopped)
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
    first = [values[name] for name in call.leading if name in values] if more else []
    rest = {name: value for name, value in values.items() if not more or name not in call.leading}
    return function(*first, *more, **rest)


def attempted(world: World, call: Call, values: dict[str, Any], more: list[Any]) -> None:
    """Make the call, and accept a documented error."""
    try:
        consume(world, make(world, call, values, more))
    except Exception as error:
        documented = isinstance(error, (rw.Error, *BESIDE.get(call.name, ()))) and str(error)
        if not documented:
            raise AssertionError(f"{call} of {values} {more}: {type(error).__name__}: {error}") from error
    finally:
        if "capacity" in call.parameters:
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
        for value in hostile_values():
            if never(value):
                continue
            values = {
                one: value if one == wrong else right(world, (choices(VALID, call, one) or [None])[0])
                for one, optional in call.parameters.items()
                if one == wrong or not optional or one == "timeout"
            }
            attempted(world, call, values, [])
    world.still_right()


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
        more = [hostile(data) for _ in range(data.draw(st.integers(0, 4)))] if call.more else []
        attempted(world, call, values, more)

    attempt()
    world.still_right()


def test_every_public_name_is_called() -> None:
    """Each name of ``__all__``, each public method; each parameter has a right value to be drawn."""
    names = {call.name for call in CALLS}
    for name in set(rw.__all__) - {"Error", "Context"}:
        assert f"{name}.__init__" in names or f"ringway.{name}" in names, name
    missing = [
        f"{call}.{one}" for call in CALLS for one in call.parameters if choices(VALID, call, one) is None
    ]
    assert [one for one in missing if "__init__" not in one] == []


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
        status: Any
        try:
            status = main(words)
        except SystemExit as end:
            status = (end.code,)
        assert status in (0, 1, (0,), (2,)), words
        capsys.readouterr()

    attempt()
