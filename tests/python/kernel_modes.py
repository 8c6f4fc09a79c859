"""Runtimes for one kernel in several modes, one of which calls it as the function it is made of."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import ringway as rw


def copied(message: Any, *, to_change: bool = False) -> Any:
    """A message as it is on the other side of a queue; a state has arrays that can be written."""
    made = type(message).decode(message.encode())
    if to_change:
        for name in made.dtype().names:
            if isinstance(value := getattr(made, name), np.ndarray):
                setattr(made, name, value.copy())
    return made


class CalledRuntime:
    """Handles each message at once, in the order in which messages were sent."""

    def __init__(self) -> None:
        self.waiting: collections.deque[tuple[CalledKernel, Any]] = collections.deque()
        self.busy = False

    def launch(self, kernel: Any, *, state: Any = None) -> CalledKernel:
        return CalledKernel(self, kernel, kernel.state() if state is None else state)

    def link(
        self, source: CalledKernel, target: CalledKernel, *, output: str, message: Any, **_: Any
    ) -> None:
        assert output == source.kernel.outputs[len(source.links)]
        assert message is target.kernel.message
        source.links[output] = target

    def deliver(self, target: CalledKernel, message: Any) -> None:
        self.waiting.append((target, copied(message)))
        if self.busy:
            return
        self.busy = True
        try:
            while self.waiting:
                kernel, first = self.waiting.popleft()
                kernel.kernel(kernel, first, kernel.state)
        finally:
            self.busy = False


class CalledKernel:
    """A kernel's host side, and the context of its handler."""

    def __init__(self, runtime: CalledRuntime, kernel: Any, state: Any) -> None:
        self.runtime, self.kernel, self.state = runtime, kernel, copied(state, to_change=True)
        self.links: dict[str, CalledKernel] = {}
        self.sent: collections.deque[Any] = collections.deque()

    def send(self, *message: Any) -> None:
        """To the kernel from the host, or by a link from the handler."""
        target = self.links[message[0]] if len(message) == 2 else self
        self.runtime.deliver(target, message[-1])

    def request(self, message: Any, timeout: float) -> Any:
        del timeout
        self.send(message)
        return self.sent.pop()

    def emit(self, message: Any) -> None:
        self.sent.append(copied(message))

    reply = emit

    def now_us(self) -> int:
        return 1_700_000_000_000_000

    def receive(self, timeout: float) -> Any:
        del timeout
        return self.sent.popleft()

    def read_state(self) -> Any:
        return copied(self.state)


class MadeAnew(rw.Runtime):
    """Launches kernels as `ringway.kernel` makes them of their functions with certain options."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__("cpu", workers=2)
        self.made_with = options

    def launch(self, kernel: Any, **options: Any) -> Any:
        made = rw.kernel(outputs=kernel.outputs, **self.made_with)(kernel.function)
        return super().launch(made, **options)


# How `ringway.kernel` makes them; None: they are called as functions.
MODES: dict[str, dict[str, Any] | None] = {"native": {}, "called": None}


def runtime_of(mode: str) -> Any:
    """A runtime on which kernels run in that mode."""
    options = MODES[mode]
    return CalledRuntime() if options is None else MadeAnew(options)
