"""Where the native log goes: standard error, or Python's ``logging``."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
import threading
import traceback

from ringway import _core
from ringway.arguments import flag, instance
from ringway.errors import InvalidOption

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
_FLUSH_TIME = 2.0  # seconds that the last records have at the interpreter's end
_lock = threading.Lock()
_thread: threading.Thread | None = None


def log_to_logging(level: str | int | None = None) -> None:
    """Give the native log to Python's ``logging``, to the logger ``"ringway"``; at any time, also again.

    Each record has the attributes ``event`` (for example ``"transition"``, ``"failed"``, ``"stuck"``),
    ``kernel`` and ``runtime``, names that are empty where they do not apply. One thread hands the records
    on, so that no kernel ever waits for a handler; when handlers are too slow the oldest of 4,096 go, and a
    warning with the event ``"lost"`` says how many. A child after ``fork()`` logs to standard error until
    it calls this.

    Parameters
    ----------
    level
        ``"debug"``, ``"info"``, ``"warning"`` or ``"silent"``, or a level of ``logging``: what native code
        makes records of. None takes the level that the logger has now.

    Raises
    ------
    InvalidOption
        There is no such level.
    """
    global _thread  # noqa: PLW0603 (one thread for the process)
    _prepare()
    logger = logging.getLogger("ringway")
    _core.set_log_level(_name(logger.getEffectiveLevel() if level is None else level))
    with _lock:
        if _thread is None:
            _core.keep_log(True)
            _thread = threading.Thread(target=_hand_on, args=(logger,), name="ringway log", daemon=True)
            _thread.start()


def log_to_stderr(level: str | int = "info", *, json: bool = False) -> None:
    """Write the native log to standard error, as ``RINGWAY_LOG`` does; at any time, also again.

    Parameters
    ----------
    level
        As for `log_to_logging`; ``"silent"`` ends it.
    json
        Whether lines are JSON objects: ``time`` in seconds since the Unix epoch, ``level``, ``event``,
        ``runtime``, ``kernel``, ``message``.

    Raises
    ------
    InvalidOption
        There is no such level.
    """
    _core.set_log_level(_name(level))
    _core.set_log_json(flag("json", json))
    stop()


def stop() -> None:
    """Hand the last records on, and let the log go to standard error again."""
    global _thread
    with _lock:
        thread, _thread = _thread, None
        _core.keep_log(False)
    if thread is not None and thread is not threading.current_thread():
        thread.join(_FLUSH_TIME)


def _name(level: str | int) -> str:
    if isinstance(level, str):
        return instance("level", level, str).lower()
    if isinstance(level, bool) or not isinstance(level, int):
        raise InvalidOption(
            f"level is {level!r}; it must be debug, info, warning or silent, or a level of logging"
        )
    return next((name for name, number in _LEVELS.items() if level <= number), "silent")


def _hand_on(logger: logging.Logger) -> None:
    over = False
    while not over:
        records, lost, over = _core.take_log()
        if lost:
            text = f"{lost} records of the log are lost: handlers are too slow"
            records.append(("warning", records[-1][1], "lost", "", "", text))
        for record in records:
            try:
                _handle(logger, record)
            except Exception:  # of a user's filter: the log goes on, as logging's own handlers do
                traceback.print_exc(file=sys.stderr)


def _handle(logger: logging.Logger, line: tuple[str, float, str, str, str, str]) -> None:
    level, time, event, kernel, runtime, text = line
    number = _LEVELS[level]
    if not logger.isEnabledFor(number):
        return
    about = {"event": event, "kernel": kernel, "runtime": runtime}
    record = logger.makeRecord(logger.name, number, "ringway", 0, text, (), None, extra=about)
    record.created = time
    record.msecs = time % 1 * 1000
    logger.handle(record)


def _in_child() -> None:
    global _lock, _thread
    _lock, _thread = threading.Lock(), None
    _core.forget_log()


@functools.cache
def _prepare() -> None:
    atexit.register(stop)
    os.register_at_fork(after_in_child=_in_child)
