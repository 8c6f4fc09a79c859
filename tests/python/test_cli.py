"""The command's frame: exit statuses, one-line errors, clean pipes, plain and drawn output."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys

import pytest
import ringway
from ringway.cli import main
from ringway.cli.console import Console
from ringway.cli.main import describe
from ringway.cli.progress import LineBar, NoBar, Progress
from ringway.cli.table import Table, width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ringway", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_version_is_the_package_s() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"ringway {ringway.__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["info", "--no-such-option"]])
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    captured = capsys.readouterr()
    assert exit_.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("ringway: error: ")
    assert captured.err.count("\n") == 1


def test_info_json_is_only_json() -> None:
    result = run("info", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert facts["ringway"] == ringway.__version__
    assert int(facts["cores"].split()[0]) >= 1
    cpu = next(entry for entry in facts["backends"] if entry["name"] == "cpu")
    assert cpu["present"]
    assert cpu["ring_kernels"]
    assert cpu["dispatches"]
    assert cpu["float64"]
    assert cpu["fast_threads"]
    assert (cpu["parallel"], cpu["most_elements"]) == (0, 0)


def test_info_prints_a_line_for_each_fact() -> None:
    names = [line.split()[0] for line in run("info").stdout.splitlines() if line.startswith("  ")]
    assert names[:4] == ["ringway", "python", "numpy", "compiler"]


def test_a_closed_pipe_ends_without_a_word() -> None:
    command = [sys.executable, "-c", "import sys; from ringway.cli import main; sys.exit(main(['info']))"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.wait(60) == 141


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "a.tsv"), "a.tsv: No such file"),
        (ringway.Error("one\n  two"), "one two"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_an_error_is_one_line(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_plain_table_is_aligned_and_obeys_no_control_character() -> None:
    table = Table(["name", "rank"], right=[1])
    table.add("a\x1b[31m", "1.5")
    table.add("日本", "10.25")
    assert list(table.lines()) == ["name        rank", "a\\x1b[31m    1.5", "日本       10.25"]
    assert width("日本") == 4


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Console(io.StringIO(), io.StringIO()).colour("ok", "green") == "ok"
    assert Console(Terminal(), io.StringIO()).colour("ok", "green") == "\x1b[32mok\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(Terminal(), io.StringIO()).colour("ok", "green") == "ok"


def test_progress_draws_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(Progress(Console(io.StringIO(), io.StringIO()), True).bar, NoBar)
    assert isinstance(Progress(Console(io.StringIO(), Terminal()), False).bar, NoBar)
    monkeypatch.setattr("ringway.cli.progress.find_spec", lambda name: None)
    err = Terminal()
    with Progress(Console(io.StringIO(), err), True) as bar:
        assert isinstance(bar, LineBar)
        bar.update("reading", 0.5, "1 MB")
    assert "reading [############............] 1 MB" in err.getvalue()
    assert err.getvalue().endswith("\r\x1b[K")
