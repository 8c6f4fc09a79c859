"""Queues in shared memory: between processes, by name; the command that lists and removes them."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors
from ringway.cli import main


@rw.message(layout="struct")
class Quote(rw.Message):
    number: rw.i32
    price: rw.f64


@rw.message
class Headline(rw.Message):
    text: str


@rw.message(layout="struct")
class Price(rw.Message):
    instrument: rw.i32
    volume: rw.i32
    price: rw.f64


PROGRAMS = sorted(pathlib.Path(__file__).parents[2].glob("build/*/tests/native/shared/examples/shared_queue"))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    made = f"py{os.getpid()}.{time.monotonic_ns() % 10**9}"
    yield made
    for info in rw.shared_queues():
        if info.name == made:
            rw.remove_shared_queue(made)


@pytest.fixture
def spawn() -> SpawnContext:
    return multiprocessing.get_context("spawn")


def echo(there: rw.Queue, back: str) -> None:
    """Sends back what comes, until an empty headline: the program of another process."""
    with there, rw.Queue.attach(back) as answers:
        for message in there:
            if isinstance(message, Headline) and not message.text:
                return
            answers.send(message)


def test_messages_go_to_another_process_and_back(name: str, spawn: SpawnContext) -> None:
    back = f"{name}b"
    with rw.Queue.create_shared(name) as there, rw.Queue.create_shared(back) as answers:
        process = spawn.Process(target=echo, args=(there, back))
        process.start()
        for message in (Quote(1, 2.5), Headline("higher"), b"plain"):
            there.send(message)
            assert answers.receive(timeout=20) == message
        there.send(Headline(""))
        process.join(20)
        assert process.exitcode == 0
    rw.remove_shared_queue(back)


def produce(name: str, count: int) -> None:
    with rw.Queue.attach(name) as queue:
        for first in range(0, count, 100):
            quotes = np.zeros(100, queue.dtype)
            quotes["number"] = np.arange(first, first + 100)
            assert queue.send_many(quotes, timeout=20) == 100


def test_arrays_go_between_processes(name: str, spawn: SpawnContext) -> None:
    with rw.Queue.create_shared(name, Quote, capacity=64) as queue:
        process = spawn.Process(target=produce, args=(name, 5000))
        process.start()
        got: list[int] = []
        while len(got) < 5000:
            got.extend(queue.receive_many(timeout=20)["number"].tolist())
        process.join(20)
    assert got == list(range(5000))


def hold(name: str, held: Event) -> None:
    queue = rw.Queue.attach(name)
    slots = queue.reserve(2)
    held.set()
    time.sleep(60)
    del slots


def test_what_a_killed_process_had_begun_is_the_only_loss(name: str, spawn: SpawnContext) -> None:
    with rw.Queue.create_shared(name, Quote) as queue:
        held = spawn.Event()
        process = spawn.Process(target=hold, args=(name, held))
        process.start()
        assert held.wait(20)
        queue.send(Quote(7, 1.0))
        with pytest.raises(errors.Timeout, match=f"held by process {process.pid}"):
            queue.receive(timeout=0.1)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(20)
        assert queue.receive(timeout=20) == Quote(7, 1.0)
        seen = queue.telemetry()
        assert (seen.skipped, seen.sent) == (queue.counts().skipped, queue.counts().sent)
        assert seen.last_message > 0
        assert seen.latency.count == 0
        counts = queue.counts()
        assert (counts.skipped, counts.sent, counts.received, counts.depth) == (2, 1, 1, 0)


def take(name: str) -> None:
    queue = rw.Queue.attach(name)
    slots = queue.peek(1)
    os.kill(os.getpid(), signal.SIGKILL)
    del slots


def test_what_a_killed_process_had_taken_comes_again(name: str, spawn: SpawnContext) -> None:
    with rw.Queue.create_shared(name, Quote) as queue:
        queue.send(Quote(1, 0.0))
        queue.send(Quote(2, 0.0))
        process = spawn.Process(target=take, args=(name,))
        process.start()
        process.join(20)
        assert [queue.receive(timeout=20).number for _ in range(2)] == [2, 1]
        assert queue.counts().redelivered == 1
        queue.send(Quote(3, 0.0))
        process = spawn.Process(target=take, args=(name,))
        process.start()
        process.join(20)
        assert queue.receive_many(timeout=20)["number"].tolist() == [3]


@pytest.mark.skipif(not PROGRAMS, reason="examples/cpp was not built; tools/test does")
def test_a_cpp_program_sends_to_python_and_receives_from_it(name: str) -> None:
    program = max(PROGRAMS, key=lambda path: path.stat().st_mtime)

    def run(*arguments: str) -> str:
        command = [program, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    run("create", name)
    with rw.Queue.attach(name) as queue:
        assert queue.message is Price
        run("send", name, "3")
        assert queue.receive(timeout=20) == Price(7, 0, 2.5)
        assert queue.receive_many(timeout=20)["volume"].tolist() == [1, 2]
        queue.send(Price(1, 40, 1.0))
        queue.send(Price(1, 2, 1.0))
        assert run("receive", name, "2") == "42\n"


def tell(name: str) -> None:
    with rw.Queue.attach(name) as queue:
        time.sleep(0.1)
        queue.send(Headline("now"))
        time.sleep(0.1)
        queue.receive(timeout=20)


def test_event_loops_wait_for_other_processes(name: str, spawn: SpawnContext) -> None:
    async def run(queue: rw.Queue) -> None:
        waits = queue.aio()
        assert await waits.receive(timeout=20) == Headline("now")
        for _ in range(17):  # one more than there is room for
            await waits.send(Headline("full"), timeout=20)
        with pytest.raises(errors.QueueFull):
            await waits.send(Headline("no more"), timeout=0.01)

    with rw.Queue.create_shared(name, Headline, capacity=16) as queue:
        process = spawn.Process(target=tell, args=(name,))
        process.start()
        asyncio.run(run(queue))
        process.join(20)
        assert process.exitcode == 0


def test_a_fork_s_child_is_told_to_attach_anew(name: str) -> None:
    queue = rw.Queue.create_shared(name)
    child = os.fork()
    if child == 0:
        try:
            queue.send(b"x")
        except errors.ForkedError:
            rw.Queue.attach(name).send(b"from the child")
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert queue.receive(timeout=5) == b"from the child"
    queue.close()


def test_attaching_gives_the_creator_s_type_and_options(name: str) -> None:
    tick = np.dtype([("price", "<f8"), ("venue", "S4")])
    with rw.Queue.create_shared(name, tick, capacity=32, policy="drop_new") as queue:
        other = rw.Queue.attach(name, block_timeout=1.5)
        assert (other.message, other.capacity, other.slot_size) == (tick, 32, queue.slot_size)
        for number in range(40):
            other.send((number, b"XETR"))
        assert queue.counts().dropped_new == 8
        assert queue.receive()["price"] == 0.0
        again = pickle.loads(pickle.dumps(other))
        assert again.receive()["price"] == 1.0
        again.close()
        other.close()
    with pytest.raises(TypeError, match="lives in this process"):
        pickle.dumps(rw.Queue("here"))


def test_reclaim_replaces_a_queue_that_nobody_uses(name: str) -> None:
    with rw.Queue.create_shared(name, capacity=16) as queue:
        queue.send(b"old")
        with pytest.raises(errors.InvalidState, match="in use"):
            rw.Queue.create_shared(name, reclaim=True)
    with pytest.raises(errors.InvalidState, match="attach to it"):
        rw.Queue.create_shared(name)
    with rw.Queue.create_shared(name, capacity=64, reclaim=True) as queue:
        assert (queue.capacity, len(queue)) == (64, 0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "a/b"}, "1 to 26 letters"),
        ({"capacity": 17}, "power of two"),
        ({"slot_size": 0}, "at least 1"),
        ({"policy": "drop"}, "policy"),
        ({"block_timeout": -1.0}, "block_timeout"),
        ({"reclaim": 1}, "reclaim"),
    ],
)
def test_wrong_arguments_are_named(name: str, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(errors.InvalidOption, match=text):
        rw.Queue.create_shared(**{"name": name, **arguments})
    assert name not in [info.name for info in rw.shared_queues()]


def test_attaching_to_what_is_not_there_or_has_no_class_here(name: str) -> None:
    with pytest.raises(errors.NotFound, match=name):
        rw.Queue.attach(name)
    with pytest.raises(errors.InvalidOption, match="block_timeout"):
        rw.Queue.attach(name, block_timeout=float("nan"))
    program = (
        "import ringway as rw\n@rw.message\nclass Elsewhere(rw.Message):\n    x: rw.i32\n"
        f"rw.Queue.create_shared({name!r}, Elsewhere).send(Elsewhere(1))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    with pytest.raises(errors.TypeMismatch, match="Elsewhere"):
        rw.Queue.attach(name)


def test_the_command_lists_and_cleans(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    stale = f"{name}s"
    rw.Queue.create_shared(stale, bytes).send(b"unread")
    with rw.Queue.create_shared(name, Quote, capacity=32, policy="reject") as queue:
        queue.send(Quote(1, 1.0))
        assert main(["queues", "list", "--json"]) == 0
        found = {info["name"]: info for info in json.loads(capsys.readouterr().out)}
        assert found[name]["state"] == "live"
        assert (found[name]["depth"], found[name]["capacity"], found[name]["policy"]) == (1, 32, "reject")
        assert found[name]["senders"] == [os.getpid()]
        assert found[stale]["state"] == "stale"
        assert main(["queues", "list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split()[:3] == ["queue", "state", "messages"]
        assert any(line.split()[:4] == [name, "live", "1", "32"] for line in lines)
        assert main(["queues", "clean", stale, name]) == 1
        captured = capsys.readouterr()
        assert captured.out == f"{stale}: removed, with 1 messages that nobody received\n"
        assert "in use" in captured.err
    assert main(["queues", "clean", name]) == 0
    assert name not in [info.name for info in rw.shared_queues()]
