"""The native log in Python's logging and on standard error, in both forms."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import ringway as rw
from ringway import errors, logs


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)

    def next(self, event: str) -> logging.LogRecord:
        while True:
            record = self.records.get(timeout=20)
            if vars(record)["event"] == event:
                return record


@pytest.fixture
def handler() -> Iterator[Kept]:
    logger = logging.getLogger("ringway")
    kept = Kept()
    logger.addHandler(kept)
    logger.setLevel(logging.DEBUG)
    yield kept
    rw.log_to_stderr("silent")
    logger.removeHandler(kept)
    logger.setLevel(logging.NOTSET)


def test_records_have_fields_and_the_time_of_the_event(handler: Kept) -> None:
    rw.log_to_logging("debug")
    with rw.Runtime(workers=1, name="the runtime") as runtime:
        runtime.launch("echo", name="the kernel")
        record = handler.next("transition")
        assert vars(record)["kernel"] == "the kernel"
        assert vars(record)["runtime"] == "the runtime" == runtime.name
        assert record.levelno == logging.INFO
        assert record.name == "ringway"
        assert record.getMessage() == "kernel 'the kernel': launched -> active"
        assert abs(record.created - time.time()) < 60
    assert vars(handler.next("closed"))["kernel"] == ""


def test_failures_are_warnings_at_their_kernel(handler: Kept) -> None:
    rw.log_to_logging("warning")
    with rw.Runtime(workers=1) as runtime:
        kernel = runtime.launch("faulty", name="breaks")
        with pytest.raises(errors.HandlerError):
            kernel.request(b"break", timeout=20)
        record = handler.records.get(timeout=20)
        assert (record.levelno, vars(record)["kernel"]) == (logging.WARNING, "breaks")


def test_the_level_is_the_loggers_and_changes_at_run_time(handler: Kept) -> None:
    logging.getLogger("ringway").setLevel(logging.INFO)
    rw.log_to_logging()
    with rw.Runtime(workers=1) as runtime:
        runtime.launch("echo", name="first")
        assert vars(handler.records.get(timeout=20))["event"] == "started"
        assert vars(handler.records.get(timeout=20))["event"] == "transition"  # "launched" is for debug
        rw.log_to_logging("silent")
        runtime.launch("echo", name="unheard")
        rw.log_to_logging(logging.INFO)
        runtime.launch("echo", name="second")
        assert vars(handler.records.get(timeout=20))["kernel"] == "second"


@pytest.mark.parametrize("level", ["loud", "", True, 2.5, []])
def test_a_wrong_level_is_refused(level: object) -> None:
    with pytest.raises(errors.InvalidOption, match="it must be debug, info, warning or silent"):
        rw.log_to_logging(level)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidOption):
        rw.log_to_stderr(level)  # type: ignore[arg-type]


def test_a_handler_that_is_slow_loses_the_oldest_and_says_so(handler: Kept) -> None:
    import threading

    go_on = threading.Event()
    handler.addFilter(lambda record: go_on.wait(20))
    rw.log_to_logging("info")
    with rw.Runtime(workers=1) as runtime:
        kernel = runtime.launch("echo")
        for _ in range(5000):  # the thread may have taken 4,096 records before it came to the first
            kernel.deactivate()
            kernel.activate()
    go_on.set()
    assert "records of the log are lost" in handler.next("lost").getMessage()


def test_a_filter_that_raises_ends_nothing(handler: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(record: logging.LogRecord) -> bool:
        if vars(record)["event"] == "started":
            raise RuntimeError("broken filter")
        return True

    handler.addFilter(broken)
    rw.log_to_logging("info")
    with rw.Runtime(workers=1) as runtime:
        runtime.launch("echo", name="after")
        assert vars(handler.next("transition"))["kernel"] == "after"
    logs.stop()
    assert "broken filter" in capsys.readouterr().err


PROGRAM = """
import ringway as rw
rw.log_to_stderr("debug", json=True)
with rw.Runtime(workers=1, name="one") as runtime:
    runtime.launch("echo", name='a "b"\\\\\\n\\u00e9')
rw.log_to_stderr("silent")
rw.Runtime(workers=1).close()
"""


def test_lines_on_the_error_stream_are_json() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["started", "launched", "transition", "transition", "closed"]
    assert lines[1]["kernel"] == 'a "b"\\\né'
    assert {line["runtime"] for line in lines} == {"one"}
    assert lines[1]["time"] > 1.7e9
    assert lines[2]["level"] == "info"


def test_the_environment_chooses_the_form() -> None:
    program = "import ringway as rw; rw.Runtime(workers=1).close()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "RINGWAY_LOG": "info", "RINGWAY_LOG_FORMAT": "json"},
    )
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["started", "closed"]


AT_EXIT = """
import logging, os, sys
import ringway as rw
logging.basicConfig(stream=sys.stdout, format="%(event)s %(kernel)s", level=logging.INFO)
rw.log_to_logging()
runtime = rw.Runtime(workers=1)
runtime.launch("echo", name="k")
child = os.fork()
if not child:
    rw.log_to_logging()
    rw.Runtime(workers=1).close()
    rw.log_to_stderr("silent")
    os._exit(0)
os.waitpid(child, 0)
"""


def test_the_last_records_come_before_the_interpreter_ends_and_a_child_has_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "transition k" in lines
    assert lines.count("started") == 2
