"""Arguments of a wrong type or value: each public function says which, and what it takes instead.

One table a subject: what is called, and what its error says: the argument, its value, and the remedy.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import memorypack
from ringway.telemetry import observe, prometheus_text, trace_requests
from ringway.telemetry.prometheus import RESERVED

Call = Callable[..., Any]
HUGE = 10**30


@rw.message(layout="struct")
class Pair:
    first: rw.i32
    second: rw.i32


def cases(*rows: tuple[Call, str]) -> pytest.MarkDecorator:
    """Parameters ``call`` and ``text``; an id is the beginning of the text."""
    return pytest.mark.parametrize(
        ("call", "text"), rows, ids=[f"{i}-{text[:24]}" for i, (_, text) in enumerate(rows)]
    )


def refused(call: Call, text: str, *arguments: Any) -> None:
    with pytest.raises(rw.Error, match=text):
        call(*arguments)


@pytest.mark.parametrize("runtime", ["Runtime", "AsyncRuntime"])
@cases(
    (lambda new: new(None), "backend is None; it must be a str"),
    (lambda new: new(3), "backend is 3; it must be a str"),
    (lambda new: new("abacus"), "no backend 'abacus'.*cpu"),
    (lambda new: new(workers=1.5), r"workers is 1\.5; it must be 1 to 1024, or None"),
    (lambda new: new(workers="2"), "workers is '2'; it must be 1 to 1024, or None"),
    (lambda new: new(workers=True), "workers is True; it must be 1 to 1024, or None"),
    (lambda new: new(workers=0), "workers is 0; it must be 1"),
    (lambda new: new(workers=HUGE), "workers is 10+; it must be 1 to 1024"),
)
def test_runtime(runtime: str, call: Call, text: str) -> None:
    refused(call, text, getattr(rw, runtime))


@cases(
    (lambda: rw.LaunchOptions(capacity="x"), r"LaunchOptions\.capacity is 'x'; it must be a whole number"),
    (lambda: rw.LaunchOptions(capacity=64.0), r"LaunchOptions\.capacity is 64\.0; it must be a whole number"),
    (
        lambda: rw.LaunchOptions(capacity=HUGE),
        r"LaunchOptions\.capacity is 10+; it must be a whole number of 64",
    ),
    (lambda: rw.LaunchOptions(capacity=None), r"LaunchOptions\.capacity is None"),
    (lambda: rw.LaunchOptions(capacity=3), r"LaunchOptions\.capacity is 3; it must be a power of two, 16"),
    (lambda: rw.LaunchOptions(slot_size="big"), r"LaunchOptions\.slot_size is 'big'; it must be 'auto'"),
    (
        lambda: rw.LaunchOptions(slot_size=1.5),
        r"LaunchOptions\.slot_size is 1\.5; it must be a whole number.*'auto'",
    ),
    (lambda: rw.LaunchOptions(policy="shout"), r"LaunchOptions\.policy is 'shout'; it must be one of block"),
    (lambda: rw.LaunchOptions(policy=3), r"LaunchOptions\.policy is 3; it must be 'block', 'reject'"),
    (
        lambda: rw.LaunchOptions(block_timeout="5"),
        r"LaunchOptions\.block_timeout is '5'; it must be a number",
    ),
    (lambda: rw.LaunchOptions(message_timeout=-1), r"LaunchOptions\.message_timeout is -1"),
    (lambda: rw.LaunchOptions(message_timeout=math.nan), r"LaunchOptions\.message_timeout is nan"),
    (
        lambda: rw.LaunchOptions(poll_interval=[]),
        r"LaunchOptions\.poll_interval is \[\]; it must be a number",
    ),
    (lambda: rw.LaunchOptions(idle=None), r"LaunchOptions\.idle is None; it must be 'park', 'spin'"),
    (lambda: rw.LaunchOptions(batch="x"), r"LaunchOptions\.batch is 'x'; it must be a whole number"),
    (lambda: rw.LaunchOptions(worker=0.5), r"LaunchOptions\.worker is 0\.5; it must be a whole number.*None"),
)
def test_launch_options(call: Call, text: str) -> None:
    refused(call, text)


RUNTIME_CASES: list[tuple[Call, str]] = [
    (lambda rt, k: rt.launch(None), "kernel is None; it must be the name"),
    (lambda rt, k: rt.launch("nothing"), "no kernel 'nothing'; kernels: .*echo"),
    (lambda rt, k: rt.launch("echo", name=3), "name is 3; it must be a str"),
    (lambda rt, k: rt.launch("echo", name="taken"), "'taken' is already launched"),
    (lambda rt, k: rt.launch("echo", options={}), r"options is {}; it must be a ringway\.LaunchOptions"),
    (lambda rt, k: rt.launch("echo", grid="2"), "grid is '2'; it must be a whole number"),
    (lambda rt, k: rt.launch("echo", block=None), "block is None; it must be a whole number"),
    (lambda rt, k: rt.link(k, None), r"target is None; it must be a ringway\.(Async)?Kernel"),
    (lambda rt, k: rt.link("echo", k), r"source is 'echo'; it must be a ringway\.(Async)?Kernel"),
    (lambda rt, k: rt.link(k, k, capacity=3), "^link: capacity is 3; it must be a power of two"),
    (lambda rt, k: rt.link(k, k, capacity="x"), "capacity is 'x'; it must be a power of two"),
    (lambda rt, k: rt.link(k, k, slot_size=-1), "^link: slot_size is -1; it must be 0, or 1 to"),
    (lambda rt, k: rt.link(k, k, slot_size=HUGE), "slot_size is 10+; it must be 0, or"),
    (lambda rt, k: rt.link(k, k, message=3), "message is 3; it must be a class made by"),
    (
        lambda rt, k: rt.link(k, k, message=rw.VectorRequest),
        "VectorRequest has no fixed layout; declare it with",
    ),
    (lambda rt, k: k.send("text"), "an object of str is no message.*bytes"),
    (lambda rt, k: k.send(None), "an object of NoneType is no message"),
    (lambda rt, k: k.send(bytes), "is no message"),
    (lambda rt, k: k.send(bytes(5000)), "5000 bytes .* slots hold 4152; .*slot_size"),
    (lambda rt, k: k.request("text"), "an object of str is no message.*bytes"),
    (lambda rt, k: k.request(b"", timeout="5"), "timeout is '5'; it must be 0 or more seconds, or None"),
    (lambda rt, k: k.request(b"", timeout=-1), "timeout is -1; it must be 0 or more seconds"),
    (lambda rt, k: k.request(b"", timeout=math.nan), "timeout is nan; it must be 0 or more seconds"),
    (lambda rt, k: k.request(b"", timeout=True), "timeout is True; it must be 0 or more seconds"),
    (lambda rt, k: k.receive("5"), "timeout is '5'; it must be 0 or more seconds, or None"),
    (lambda rt, k: k.receive(-0.5), r"timeout is -0\.5; it must be 0 or more seconds"),
    (lambda rt, k: k.receive([]), r"timeout is \[\]; it must be 0 or more seconds"),
    (lambda rt, k: k.terminate(timeout="5"), "timeout is '5'; it must be 0 or more seconds, or None"),
    (lambda rt, k: k.terminate(timeout=-1), "timeout is -1; it must be 0 or more seconds"),
]


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[rw.Runtime, rw.Kernel]]:
    with rw.Runtime("cpu", workers=2) as runtime:
        yield runtime, runtime.launch("echo", name="taken")


@cases(*RUNTIME_CASES)
def test_runtime_and_kernel(started: tuple[rw.Runtime, rw.Kernel], call: Call, text: str) -> None:
    refused(call, text, *started)
    assert started[1].request(b"goes on", timeout=20) == b"goes on"
    assert len(started[0].kernels()) == 1


@cases(*RUNTIME_CASES)
def test_runtime_and_kernel_of_asyncio(call: Call, text: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime("cpu", workers=2) as runtime:
            kernel = await runtime.launch("echo", name="taken")
            with pytest.raises(rw.Error, match=text):
                await call(runtime, kernel)
            assert await kernel.request(b"goes on", timeout=20) == b"goes on"

    asyncio.run(main())


@cases(
    (lambda rt: rt.kernel(None), "name is None; it must be a str"),
    (lambda rt: rt.kernel("nobody"), "no kernel named 'nobody'"),
    (lambda rt: rt.buffer("text"), "source is 'text'; it must be a NumPy array, bytes, or a number"),
    (lambda rt: rt.buffer(None), "source is None; it must be a NumPy array"),
    (lambda rt: rt.buffer(-1), "source is -1; it must be a NumPy array"),
    (lambda rt: rt.buffer(1.5), r"source is 1\.5; it must be a NumPy array"),
    (lambda rt: rt.buffer(2**62), "source is .* that fits in memory"),
    (lambda rt: rt.buffer(np.zeros((4, 4))[:, 1]), "C-contiguous.*ascontiguousarray"),
)
def test_what_only_threads_call(started: tuple[rw.Runtime, rw.Kernel], call: Call, text: str) -> None:
    refused(call, text, started[0])


@cases(
    (lambda: rw.VectorRequest("x", [1]), "a is 'x'; it must be a vector of numbers"),
    (lambda: rw.VectorRequest([1], [[1]]), "b has 2 dimensions; a vector has one"),
    (lambda: rw.VectorRequest(range(26), range(26)), "a has 26 elements; a message holds 25.*by_handle"),
    (lambda: rw.VectorRequest([1], [1, 2]), "a has 1 elements and b 2; they must be equally long"),
    (lambda: rw.VectorRequest([1], [1], op="root"), "op='root' is none of add, subtract"),
    (lambda: rw.VectorRequest([1], [1], op=[]), r"op=\[\] is none of add"),
    (lambda: rw.VectorRequest([1], [1], priority=256).encode(), "priority"),
    (lambda: rw.VectorRequest.by_handle("x", 1, 1, 1).encode(), "handle_a"),
    (lambda: Pair("x", 1).encode(), "first"),
    (lambda: Pair.decode(b"\0" * 3), "value needs 8 bytes, 3 left at byte 0"),
    (lambda: memorypack.codec(5), "5"),
    (lambda: memorypack.codec("no such type"), "no such type"),
    (lambda: memorypack.codec("int32").encode("x"), "'x'"),
    (lambda: memorypack.codec("int32").decode(b""), "value needs 4 bytes, 0 left"),
    (lambda: memorypack.encode("x"), "'x' is no message; decorate its class"),
    (lambda: memorypack.decode(bytes, b""), "<class 'bytes'> is no message class; decorate it"),
    (lambda: memorypack.decode(None, b""), "None is no message class"),
)
def test_messages(call: Call, text: str) -> None:
    refused(call, text)


EDGES = ([0, 1], [1, 0])


@cases(
    (lambda: rw.Graph.read(None), "path is None; it must be a str or a pathlib"),
    (lambda: rw.Graph.read("a.mtx", directed="x"), "directed is 'x'; it must be True, False or None"),
    (lambda: rw.Graph.read(__file__, format="pdf"), "format is 'pdf'; one of mtx"),
    (lambda: rw.Graph.from_edges("ab", [1]), "src has 0 dimensions"),
    (lambda: rw.Graph.from_edges([0.5], [1]), "src is an array of float64; node numbers are integers"),
    (lambda: rw.Graph.from_edges([0], [-1]), "-1"),
    (lambda: rw.Graph.from_edges([0, 1], [1]), "2.*1"),
    (lambda: rw.Graph.from_edges(*EDGES, weight="x"), "weight has 0 dimensions"),
    (lambda: rw.Graph.from_edges(*EDGES, weight=[1, -1]), "-1"),
    (lambda: rw.Graph.from_edges(*EDGES, num_nodes="x"), "num_nodes is 'x'; it must be a whole number"),
    (lambda: rw.Graph.from_edges(*EDGES, num_nodes=1), "1"),
    (lambda: rw.Graph.from_edges(*EDGES, num_nodes=-1), "num_nodes is -1; it is at least 0"),
    (lambda: rw.Graph.from_edges(*EDGES, labels=["a"]), "node 1 in a graph of 1 nodes"),
    (lambda: rw.Graph.from_edges(*EDGES).label("x"), "node is 'x'; it must be a node's number"),
    (lambda: rw.Graph.from_edges(*EDGES).label(2), "node 2 in a graph of 2 nodes"),
    (lambda: rw.Graph.from_edges(*EDGES).index_of("x"), "no node 'x' in this graph of 2"),
    (lambda: rw.Graph.from_edges(*EDGES, labels=[(1,), 2]).index_of([]), r"no node \[\] in this graph of 2"),
    (lambda: rw.Graph.from_edges(*EDGES).save(None), "path is None; it must be a str or a pathlib"),
)
def test_graphs(call: Call, text: str) -> None:
    refused(call, text)


@cases(
    (lambda: rw.pagerank(3), "graph is a builtins.int; pass a"),
    (lambda: rw.pagerank(EDGES, damping="x"), "damping is 'x'; it must be a number between 0 and 1"),
    (lambda: rw.pagerank(EDGES, damping=1.1), r"damping is 1\.1; it must be between 0 and 1"),
    (lambda: rw.pagerank(EDGES, tol="x"), "tol is 'x'; it must be a number of 0 or more"),
    (lambda: rw.pagerank(EDGES, tol=-1), "tol is -1; it must be 0 or more"),
    (lambda: rw.pagerank(EDGES, tol=math.inf), "tol is inf; it must be 0 or more, and finite"),
    (lambda: rw.pagerank(EDGES, max_iter=None), "max_iter is None; it must be a whole number"),
    (lambda: rw.pagerank(EDGES, max_iter=HUGE), "max_iter is 10+; it must be"),
    (lambda: rw.pagerank(EDGES, personalization="x"), "personalization is not one number per node"),
    (lambda: rw.pagerank(EDGES, personalization=[1]), r"personalization has shape \(1,\); the graph has 2"),
    (lambda: rw.pagerank(EDGES, nstart={0: "x"}), r"nstart\[0\] is 'x'; it must be a number"),
    (lambda: rw.pagerank(EDGES, dangling={7: 1}), "no node 7"),
    (lambda: rw.pagerank(EDGES, dtype="x"), "dtype is 'x'; it must be float32, float64 or None"),
    (lambda: rw.pagerank(EDGES, dtype=int), "dtype is int64; it must be float32"),
    (lambda: rw.pagerank(EDGES, backend=None), "backend is None; it must be a str"),
    (lambda: rw.pagerank(EDGES, backend="abacus"), "no backend 'abacus'"),
    (lambda: rw.pagerank(EDGES, on_failure="shrug"), "on_failure is 'shrug'; it must be 'raise' or 'return'"),
    (
        lambda: rw.pagerank(EDGES, order="alphabet"),
        "order is 'alphabet'; it must be 'auto', 'degree' or 'none'",
    ),
    (lambda: rw.pagerank(EDGES, progress=3), "progress is 3; it must be a function"),
    (lambda: rw.pagerank(EDGES).top("x"), "n is 'x'; it must be a whole number"),
    (lambda: rw.pagerank(EDGES)["x"], "no node 'x'"),
)
def test_pagerank(call: Call, text: str) -> None:
    refused(call, text)


@cases(
    (lambda rt, k: rt.queue_named(5), "name is 5; it must be a str"),
    (lambda rt, k: rt.send(5, b"x"), "name is 5; it must be a str"),
    (lambda rt, k: rt.receive(None, timeout=0), "name is None; it must be a str"),
    (lambda rt, k: rt.launch("echo", activate="no"), "activate is 'no'; it must be True or False"),
    (lambda rt, k: rw.Runtime(assist="no"), "assist is 'no'; it must be True or False"),
    (lambda rt, k: rw.Runtime(export="no"), "export is 'no'; it must be True or False"),
    (lambda rt, k: k.terminate(drain="no"), "drain is 'no'; it must be True or False"),
    (lambda rt, k: k.dead_letters(clear="x"), "clear is 'x'; it must be True or False"),
    (lambda rt, k: k.resend(5), "letter is 5; it must be a ringway.DeadLetter"),
    (lambda rt, k: setattr(k, "telemetry_enabled", 3), "telemetry_enabled is 3; it must be True or False"),
    (lambda rt, k: k.telemetry().latency.quantile("x"), "quantile takes a share from 0 to 1, not 'x'"),
    (lambda rt, k: k.telemetry().latency.quantile(10**400), "quantile takes a share from 0 to 1, not 10"),
    (lambda rt, k: k.telemetry().latency.quantile(True), "quantile takes a share from 0 to 1, not True"),
    (lambda rt, k: rw.Kernel(5), "5 is no native Kernel; Runtime.launch makes"),
    (lambda rt, k: rw.Buffer(5, np.zeros(1)), "5 is no native Runtime; Runtime.buffer makes"),
    (lambda rt, k: rw.Buffer(5, 5), "memory is 5; it must be a .*ndarray"),
    (lambda rt, k: rw.DeadLetter(5), "5 is no native DeadLetter; Kernel.dead_letters makes"),
)
def test_flags_names_and_letters(started: tuple[rw.Runtime, rw.Kernel], call: Call, text: str) -> None:
    refused(call, text, *started)
    assert started[1].state == "active"
    assert len(started[0].kernels()) == 1


@cases(
    (lambda rt, k: rt.send(5, b"x"), "name is 5; it must be a str"),
    (lambda rt, k: rt.receive(5), "name is 5; it must be a str"),
    (lambda rt, k: rt.queue_named(None), "name is None; it must be a str"),
    (lambda rt, k: rt.launch("echo", activate=0), "activate is 0; it must be True or False"),
    (lambda rt, k: k.terminate(drain="no"), "drain is 'no'; it must be True or False"),
    (lambda rt, k: k.dead_letters(clear="x"), "clear is 'x'; it must be True or False"),
    (lambda rt, k: k.resend(5), "letter is 5; it must be a ringway.DeadLetter"),
    (lambda rt, k: rw.AsyncKernel(rt, 5), "5 is no native Kernel; AsyncRuntime.launch makes"),
    (lambda rt, k: rw.AsyncQueue().close(discard=1), "discard is 1; it must be True or False"),
)
def test_flags_names_and_letters_of_asyncio(call: Call, text: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            kernel = await runtime.launch("echo")
            with pytest.raises(rw.Error, match=text):
                await call(runtime, kernel)
            assert await kernel.request(b"goes on", timeout=20) == b"goes on"

    asyncio.run(main())


@pytest.mark.parametrize("discard", ["no", 1, None, []])
def test_closing_a_queue_by_mistake(discard: Any) -> None:
    queue = rw.Queue()
    refused(lambda: queue.close(discard=discard), "discard is .*; it must be True or False")
    assert not queue.closed


@pytest.mark.parametrize("count", ["x", 1.5, -1, 2**70, 3])
def test_sending_a_wrong_number_of_slots(count: Any) -> None:
    queue = rw.Queue(message=np.dtype("<i8"))
    with queue.reserve(2) as slots:
        slots[:] = 7
        refused(lambda: slots.send(count), "count is ")
    assert queue.receive_many().tolist() == [7, 7]


@cases(
    (lambda: rw.Device(5), "backend is 5; it must be a str"),
    (lambda: rw.Device("cpu", workers="x"), "workers is 'x'; it must be 1 to 1024, or None"),
    (lambda: rw.Device("cpu", pool_limit="x"), "pool_limit is 'x'; it must be a number of bytes"),
    (lambda: rw.Device("cpu", pool_limit=2**70), "pool_limit is [0-9]+; it must be a number of bytes"),
    (lambda: rw.Device("cpu").kernel(5), "name is 5; it must be a str"),
    (lambda: started_dispatch().wait("x"), "timeout is 'x'; it must be 0 or more seconds, or None"),
    (lambda: started_dispatch().wait(-1), "timeout is -1; it must be 0 or more seconds, or None"),
)
def test_devices(call: Call, text: str) -> None:
    refused(call, text)


def started_dispatch() -> Any:
    device = rw.Device("cpu", workers=1)
    return device.kernel("thread_id").start(device.buffer(4, "uint32"), threads=4)


@cases(
    (lambda: rw.message(5), "5 is no class; put @ringway.message before a class"),
    (lambda: rw.message(layout="tight"), "layout='tight' is none of object"),
    (lambda: rw.message(layout=[]), r"layout=\[\] is none of object"),
    (lambda: rw.message(name=5), "name=5 is no wire name; it must be printable text"),
    (lambda: rw.message(name="\ud800"), "is no wire name"),
    (lambda: rw.field(default_factory=5), "default_factory is 5; it must be a function"),
    (lambda: rw.field(default=1, default_factory=list), "default=1 or a default_factory, not both"),
)
def test_message_classes(call: Call, text: str) -> None:
    refused(call, text)


@cases(
    (lambda rt: prometheus_text(5), "runtime is 5; it must be a ringway.Runtime"),
    (lambda rt: prometheus_text(rw.Runtime), "runtime is <class.*; it must be a ringway.Runtime"),
    (lambda rt: prometheus_text(rt, 5), "labels is 5; it must be a mapping"),
    (lambda rt: prometheus_text(rt, {"bad-name": "x"}), "the name 'bad-name'; one consists of letters"),
    (lambda rt: prometheus_text(rt, {"": "x"}), "the name ''; one consists of letters"),
    (lambda rt: prometheus_text(rt, {"1st": "x"}), "the name '1st'; one consists of letters"),
    (lambda rt: prometheus_text(rt, {"a\n": "x"}), "the name 'a.n'; one consists of letters"),
    (lambda rt: prometheus_text(rt, {"__name__": "x"}), "the name '__name__'; one consists of"),
    (lambda rt: prometheus_text(rt, {5: "x"}), "the name 5; one consists of letters"),
    (lambda rt: prometheus_text(rt, {"kernel": "x"}), "the name 'kernel', which ringway sets itself"),
    (lambda rt: prometheus_text(rt, {"le": "x"}), "the name 'le', which ringway sets itself"),
    (lambda rt: prometheus_text(rt, {"part": 1}), "label part is 1; it must be a str"),
    (lambda rt: observe(5), "runtime is 5; it must be a ringway.Runtime"),
    (lambda rt: trace_requests(5, "x"), "runtime is 5; it must be a ringway.Runtime"),
    (lambda rt: trace_requests(rt, 5), "name is 5; it must be a str"),
)
def test_telemetry(started: tuple[rw.Runtime, rw.Kernel], call: Call, text: str) -> None:
    refused(call, text, started[0])


def test_every_label_of_the_exporters_is_reserved(started: tuple[rw.Runtime, rw.Kernel]) -> None:
    started[0].link(started[1], started[1])
    text = prometheus_text(started[0], {"part": "sums"})
    names = set(re.findall(r'[{,]([^=,{]+)="', text))
    assert names - {"part"} <= set(RESERVED)
    assert {"part", "kernel", "source", "reason", "state", "le"} <= names


@pytest.mark.parametrize(
    "message",
    [
        b"0123",
        bytearray(b"0123"),
        memoryview(b"0123"),
        memoryview(b"0_1_2_3")[::2],
        memoryview(np.frombuffer(b"0123", np.int32)),
    ],
)
def test_bytes_of_every_kind_are_sent(message: Any) -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        echo = runtime.launch("echo")
        assert echo.request(message, timeout=20) == b"0123"
        assert echo.send(message)
        assert echo.receive(timeout=20) == b"0123"


def test_long_bytes_of_every_kind_are_sent() -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        echo = runtime.launch("echo")
        body = bytes(range(256)) * 16
        assert echo.request(bytearray(body), timeout=20) == body
        assert echo.request(memoryview(body), timeout=20) == body


def test_numbers_of_other_libraries_are_numbers(tmp_path: Path) -> None:
    two, half = np.int16(2), np.float32(0.5)
    options = rw.LaunchOptions(capacity=two * 8, message_timeout=half, batch=np.int64(3))
    with rw.Runtime("cpu", workers=two) as runtime:
        echo = runtime.launch("echo", grid=two, options=options)
        runtime.link(echo, runtime.launch("relay"), capacity=np.int32(16))
        assert echo.request(b"", timeout=np.float64(20)) == b""
        assert echo.request(b"", timeout=np.int8(20)) == b""
        assert runtime.buffer(np.uint8(8)).nbytes == 8
    assert rw.pagerank(EDGES, damping=half, tol=np.float32(1e-3), max_iter=np.uint8(50)).converged
