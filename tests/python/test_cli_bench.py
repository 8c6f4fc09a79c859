"""``ringway bench``: every part runs and checks what it measures; JSON, table and picture."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import ringway as rw
from ringway.bench import codec, round_trips
from ringway.cli import bench, main
from ringway.cli.machine import usable_cores
from ringway.errors import Error

TWO_CORES = pytest.mark.skipif(usable_cores() < 2, reason="two threads that spin need 2 cores")
QUICK = ["--repeats", "2", "--scale", "0.001"]


class Entry(SimpleNamespace):
    """What a backend says of itself."""

    def __init__(self, name: str, dispatches: bool = True) -> None:
        super().__init__(name=name, absent="", ring_kernels=True, dispatches=dispatches)


@pytest.mark.parametrize(
    ("part", "contestant", "unit"),
    [
        pytest.param("queue", "slot queue", "ns", marks=TWO_CORES),
        ("runtime", "ringway, pumped bridge", "us"),
        ("codec", "native", "ns"),
        ("arrays", "ringway in place", "M/s"),
        ("dispatch", "plain loop", "ns/element"),
        ("pagerank", "ringway float64", "µs"),
    ],
)
def test_each_part_as_json(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    contestant: str,
    unit: str,
) -> None:
    monkeypatch.setattr(round_trips, "WARM_UP", 10)
    assert main(["bench", part, "--json", *QUICK]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["machine"]["cores"] > 0
    assert "ringway" in content["versions"]
    rows = [row for row in content["rows"] if row["contestant"] == contestant]
    assert rows
    for row in rows:
        assert row["unit"] == unit
        assert 0 < row["min"] <= row["median"] <= row["max"]
        assert len(row["samples"]) == 2


def test_the_table_compares_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "codec", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["what", "contestant", "median"]
    assert lines[0].endswith("to first")
    assert any("encode VectorRequest, 25 floats" in line for line in lines)


def test_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "bench.png"
    assert main(["bench", "pagerank", *QUICK, "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wrong", "text"), [(["nothing"], "there is no part 'nothing'"), (["--repeats", "0"], "--repeats")]
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], wrong: list[str], text: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", *wrong])
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("part", ["queue", "arrays", "codec"])
def test_parts_without_kernels_run_on_no_other_backend(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(bench._core, "backends", lambda: [Entry("other")])
    monkeypatch.setattr(bench, "backend_names", lambda: ("other",))
    with pytest.raises(SystemExit, match="2"):
        main(["bench", part, "--backend", "other"])
    text = capsys.readouterr().err
    assert f"part '{part}' cannot run on backend 'other': it runs no kernels" in text


def test_only_what_a_backend_can_do_is_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []

    def measured(part: str, repeats: int, scale: float, backend: str) -> list[object]:
        ran.append((part, backend))
        return []

    monkeypatch.setattr(bench._core, "backends", lambda: [Entry("other", dispatches=False)])
    monkeypatch.setattr(bench, "backend_names", lambda: ("other",))
    monkeypatch.setattr(bench, "measured", measured)
    assert main(["bench", "--backend", "other", "--json"]) == 0
    assert ran == [("runtime", "other"), ("pagerank", "other")]
    captured = capsys.readouterr()
    assert "dispatch: left out, the backend has no dispatches" in captured.err
    assert json.loads(captured.out)["backend"] == "other"


def test_an_absent_backend_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    absent = [name for name, reason in rw.backends().items() if reason]
    for name in absent:
        assert main(["bench", "runtime", "--backend", name]) == 1
        assert f"backend '{name}'" in capsys.readouterr().err


def test_wrong_answers_stop_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Error, match="differs from its request"):
        round_trips.trips(lambda: b"other", 1)
    vector = codec.messages()["1,000 floats"]
    monkeypatch.setattr(codec.Vector, "decode", lambda wire: None)
    with pytest.raises(Error, match="not what was encoded"):
        codec.contestants(vector, None)
