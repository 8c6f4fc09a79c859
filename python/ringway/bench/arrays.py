"""Messages of 64 bytes through queues from Python, many at once: copied, in place, beside what Python has.

Peers: one object per message through queue.SimpleQueue and collections.deque; whole arrays through
both, copied in and out as a queue of values does; and a ring of NumPy copies in
multiprocessing.shared_memory. Before the clock starts, each contestant carries messages of random
bytes, and every byte is compared. While it runs, every batch is checked by the sum of one field.
"Alternating" is one thread that sends a batch and then receives it; "two threads" is one sender and one
receiver, with batches of the same size.
"""

from __future__ import annotations

import collections
import functools
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing import shared_memory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import ringway as rw
from ringway.bench.rows import interleave, row
from ringway.errors import Error

POINT = np.dtype([("id", "<u8"), ("xyz", "<f8", (3,)), ("tag", "S24"), ("sum", "<u8")])
BATCH = 4096
CAPACITY = 2 * BATCH
Records = NDArray[Any]


class Contestant(Protocol):
    """A queue: puts a batch, and takes one as an array that stays valid until the next."""

    def put(self, batch: Records) -> None: ...
    def take(self, check: Callable[[Records], None]) -> None: ...


class Copied:
    def __init__(self) -> None:
        self.queue = rw.Queue(message=POINT, capacity=CAPACITY, block_timeout=60)
        self.out = np.zeros(BATCH, POINT)

    def put(self, batch: Records) -> None:
        self.queue.send_many(batch)

    def take(self, check: Callable[[Records], None]) -> None:
        done = 0
        while done < BATCH:
            done += len(self.queue.receive_many(out=self.out[done:], least=BATCH - done, timeout=60))
        check(self.out)


class InPlace:
    """Written and read where the messages lie; runs are as long as the ring has them."""

    def __init__(self) -> None:
        self.queue = rw.Queue(message=POINT, capacity=CAPACITY, block_timeout=60)

    def put(self, batch: Records) -> None:
        done = 0
        while done < BATCH:
            with self.queue.reserve(BATCH - done) as slots:
                slots[:] = batch[done : done + len(slots)]
                done += len(slots)

    def take(self, check: Callable[[Records], None]) -> None:
        done = 0
        while done < BATCH:
            with self.queue.peek(BATCH - done, timeout=60, least=BATCH - done) as slots:
                check(slots.array)
                done += len(slots)


class Objects:
    """One bytes object per message."""

    def __init__(self, put: Callable[[bytes], Any], get: Callable[[], bytes]) -> None:
        self.put_one, self.get_one = put, get

    def put(self, batch: Records) -> None:
        messages = batch.tobytes()
        for start in range(0, len(messages), 64):
            self.put_one(messages[start : start + 64])

    def take(self, check: Callable[[Records], None]) -> None:
        messages = b"".join(self.get_one() for _ in range(BATCH))
        check(np.frombuffer(messages, POINT))


class Arrays:
    """One array per batch, copied in and out, as a queue of values would."""

    def __init__(self, put: Callable[[Records], Any], get: Callable[[], Records]) -> None:
        self.put_one, self.get_one = put, get
        self.out = np.zeros(BATCH, POINT)

    def put(self, batch: Records) -> None:
        self.put_one(batch.copy())

    def take(self, check: Callable[[Records], None]) -> None:
        self.out.view("V64")[:] = self.get_one().view("V64")
        check(self.out)


class SharedRing:
    """Two halves of shared memory, a semaphore each way: what one writes by hand with multiprocessing."""

    def __init__(self) -> None:
        self.memory = shared_memory.SharedMemory(create=True, size=2 * BATCH * POINT.itemsize)
        self.halves = np.ndarray((2, BATCH), "V64", self.memory.buf)
        self.free, self.full = threading.Semaphore(2), threading.Semaphore(0)
        self.sent = self.received = 0
        self.out = np.zeros(BATCH, POINT)

    def put(self, batch: Records) -> None:
        self.free.acquire()
        self.halves[self.sent % 2] = batch.view("V64")
        self.sent += 1
        self.full.release()

    def take(self, check: Callable[[Records], None]) -> None:
        self.full.acquire()
        self.out.view("V64")[:] = self.halves[self.received % 2]
        self.received += 1
        self.free.release()
        check(self.out)

    def close(self) -> None:
        del self.halves
        self.memory.close()
        self.memory.unlink()


def polling(messages: collections.deque[Any]) -> Callable[[], Any]:
    """Return the next of a deque, which has no wait of its own."""

    def get() -> Any:
        while not messages:
            time.sleep(0)
        return messages.popleft()

    return get


def made_of(kind: type[Objects | Arrays], *, simple: bool) -> Objects | Arrays:
    if simple:
        values: queue.SimpleQueue[Any] = queue.SimpleQueue()
        return kind(values.put, values.get)
    messages: collections.deque[Any] = collections.deque()
    return kind(messages.append, polling(messages))


CONTESTANTS: dict[str, Callable[[], Any]] = {
    "ringway send_many/receive_many": Copied,
    "ringway in place": InPlace,
    "SimpleQueue, object per message": lambda: made_of(Objects, simple=True),
    "deque, object per message": lambda: made_of(Objects, simple=False),
    "SimpleQueue of arrays": lambda: made_of(Arrays, simple=True),
    "deque of arrays": lambda: made_of(Arrays, simple=False),
    "shared_memory ring of NumPy copies": SharedRing,
}


def random_batch(seed: int) -> Records:
    return np.random.default_rng(seed).integers(0, 256, BATCH * POINT.itemsize, np.uint8).view(POINT)


def verify(contestant: Contestant) -> None:
    """Compare every byte of ten batches."""
    for seed in range(10):
        sent = random_batch(seed)
        got: list[Records] = []
        contestant.put(sent)
        contestant.take(lambda batch: got.append(batch.copy()))  # noqa: B023
        if np.concatenate(got).tobytes() != sent.tobytes():
            raise Error(f"{contestant}: the bytes differ")


class Sum:
    """The check under the clock: one field of every message."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, batch: Records) -> None:
        self.total += int(batch["id"].sum())


def rate(make: Callable[[], Any], batches: int, *, threads: bool) -> float:
    """Return millions of messages per second."""
    contestant = make()
    verify(contestant)
    batch, check = np.zeros(BATCH, POINT), Sum()
    batch["id"] = np.arange(BATCH)

    def put_all() -> None:
        for _ in range(batches):
            contestant.put(batch)

    start = time.perf_counter()
    if threads:
        sender = threading.Thread(target=put_all)
        sender.start()
        for _ in range(batches):
            contestant.take(check)
        sender.join()
    else:
        for _ in range(batches):
            contestant.put(batch)
            contestant.take(check)
    seconds = time.perf_counter() - start
    if check.total != batches * BATCH * (BATCH - 1) // 2:
        raise Error(f"{contestant}: a sum differs")
    if hasattr(contestant, "close"):
        contestant.close()
    return batches * BATCH / seconds / 1e6


def measure(repeats: int, messages: int) -> list[dict[str, Any]]:
    """Rows of every contestant, with one thread and with two; of objects a tenth of the messages."""
    rows = []
    for threads in (False, True):
        what = "64 B messages, " + ("two threads" if threads else "alternating")
        runs = {}
        for name, make in CONTESTANTS.items():
            batches = max(1, messages // (10 if "object" in name else 1) // BATCH)
            runs[name] = functools.partial(rate, make, batches, threads=threads)
        rows += [row(what, name, "M/s", samples) for name, samples in interleave(runs, repeats).items()]
    return rows
