"""Links: kernels pass messages on without the host."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_a_chain_keeps_order_and_lengths(runtime: rw.Runtime, options: Options, hops: int) -> None:
    relays = [runtime.launch("relay", options=options()) for _ in range(hops)]
    echo = runtime.launch("echo", options=options())
    for source, target in zip(relays, [*relays[1:], echo], strict=True):
        runtime.link(source, target, capacity=16, slot_size=600)
    bodies = [bytes([length % 251]) * length for length in range(0, 600, 7)]
    for body in bodies:
        relays[0].send(body)
    assert [echo.receive(timeout=20) for _ in bodies] == bodies
    assert echo.request(b"by the mailbox", timeout=20) == b"by the mailbox"


def test_a_full_link_holds_its_sender_back_and_loses_nothing(
    runtime: rw.Runtime, options: Options, wait_until
) -> None:
    relay = runtime.launch("relay", options=options())
    echo = runtime.launch("echo", options=options(), activate=False)
    runtime.link(relay, echo, capacity=16)
    for number in range(200):
        relay.send(b"%d" % number)
    wait_until(lambda: relay.telemetry().sent == 16)
    assert relay.telemetry().processed == 16
    echo.activate()
    assert [int(echo.receive(timeout=20)) for _ in range(200)] == list(range(200))


def test_what_goes_to_an_ended_kernel_is_counted(runtime: rw.Runtime, options: Options, wait_until) -> None:
    relay = runtime.launch("relay", options=options())
    echo = runtime.launch("echo", options=options(), activate=False)
    runtime.link(relay, echo, capacity=16)
    echo.terminate(drain=False)
    for _ in range(100):
        relay.send(b"x")
    wait_until(lambda: relay.telemetry().processed == 100)
    assert relay.state == "active"


def test_an_output_whose_receiver_was_terminated_is_linked_anew(
    runtime: rw.Runtime, options: Options, wait_until
) -> None:
    relay = runtime.launch("relay", options=options())
    for successor in range(3):
        echo = runtime.launch("echo", name="echo", options=options())
        runtime.link(relay, echo, capacity=16, slot_size=64)
        (link,) = runtime.telemetry().links
        assert (link.source, link.target, link.output) == (relay.name, "echo", 0)
        for number in range(40):
            relay.send(b"%d" % number)
            assert echo.receive(timeout=20) == b"%d" % number
        echo.terminate()
        relay.send(b"lost")
        wait_until(lambda lost=successor + 1: relay.telemetry().dropped["closed"] == lost)
    assert [letter.message for letter in relay.dead_letters()] == [b"lost"] * 3


def test_a_link_takes_kernels_of_one_runtime(runtime: rw.Runtime, backend: str, options: Options) -> None:
    relay = runtime.launch("relay", options=options())
    with rw.Runtime(backend) as other:
        stranger = other.launch("echo", options=options())
        with pytest.raises(errors.InvalidOption, match="belong to this runtime"):
            runtime.link(relay, stranger)
    with pytest.raises(errors.InvalidOption, match="power of two"):
        runtime.link(relay, relay, capacity=17)
