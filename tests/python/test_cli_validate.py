"""``ringway validate``: its lines, totals and exit statuses, and that its checks can fail."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
import ringway as rw
from ringway.cli import main, validate
from ringway.cli.validate import every, mailboxes, speed
from ringway.cli.validate.check import Check, Finding, Setting, Skip, above, below, exactly

Captured = pytest.CaptureFixture[str]
TIMED = {check.name for check in every.CHECKS if check.measured}
EXACT = [check for check in every.CHECKS if not check.measured]
ASKED = {
    *("codec", "queue-types", "queue-oversize"),
    *("queue-named", "queue-arrays", "queue-in-place", "queue-shared"),
    *("policy-block", "policy-reject", "policy-drop-new", "policy-drop-oldest"),
    *("lanes", "dedup", "ttl", "dead-letters", "bridge-pumped"),
    *("dispatch-thread-id", "dispatch-groups", "dispatch-vector-add", "dispatch-vector-scale"),
    *(
        "dispatch-reduce-sum",
        "dispatch-matrix-multiply",
        "dispatch-double-in-place",
        "dispatch-scan-histogram",
    ),
    *("lifecycle", "telemetry", "telemetry-latency", "fault-fail", "fault-skip", "fault-restart", "watchdog"),
    *("memory-kernel", "memory-queue", "pagerank-cycle", "pagerank-direct"),
}


def good(setting: Setting) -> Finding:
    return below(1, 2, "ms")


def bad(setting: Setting) -> Finding:
    return above(1, 2, "M/s")


def broken(setting: Setting) -> Finding:
    raise ValueError("a reason")


def meaningless(setting: Setting) -> Finding:
    raise Skip("one core")


def with_checks(monkeypatch: pytest.MonkeyPatch, *runs: object) -> None:
    checks = [Check(run.__name__, f"the {run.__name__} one", run) for run in runs]  # type: ignore[attr-defined,arg-type]
    monkeypatch.setattr(every, "CHECKS", checks)


def test_a_line_for_each_check_and_the_totals_last(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    with_checks(monkeypatch, good, bad, broken, meaningless)
    assert main(["validate"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "FAIL", "FAIL", "skip", "1"]
    assert "1 ms" in lines[0]
    assert "limit < 2 ms" in lines[0]
    assert "ValueError: a reason" in lines[2]
    assert "one core" in lines[3]
    assert lines[-1] == "1 passed, 2 failed, 1 skipped"


def test_status_is_0_and_skips_are_silent_when_all_is_well(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with_checks(monkeypatch, good)
    assert main(["validate"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"


def test_json_has_every_value(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    with_checks(monkeypatch, good, broken)
    assert main(["validate", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["passed"], document["failed"], document["skipped"]) == (1, 1, 0)
    assert not rw.backends()[document["backend"]]
    first = document["checks"][0]
    assert (first["name"], first["status"], first["value"], first["unit"], first["limit"]) == (
        "good", "ok", 1, "ms", "< 2",
    )  # fmt: skip


def test_only_and_list(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    with_checks(monkeypatch, good, bad)
    assert main(["validate", "--only", "goo*"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"
    assert main(["validate", "--list"]) == 0
    assert re.findall(r"^\S+", capsys.readouterr().out, re.MULTILINE) == ["good", "bad"]
    with pytest.raises(SystemExit) as exit_:
        main(["validate", "--only", "none"])
    assert exit_.value.code == 2
    assert "no check has that name" in capsys.readouterr().err


def test_an_absent_backend_is_an_error_with_its_reason(capsys: Captured) -> None:
    absent = next(name for name, reason in rw.backends().items() if reason)
    assert main(["validate", "--backend", absent]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ringway: error: ")


def test_limits_are_limits() -> None:
    assert not below(2, 2, "").passed
    assert not above(2, 2, "").passed
    assert not exactly(2, 3, "").passed
    assert not below(math.nan, 1, "").passed


def test_every_check_asked_for_is_there() -> None:
    names = [check.name for check in every.CHECKS]
    assert len(set(names)) == len(names)
    assert set(names) >= ASKED | TIMED
    assert len([name for name in names if name.startswith("vector-")]) == 12


@pytest.mark.parametrize("check", EXACT, ids=[check.name for check in EXACT])
def test_exact_checks_pass_here(check: Check, backend: str) -> None:
    try:
        finding = check.run(Setting(backend))
    except Skip as reason:  # a level that the backend lacks; none is needed for mailboxes
        if backend == "cpu" or check in mailboxes.CHECKS:
            raise
        pytest.skip(f"{backend}: {reason}")
    assert finding.passed


@pytest.mark.parametrize("name", sorted(TIMED))
def test_timed_checks_measure_something(name: str) -> None:
    check = next(check for check in every.CHECKS if check.name == name)
    report = validate.outcome(check, Setting("cpu"))
    assert report["status"] == "skip" or report["value"] > 0 or name in ("idle", "memory-kernel")


def test_exact_leaves_out_what_is_measured(capsys: Captured) -> None:
    assert main(["validate", "--exact", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all((check.name in listed.split()) != check.measured for check in every.CHECKS)


def test_exact_and_only_measured_ones_is_refused(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "--exact", "--only", "idle"])
    assert "--exact leaves none of idle" in capsys.readouterr().err


def test_one_core_skips_what_needs_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "usable_cores", lambda: 1)
    report = validate.outcome(speed.CHECKS[0], Setting("cpu"))
    assert (report["status"], report["note"]) == ("skip", "needs 2 cores, this process may use 1")


def test_a_message_that_arrives_changed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringway._core.selftest_throughput", lambda messages, batch: (1e-3, 3))
    report = validate.outcome(speed.CHECKS[0], Setting("cpu"))
    assert report["status"] == "FAIL"
    assert "messages arrived with other bytes" in report["note"]


@pytest.mark.parametrize(
    ("name", "field", "instead"),
    [
        ("policy-block", "policy", "drop_new"),
        ("policy-reject", "policy", "drop_new"),
        ("policy-drop-new", "policy", "drop_oldest"),
        ("policy-drop-oldest", "policy", "drop_new"),
        ("lanes", "lanes", False),
        ("dedup", "dedup", 0),
        ("dead-letters", "dead_letters", 0),
        ("telemetry-latency", "latency_sample", 64),
        ("fault-skip", "on_error", "restart"),
        ("fault-restart", "on_error", "skip"),
    ],
)
def test_an_option_that_is_ignored_fails_its_check(
    monkeypatch: pytest.MonkeyPatch, name: str, field: str, instead: object
) -> None:
    native = rw.LaunchOptions.native

    def ignoring(self: rw.LaunchOptions) -> object:
        return native(
            self if getattr(self, field) == instead else dataclasses.replace(self, **{field: instead})
        )

    monkeypatch.setattr(rw.LaunchOptions, "native", ignoring)
    check = next(check for check in every.CHECKS if check.name == name)
    assert validate.outcome(check, Setting("cpu"))["status"] == "FAIL"
