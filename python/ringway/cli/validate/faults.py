"""Checks of handlers that break or hang."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, demand, exactly
from ringway.errors import HandlerError

TIMEOUT = 5.0


def break_once(kernel: rw.Kernel) -> None:
    """Let the handler break; its caller must hear of it."""
    try:
        kernel.request(b"break", timeout=TIMEOUT)
    except HandlerError:
        return
    raise AssertionError("the handler broke, and its caller got an answer")


def policy(setting: Setting, *, on_error: Any, handled: int) -> Finding:
    """Of two messages before the handler breaks, the state counts as many as the policy keeps."""
    options = rw.LaunchOptions(on_error=on_error, restart_backoff=0.0)
    with setting.runtime() as runtime:
        kernel = runtime.launch("faulty", options=options)
        for _ in range(2):
            kernel.request(b"x", timeout=TIMEOUT)
        break_once(kernel)
        counted = int.from_bytes(kernel.request(b"count", timeout=TIMEOUT), "little")
    return exactly(counted, handled, "messages in its state")


def fail(setting: Setting) -> Finding:
    """The kernel ends, says why, and the others go on."""
    with setting.runtime() as runtime:
        kernel, other = runtime.launch("faulty"), runtime.launch("echo")
        break_once(kernel)
        demand(other.request(b"x", timeout=TIMEOUT) == b"x", "another kernel was harmed")
        demand("told to break" in kernel.failure, f"the reason is {kernel.failure!r}")
        return exactly(int(kernel.state == "failed"), 1, "failed kernel")


def watchdog(setting: Setting) -> Finding:
    """A handler that does not return is named while it hangs, and no longer."""
    with rw.Runtime(setting.backend, assist=False, watchdog=0.05) as runtime:
        kernel = runtime.launch("faulty")
        kernel.send(b"hang 300")
        end = time.monotonic() + TIMEOUT
        while not kernel.stuck and time.monotonic() < end:
            time.sleep(0.002)
        named = int(kernel.stuck)
        kernel.receive(timeout=TIMEOUT)
        while kernel.stuck:
            demand(time.monotonic() < end, "it is still named after its return")
            time.sleep(0.002)
    return exactly(named, 1, "kernel named", "after 0.05 s")


CHECKS = [
    Check("fault-fail", "a breaking handler ends its kernel alone", fail),
    Check("fault-skip", "skipping a message keeps the state", partial(policy, on_error="skip", handled=2)),
    Check("fault-restart", "a restart makes the state new", partial(policy, on_error="restart", handled=0)),
    Check("watchdog", "a handler that hangs is named", watchdog),
]
