"""A peer that writes anything into a shared queue's memory: a documented error or a message, no crash."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors

if sys.platform == "win32":
    pytest.skip("POSIX shared memory", allow_module_level=True)

import _posixshmem
import mmap

# Offsets of native/core/shared_layout.h.
POLICY, CONTENT, TYPE_ID, FIXED_SIZE, TYPE_NAME, NAME_BYTES, HEADER = 24, 28, 32, 36, 128, 1024, 18432
ANY, BYTES, MESSAGE, RECORD = range(4)
NAMES = [
    b"'|O'",
    b"[('a', '|O')]",
    b"[('a', [('b', '|O')])]",
    b"'T'",
    b"('<i8', (1,))",
    b"('<i4', (2,))",
    b"'|V0'",
    b"'<U0'",
    b"[]",
    b"'<U2'",
    b"'|V8'",
    b"'<M8[ns]'",
    b"[('a', '<i4'), ('a', '<i4')]",
    b"[('a', '<f8', (1152921504606846976,))]",
    b"(" * 1000,
    b"-" * 1000 + b"1",
    b"'\xff\xfe'",
    b"\x80" * 1023,
    b"'<i8'\x1b[2J",
    b"[('\\ud800', '<i8')]",
    b"__import__('os').abort()",
    b"",
]


@rw.message(layout="struct")
class Pair(rw.Message):
    """What a fixed layout is."""

    number: rw.i32
    other: rw.i32


@rw.message
class Note(rw.Message):
    """What has no fixed layout."""

    text: str
    values: rw.Array[rw.f32]
    more: dict[str, list[int]]


KINDS: dict[str, Any] = {"any": None, "bytes": bytes, "pair": Pair, "note": Note, "record": np.dtype("<i8")}


@contextlib.contextmanager
def memory_of(name: str) -> Iterator[mmap.mmap]:
    """The memory of a shared queue, as a hostile peer sees it."""
    descriptor = _posixshmem.shm_open(f"/rw.{name}", os.O_RDWR, mode=0o600)
    try:
        memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
    with memory:
        yield memory


def write(memory: mmap.mmap, at: int, number: int) -> None:
    memory[at : at + 4] = number.to_bytes(4, "little")


def write_name(memory: mmap.mmap, text: bytes) -> None:
    memory[TYPE_NAME : TYPE_NAME + NAME_BYTES] = text.ljust(NAME_BYTES, b"\0")[:NAME_BYTES]


@pytest.fixture
def name() -> Iterator[str]:
    made = f"pyh{os.getpid()}.{time.monotonic_ns() % 10**9}"
    yield made
    with contextlib.suppress(errors.NotFound):
        rw.remove_shared_queue(made)


def refused(call: Callable[[], Any]) -> bool:
    """Whether a call was refused; only errors of ringway are."""
    try:
        call()
    except rw.Error:
        return True
    return False


async def awaited(queue: rw.Queue, array: Any) -> None:
    waits = queue.aio()
    message = array[0] if array.dtype == queue.dtype else b"12345678"
    for call in (
        lambda: waits.send(message, timeout=0.002),
        lambda: waits.receive(timeout=0.002),
        lambda: waits.send_many(array, timeout=0.002),
        lambda: waits.receive_many(timeout=0.002),
    ):
        with contextlib.suppress(rw.Error):
            await call()
    with contextlib.suppress(rw.Error):
        async with waits.peek(4, timeout=0.002) as slots:
            slots[...].tobytes()


def written(queue: rw.Queue) -> None:
    with queue.reserve(4, timeout=0.002) as slots:
        slots[:] = np.zeros((), slots.array.dtype)


def read(queue: rw.Queue) -> None:
    with queue.peek(2, timeout=0.002) as slots:
        assert len(slots) == len(slots.sizes) == len(slots[...].copy())


def use(queue: rw.Queue) -> dict[str, bool]:
    """Every verb of a queue, and whether it was refused."""
    width = 8 if queue.dtype is None else queue.dtype.itemsize
    plain = np.frombuffer(bytes(4 * width), np.dtype(f"V{width}") if queue.dtype is None else queue.dtype)
    objects = np.zeros(4, object)
    message = {Pair: Pair(1, 2), Note: Note("a", [1.0], {"b": [3]}), bytes: b"abc", None: Note("", [], {})}
    verbs: dict[str, Callable[[], Any]] = {
        "send": lambda: queue.send(message.get(queue.message, plain[0]), timeout=0.002),
        "send_many": lambda: queue.send_many(plain, timeout=0.002),
        "send_objects": lambda: queue.send_many(objects, timeout=0.002),
        "reserve": lambda: written(queue),
        "receive": lambda: repr(queue.receive(timeout=0.002)),
        "peek": lambda: read(queue),
        "receive_many": lambda: queue.receive_many(2, timeout=0.002).tobytes(),
        "receive_plain": lambda: queue.receive_many(out=plain.copy(), timeout=0.002).tobytes(),
        "receive_objects": lambda: repr(queue.receive_many(out=objects, timeout=0.002)),
        "looks": lambda: [queue.counts(), len(queue), repr(queue), queue.slot_size, queue.closed],
        "aio": lambda: asyncio.run(awaited(queue, plain)),
        "pickle": lambda: pickle.loads(pickle.dumps(queue)).close(),
        "listed": rw.shared_queues,
    }
    return {verb: refused(call) for verb, call in verbs.items()}


@pytest.mark.parametrize("content", [ANY, BYTES, MESSAGE, RECORD, 4])
@pytest.mark.parametrize("text", NAMES, ids=range(len(NAMES)))
def test_a_planted_type_is_refused_or_harmless(name: str, text: bytes, content: int) -> None:
    with rw.Queue.create_shared(name, np.dtype("<i8"), capacity=16) as queue:
        for number in range(8):
            queue.send(-number)
        with memory_of(name) as memory:
            write_name(memory, text)
            write(memory, CONTENT, content)
            for size in (8, 0, 16):
                write(memory, FIXED_SIZE, size)
                try:
                    other = rw.Queue.attach(name)
                except (errors.LayoutError, errors.TypeMismatch):
                    continue
                assert other.dtype is None or not other.dtype.hasobject
                use(other)
                other.close()


@pytest.mark.parametrize(
    ("text", "content", "size", "says"),
    [
        (b"'|O'", RECORD, 8, "which holds Python objects"),
        (b"('<i4', (2,))", RECORD, 8, "field of a structured dtype"),
        (b"'<U0'", RECORD, 8, "field of a structured dtype"),
        (b"'<i4'", RECORD, 8, "have 8 bytes, but int32 has 4 here"),
        (b"'<i8'", RECORD, 0, "have 0 bytes each"),
        (b"'<i8'", BYTES, 8, "have 8 bytes each"),
        (b"'<i8'", RECORD, 4096, "4096 bytes do not fit its slots"),
        (b"nonsense", RECORD, 8, "are 'nonsense'"),
        (b"'\xff'", RECORD, 8, r"\\xff"),
        (b"Elsewhere", MESSAGE, 8, "which is no class of this process"),
    ],
)
def test_the_refusal_says_what_is_wrong(name: str, text: bytes, content: int, size: int, says: str) -> None:
    with rw.Queue.create_shared(name, np.dtype("<i8"), capacity=16), memory_of(name) as memory:
        write_name(memory, text)
        write(memory, CONTENT, content)
        write(memory, FIXED_SIZE, size)
        with pytest.raises((errors.LayoutError, errors.TypeMismatch), match=says):
            rw.Queue.attach(name)
        assert next(info.state for info in rw.shared_queues() if info.name == name) in ("live", "damaged")


def test_a_class_that_is_here_does_not_lend_its_layout(name: str) -> None:
    with rw.Queue.create_shared(name, Note, capacity=16), memory_of(name) as memory:
        write(memory, FIXED_SIZE, 8)  # arrays of 8 bytes each, objects too, would seem to fit
        with pytest.raises(errors.LayoutError, match="any number here"):
            rw.Queue.attach(name)
        write(memory, FIXED_SIZE, 0)
        rw.Queue.attach(name).close()


@pytest.mark.parametrize("kind", KINDS)
def test_messages_of_garbage_are_refused_or_decoded(name: str, kind: str) -> None:
    """Slot after slot of random bytes, with lengths up to and beyond the slot."""
    chance = random.Random(kind)
    with (
        rw.Queue.create_shared(name, KINDS[kind], capacity=16, slot_size=80) as queue,
        memory_of(name) as memory,
    ):
        stride = (len(memory) - HEADER) // 16
        for _ in range(60):
            for _ in range(8):
                refused(lambda: queue.send(b"x" if queue.dtype is None else np.zeros(1, queue.dtype)[0]))
            with contextlib.suppress(rw.Error):
                queue.send_many(np.zeros(8, queue.dtype))
            for slot in range(16):
                at = HEADER + slot * stride
                memory[at + 4 : at + 7] = chance.choice(
                    [b"\xff\xff\xff", b"\x40\0\0", b"\x50\0\0", b"\1\0\0"]
                )
                memory[at + 8 : at + stride] = chance.randbytes(stride - 8)
            for _ in range(8):
                refused(lambda: repr(queue.receive(timeout=0)))
            use(queue)


def test_text_of_no_characters_is_refused(name: str) -> None:
    with rw.Queue.create_shared(name, np.dtype("<U2"), capacity=16) as queue, memory_of(name) as memory:
        queue.send("ab")
        memory[HEADER + 8 : HEADER + 16] = b"\xff" * 8
        with pytest.raises(errors.LayoutError, match="has text"):
            queue.receive(timeout=5)
        queue.send("cd")
        assert queue.receive(timeout=5) == "cd"


def mutate(memory: mmap.mmap, original: bytes, chance: random.Random, until: Callable[[], bool]) -> None:
    """Write words of all kinds anywhere, a type here and there; in between for a moment what was right."""
    while not until():
        if chance.random() < 0.5:
            memory[:] = original.ljust(len(memory), b"\0")
            time.sleep(0.01)
        for _ in range(chance.randrange(50)):
            time.sleep(chance.choice([0, 0, 0.001]))
            if chance.random() < 0.1:
                write_name(memory, chance.choice(NAMES))
                write(memory, CONTENT, chance.randrange(4))
                write(memory, FIXED_SIZE, chance.choice([0, 1, 8, 16]))
            else:
                within = len(memory) if chance.random() < 0.5 else chance.choice([128, HEADER])
                at = chance.randrange(within // 4) * 4
                write(memory, at, chance.choice([chance.getrandbits(32), chance.randrange(64), 2**32 - 1, 0]))


def victim(name: str, seconds: float) -> dict[str, int]:
    """Attach and use every verb until the time is over; how often each succeeded."""
    counts: dict[str, int] = {"attached": 0, "refused": 0}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            queue = rw.Queue.attach(name, block_timeout=0.002)
        except rw.Error:
            counts["refused"] += 1
            continue
        counts["attached"] += 1
        for _ in range(3):
            for verb, failed in use(queue).items():
                counts[verb] = counts.get(verb, 0) + (not failed)
        queue.close()
    return counts


SECONDS = 5.0 if os.environ.get("RINGWAY_FULL") else 0.7
SEEDS = range(4 if os.environ.get("RINGWAY_FULL") else 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_writes_anything_ends_nobody(name: str, kind: str, seed: int) -> None:
    policy: Any = ("block", "reject", "drop_new", "drop_oldest")[(seed + list(KINDS).index(kind)) % 4]
    queue = rw.Queue.create_shared(name, KINDS[kind], capacity=16, policy=policy)
    with memory_of(name) as memory:
        original = memory[:HEADER]  # of an empty queue
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", __file__, name, str(SECONDS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            end = time.monotonic() + 60 + 10 * SECONDS
            mutate(
                memory,
                original,
                random.Random(seed),
                lambda: process.poll() is not None or time.monotonic() > end,
            )
        finally:
            process.kill()
        out, error = process.communicate(timeout=20)
        assert process.returncode == 0, f"seed {seed}: {process.returncode}\n{error}"
        counts = json.loads(out)
        assert counts["attached"] > 0
        assert counts["looks"] > 0
        memory[:HEADER] = original
    queue.close()


if __name__ == "__main__":
    print(json.dumps(victim(sys.argv[1], float(sys.argv[2]))))
