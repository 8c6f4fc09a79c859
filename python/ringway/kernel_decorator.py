"""``@ringway.kernel``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, overload

from ringway.compiled.kernel import State, TranslatedKernel
from ringway.errors import InvalidOption, KernelError
from ringway.interpreted.kernel import InterpretedKernel
from ringway.user_kernels import names_of

MODES = ("native", "python")
THREADS = ("own", "any")


@overload
def kernel(function: Callable[[Any, Any, State], None], /) -> TranslatedKernel[State]: ...
@overload
def kernel(
    *,
    mode: Literal["native"] = "native",
    outputs: Sequence[str] | None = None,
    counters: Sequence[str] | None = None,
) -> Callable[[Callable[[Any, Any, State], None]], TranslatedKernel[State]]: ...
@overload
def kernel(
    *,
    mode: Literal["python"],
    outputs: Sequence[str] | None = None,
    counters: Sequence[str] | None = None,
    thread: Literal["own", "any"] = "own",
) -> Callable[[Callable[[Any, Any, Any], Awaitable[None] | None]], InterpretedKernel]: ...
def kernel(
    function: Any = None,
    *,
    mode: Literal["native", "python"] = "native",
    outputs: Sequence[str] | None = None,
    counters: Sequence[str] | None = None,
    thread: Literal["own", "any"] = "own",
) -> Any:
    """Make a function ``f(ctx, msg: Message, state: State) -> None`` into a kernel.

    Parameters
    ----------
    mode
        ``"native"``: the function is translated to C++ and compiled. Message and state are classes made by
        ``@ringway.message(layout="struct")``; the state's defaults are what it begins with. The function may
        use numbers, fields and fixed arrays of them, locals, ``if``, ``for`` over ranges and arrays,
        ``while``, ``raise`` and ``assert`` with a text, functions of the module whose parameters and result
        are annotated, numbers of the module, which are frozen here, `math`, and its `Context`. Arithmetic is
        NumPy's, but that an integer with an ``f32`` is an ``f32``; integers wrap.

        ``"python"``: Python runs the function, on a thread of the kernel's own. It may do anything, and be an
        ``async def``. The message may be of any class, or of several (``A | B``); without an annotation, or
        with another one, it is whatever is sent. The state is an object of the annotated class, made without
        arguments. What the native mode translates does the same here.
    outputs
        Names of the links out of it, in the order of `Runtime.link`; None: as the function names them first.
    counters
        Names of what it counts by `Context.count`; None: those that the function names.
    thread
        With ``mode="python"``: ``"own"`` keeps the handler on a thread of its own; under ``"any"`` a thread
        that waits in `Kernel.request` or `Kernel.receive` may run it, which answers sooner. Not for an
        ``async def``, or for what belongs to a thread.

    Raises
    ------
    KernelError
        What the function does has no meaning in a kernel of that mode; the text names file, line and column.
    InvalidOption
        There is no such mode or thread, or ``outputs`` or ``counters`` are no names.

    See Also
    --------
    ringway.kernel_timers.HasTimers.timer : what is called at whole periods, beside the messages.
    """
    if not isinstance(mode, str) or mode not in MODES:
        raise InvalidOption(f"mode is {mode!r}; it must be 'native' or 'python'")
    if not isinstance(thread, str) or thread not in THREADS:
        raise InvalidOption(f"thread is {thread!r}; it must be 'own' or 'any'")
    if mode == "native" and thread == "any":
        raise InvalidOption("thread is 'any'; a compiled kernel runs on any thread as it is: leave it out")
    names = None if outputs is None else names_of(outputs)
    counted = None if counters is None else names_of(counters, "counters", "counter")

    def made(found: Any) -> Any:
        if mode == "native":
            return TranslatedKernel(found, names, counted)
        return InterpretedKernel(found, names, counted, thread)

    if function is None:
        return made
    if not callable(function):
        raise KernelError(f"{function!r} is no function; write @ringway.kernel above def f(ctx, msg, state)")
    return made(function)
