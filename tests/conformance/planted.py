"""Plants one fault at a time into the runtime's calls and runs the test that must find it.

    python tests/conformance/planted.py

Prints a line for each fault; the exit status is the number of faults that no test found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import ringway as rw

Wrapper = Callable[..., Any]
FAULTS: dict[str, tuple[type, str, str, Callable[[Wrapper], Wrapper]]] = {}


def fault(owner: Any, method: str, found_by: str) -> Callable[[Callable[[Wrapper], Wrapper]], None]:
    """Register what replaces a method, made from the method itself."""

    def register(make: Callable[[Wrapper], Wrapper]) -> None:
        FAULTS[make.__name__] = (owner, method, found_by, make)

    return register


@fault(rw.Kernel, "send", "test_messages.py::test_each_sender_keeps_its_order")
def loses_a_message(send: Wrapper) -> Wrapper:
    return lambda self, message: message == b"1 300" or send(self, message)


@fault(rw.Kernel, "send", "test_messages.py::test_more_messages_than_slots_keep_their_order")
def sends_a_message_twice(send: Wrapper) -> Wrapper:
    return lambda self, message: send(self, message) and (message != b"999" or send(self, message))


@fault(rw.Kernel, "receive", "test_messages.py::test_more_messages_than_slots_keep_their_order")
def swaps_two_messages(receive: Wrapper) -> Wrapper:
    held: list[Any] = []

    def swapped(self: rw.Kernel, timeout: float | None = None) -> Any:
        if held:
            return held.pop()
        message = receive(self, timeout)
        if message == b"7":
            held.append(message)
            return receive(self, timeout)
        return message

    return swapped


@fault(rw.Kernel, "request", "test_messages.py::test_every_length_comes_back_as_it_was")
def pads_an_answer(request: Wrapper) -> Wrapper:
    def padded(self: rw.Kernel, message: Any, timeout: float | None = None) -> Any:
        answer = request(self, message, timeout)
        return answer + bytes(-len(answer) % 8)

    return padded


@fault(rw.Kernel, "request", "test_requests.py::test_a_thousand_threads_get_their_own_replies")
def mixes_up_replies(request: Wrapper) -> Wrapper:
    last = [b""]

    def mixed(self: rw.Kernel, message: Any, timeout: float | None = None) -> Any:
        last.append(request(self, message, timeout))
        return last[-2] if message == b"500" else last[-1]

    return mixed


@fault(rw.LaunchOptions, "native", "test_options.py")
def ignores_the_policy(native: Wrapper) -> Wrapper:
    return lambda self: native(
        dataclasses.replace(self, policy="drop_new") if self.policy == "reject" else self
    )


@fault(rw.LaunchOptions, "native", "test_options.py")
def ignores_the_capacity(native: Wrapper) -> Wrapper:
    return lambda self: native(dataclasses.replace(self, capacity=32) if self.capacity == 16 else self)


@fault(rw.Kernel, "activate", "test_lifecycle.py::test_transitions")
def activates_what_is_terminated(activate: Wrapper) -> Wrapper:
    return lambda self: None if self.state == "terminated" else activate(self)


@fault(rw.Kernel, "terminate", "test_lifecycle.py::test_terminate_drains_or_discards")
def discards_instead_of_draining(terminate: Wrapper) -> Wrapper:
    return lambda self, drain=True, timeout=5.0: terminate(self, drain=False)


@fault(rw.Runtime, "link", "test_links.py::test_a_chain_keeps_order_and_lengths")
def cuts_the_slots_of_links(link: Wrapper) -> Wrapper:
    return lambda self, source, target, **rest: link(self, source, target, **rest | {"slot_size": 500})


@fault(rw.Kernel, "request", "test_vector_op.py::test_inline")
def adds_one_unit_in_the_last_place(request: Wrapper) -> Wrapper:
    def rounded(self: rw.Kernel, message: Any, timeout: float | None = None) -> Any:
        answer = request(self, message, timeout)
        answer.result = np.nextafter(answer.result, np.float32(np.inf))
        return answer

    return rounded


@fault(rw, "pagerank", "test_pagerank.py::test_ranks")
def damps_a_little_less(pagerank: Wrapper) -> Wrapper:
    return lambda graph, damping=0.85, **rest: pagerank(graph, damping=damping - 1e-6, **rest)


@contextlib.contextmanager
def planted(name: str) -> Iterator[str]:
    owner, method, found_by, make = FAULTS[name]
    with mock.patch.object(owner, method, make(getattr(owner, method))):
        yield found_by


def main() -> int:
    here = Path(__file__).parent
    missed = 0
    receive = rw.Kernel.receive
    # A message that is lost on purpose is not waited for.
    rw.Kernel.receive = lambda self, timeout=None: receive(  # type: ignore[method-assign]
        self, None if timeout is None else min(timeout, 2.0)
    )
    for name in FAULTS:
        output = io.StringIO()
        with planted(name) as found_by, contextlib.redirect_stdout(output):
            only = ["-k", "cpu and not no-assist and not pumped"]
            status = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *only, str(here / found_by)])
        found = status == pytest.ExitCode.TESTS_FAILED
        missed += not found
        print(f"{'found' if found else 'MISSED'}: {name} ({found_by})")
        if not found:
            print(output.getvalue())
    return missed


if __name__ == "__main__":
    sys.exit(main())
