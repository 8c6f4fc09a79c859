"""Requests: every caller its own reply, late answers, time-outs, errors of the handler."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import ringway as rw
from ringway import errors
from ringway.pagerank_messages import Action, PageRankControl

Options = Callable[..., rw.LaunchOptions]


def test_a_thousand_threads_get_their_own_replies(runtime: rw.Runtime, options: Options, wait_until) -> None:
    echo = runtime.launch("echo", options=options(), activate=False)
    with ThreadPoolExecutor(1000) as pool:
        answers = [pool.submit(echo.request, b"%d" % number, 60) for number in range(1000)]
        wait_until(lambda: echo.telemetry().depth == 1000)
        echo.activate()
        assert [answer.result(60) for answer in answers] == [b"%d" % number for number in range(1000)]
    assert echo.telemetry().processed == 1000


def test_requests_and_sends_do_not_mix(runtime: rw.Runtime, options: Options) -> None:
    echo = runtime.launch("echo", options=options())
    for number in range(100):
        echo.send(b"sent %d" % number)
        assert echo.request(b"asked %d" % number, timeout=20) == b"asked %d" % number
    assert [echo.receive(timeout=20) for _ in range(100)] == [b"sent %d" % number for number in range(100)]


def test_a_late_answer_is_dropped_and_counted(runtime: rw.Runtime, options: Options, wait_until) -> None:
    echo = runtime.launch("echo", options=options(), activate=False)
    for _ in range(3):
        with pytest.raises(errors.Timeout, match="launched"):
            echo.request(b"late", timeout=0.01)
    echo.activate()
    assert echo.request(b"own", timeout=20) == b"own"
    wait_until(lambda: echo.telemetry().dropped["late"] == 3)


def test_an_error_of_the_handler_is_raised_at_its_caller(runtime: rw.Runtime, options: Options) -> None:
    checker = runtime.launch("pagerank.checker", options=options())
    start = PageRankControl(99, 99, 99, Action.START, 1, 1, 0, 0.0)  # handles of no buffer
    for _ in range(3):
        with pytest.raises(errors.HandlerError, match=r"failed on message [0-9a-f-]{36}: .*no buffer"):
            checker.request(start, timeout=20)
    assert checker.telemetry().errors == 3
    assert checker.state == "active"


@pytest.mark.parametrize("call", ["receive", "request", "send"])
def test_ctrl_c_ends_a_wait(full, call: str) -> None:
    kernel, _, _ = full(block_timeout=60.0)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    arguments = {"timeout": 60} if call == "receive" else {"message": b"x"}
    with pytest.raises(KeyboardInterrupt):
        getattr(kernel, call)(**arguments)
    timer.join()
