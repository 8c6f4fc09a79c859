"""Plants one fault at a time into the runtime's calls and runs the test that must find it.

    python tests/conformance/planted.py

Each is planted in every mode of the CPU that its test runs in. Prints a line for each fault; the exit
status is the number of faults that no test found.
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
from ringway import errors
from ringway.device import DeviceKernel

Wrapper = Callable[..., Any]
# How a test says that something is wrong; another exception is a fault of the fault.
FINDINGS = (AssertionError, pytest.fail.Exception, rw.Error)
MODES = ("not no-assist and not pumped", "no-assist", "pumped")
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


@fault(rw.Kernel, "receive", "test_links.py::test_a_chain_keeps_order_and_lengths")
def swaps_what_links_bring(receive: Wrapper) -> Wrapper:
    held: list[Any] = []

    def swapped(self: rw.Kernel, timeout: float | None = None) -> Any:
        if held:
            return held.pop()
        message = receive(self, timeout)
        if len(message) == 70:
            held.append(message)
            return receive(self, timeout)
        return message

    return swapped


@fault(rw.Kernel, "request", "test_faults.py::test_skip_keeps_state_and_messages")
def hides_an_error_of_the_handler(request: Wrapper) -> Wrapper:
    def hidden(self: rw.Kernel, message: Any, timeout: float | None = None) -> Any:
        try:
            return request(self, message, timeout)
        except errors.HandlerError:
            return message

    return hidden


@fault(rw.LaunchOptions, "native", "test_faults.py::test_restart_makes_the_state_new_and_keeps_messages")
def keeps_the_state_at_a_restart(native: Wrapper) -> Wrapper:
    return lambda self: native(
        dataclasses.replace(self, on_error="skip") if self.on_error == "restart" else self
    )


@fault(rw.Runtime, "launch", "test_grid.py::test_out_of_range_is_named")
def launches_one_replica_for_all(launch: Wrapper) -> Wrapper:
    return lambda self, kernel, grid=1, **rest: launch(self, kernel, grid=min(grid, 1), **rest)


@fault(rw.LaunchOptions, "native", "test_mailbox_options.py::TestLanes::test_on_serves_the_highest_first")
def ignores_lanes(native: Wrapper) -> Wrapper:
    return lambda self: native(dataclasses.replace(self, lanes=False) if self.lanes else self)


@fault(
    rw.LaunchOptions,
    "native",
    "test_mailbox_options.py::TestDedup::test_asker_of_a_duplicate_gets_an_error",
)
def ignores_the_dedup_window(native: Wrapper) -> Wrapper:
    return lambda self: native(dataclasses.replace(self, dedup=0) if self.dedup else self)


@fault(rw.Kernel, "send", "test_mailbox_options.py::TestTimeToLive::test_of_one_message")
def ignores_the_time_to_live(send: Wrapper) -> Wrapper:
    return lambda self, message, ttl=None, **rest: send(self, message, **rest)


@fault(rw.Kernel, "dead_letters", "test_dead_letters.py::test_drop_oldest")
def forgets_a_dead_letter(dead_letters: Wrapper) -> Wrapper:
    return lambda self, **rest: dead_letters(self, **rest)[:-1]


@fault(rw.Kernel, "resend", "test_dead_letters.py::test_left_over_at_termination_and_sent_again")
def resends_nothing(resend: Wrapper) -> Wrapper:
    return lambda self, letter: True


@fault(rw.LaunchOptions, "native", "test_telemetry.py::test_telemetry_option_is_honoured")
def counts_though_told_not_to(native: Wrapper) -> Wrapper:
    return lambda self: native(self if self.telemetry else dataclasses.replace(self, telemetry=True))


@fault(rw.LaunchOptions, "native", "test_telemetry.py::test_latency_sample_is_honoured")
def times_every_message(native: Wrapper) -> Wrapper:
    return lambda self: native(
        self if self.latency_sample == 1 else dataclasses.replace(self, latency_sample=1)
    )


@fault(rw.Runtime, "__init__", "test_watchdog.py::test_without_a_watchdog_closing_waits")
def watches_though_told_not_to(init: Wrapper) -> Wrapper:
    return lambda self, *backend, **rest: init(self, *backend, **rest | {"watchdog": 0.02})


@fault(rw.LaunchOptions, "native", "test_options.py::test_prefault_takes_the_pages_at_launch")
def takes_no_page_at_launch(native: Wrapper) -> Wrapper:
    return lambda self: native(dataclasses.replace(self, prefault=False) if self.prefault else self)


@fault(rw.Queue, "receive_many", "test_queue_arrays.py::test_receive_many_takes_what_there_is")
def loses_the_last_of_an_array(receive_many: Wrapper) -> Wrapper:
    return lambda self, *n, **rest: receive_many(self, *n, **rest)[:-1]


@fault(rw.Queue, "close", "test_queues.py::test_a_closed_queue_gives_what_is_left_and_then_ends")
def discards_what_a_closed_queue_holds(close: Wrapper) -> Wrapper:
    return lambda self, **_: close(self, discard=True)


@fault(DeviceKernel, "__call__", "test_dispatch.py::test_thread_id")
def leaves_out_the_last_thread(call: Wrapper) -> Wrapper:
    def fewer(self: DeviceKernel, *arguments: Any, threads: Any = None, **rest: Any) -> Any:
        return call(self, *arguments, threads=threads - 1 if isinstance(threads, int) else threads, **rest)

    return fewer


@fault(DeviceKernel, "__call__", "test_dispatch.py::test_a_device_agrees_with_the_cpu")
def doubles_a_result_on_the_device(call: Wrapper) -> Wrapper:
    def doubled(self: DeviceKernel, *arguments: Any, **grid: Any) -> None:
        call(self, *arguments, **grid)
        if self._device.workers > 1:
            out = np.asarray(arguments[0 if self.name in ("thread_id", "double_in_place") else 1])
            out *= 2

    return doubled


@fault(DeviceKernel, "__call__", "test_dispatch_errors.py::test_vector_add")
def runs_what_does_not_fit(call: Wrapper) -> Wrapper:
    def silent(self: DeviceKernel, *arguments: Any, **grid: Any) -> None:
        with contextlib.suppress(errors.DispatchError):
            call(self, *arguments, **grid)

    return silent


@fault(DeviceKernel, "start", "test_dispatch_waits.py::test_a_time_out_leaves_it_running")
def waits_where_it_should_start(start: Wrapper) -> Wrapper:
    def ended(self: DeviceKernel, *arguments: Any, **grid: Any) -> Any:
        dispatch = start(self, *arguments, **grid)
        dispatch.wait()
        return dispatch

    return ended


@contextlib.contextmanager
def planted(name: str) -> Iterator[str]:
    owner, method, found_by, make = FAULTS[name]
    with mock.patch.object(owner, method, make(getattr(owner, method))):
        yield found_by


class Seen:
    """What became of the tests of one run."""

    def __init__(self) -> None:
        self.passed = 0
        self.raised: list[type[BaseException]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        assert call.excinfo is not None
        self.raised.append(call.excinfo.type)


def finds(test: Path, mode: str) -> bool:
    """Whether the test fails in a mode, by what it asserts; one that has no such mode is found in another."""
    seen = Seen()
    pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-k", f"cpu and {mode}", str(test)], [seen])
    if not seen.raised and not seen.passed and mode != MODES[0]:
        return True
    return bool(seen.raised) and issubclass(seen.raised[0], FINDINGS)


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
            found = all(finds(here / found_by, mode) for mode in MODES)
        missed += not found
        print(f"{'found' if found else 'MISSED'}: {name} ({found_by})")
        if not found:
            print(output.getvalue())
    return missed


if __name__ == "__main__":
    sys.exit(main())
