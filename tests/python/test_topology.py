"""Graphs of runtimes: what is in them, and that Graphviz's and Mermaid's languages are met."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import warnings
from pathlib import Path

import pydot
import pytest
import ringway as rw
from ringway import errors
from ringway.cli import main
from ringway.topology import Topology, TopologyEdge, TopologyNode


@rw.message(layout="struct", name="topology.Tick")
class Tick(rw.Message):
    at: rw.i64 = 0


@rw.kernel(outputs=("ticks", "alarms"))
def clock(ctx: rw.Context, msg: Tick, state: Tick) -> None:
    ctx.send("ticks", Tick(msg.at))
    ctx.send("alarms", Tick(msg.at))


def read_dot(text: str) -> pydot.Dot:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pydot's, of the parser that it uses
        (graph,) = pydot.graph_from_dot_data(text)
    return graph


def plant(runtime: rw.Runtime) -> rw.Feed:
    source = runtime.launch(clock, name="clock")
    relay = runtime.launch("relay", name="relay", activate=False)
    echo = runtime.launch("echo", grid=2)
    runtime.link(source, relay, message=Tick)
    runtime.link(source, echo, message=Tick)
    runtime.link(relay, relay)
    return runtime.feed(runtime.queue("jobs", bytes), echo)


def test_nodes_and_edges() -> None:
    with rw.Runtime("cpu", workers=2, name="plant") as runtime:
        feed = plant(runtime)
        seen = runtime.topology()
        assert seen == Topology(
            "plant",
            (
                TopologyNode("clock", "kernel", "", "active"),
                TopologyNode("relay", "kernel", "", "launched"),
                TopologyNode("echo-2", "kernel", "echo × 2 replicas", "active"),
                TopologyNode("jobs", "queue"),
            ),
            (
                TopologyEdge("clock", "relay", "link", "ticks"),
                TopologyEdge("clock", "echo-2", "link", "alarms"),
                TopologyEdge("relay", "relay", "link", "0"),
                TopologyEdge("jobs", "echo-2", "feed"),
            ),
        )
        assert Topology.from_dict(json.loads(json.dumps(seen.to_dict()))) == seen
        feed.stop()
        runtime.kernel("relay").terminate()
        assert [(edge.source, edge.target) for edge in runtime.topology().edges] == [("clock", "echo-2")]
    assert runtime.topology().nodes == ()


def test_of_an_asyncio_runtime() -> None:
    async def nodes() -> list[str]:
        async with rw.AsyncRuntime("cpu", workers=1) as runtime:
            await runtime.launch("echo")
            return [node.name for node in runtime.topology().nodes]

    assert asyncio.run(nodes()) == ["echo-0"]


def test_mermaid() -> None:
    with rw.Runtime("cpu", workers=2) as runtime:
        plant(runtime)
        assert runtime.topology().mermaid() == (
            "flowchart LR\n"
            '  n0["clock<br/>active"]\n'
            '  n1["relay<br/>launched"]\n'
            '  n2["echo-2<br/>echo × 2 replicas, active"]\n'
            '  n3[("jobs")]\n'
            '  n0 -->|"ticks"| n1\n'
            '  n0 -->|"alarms"| n2\n'
            '  n1 -->|"0"| n1\n'
            "  n3 -.-> n2\n"
        )


NASTY = 'a"b\\c\nd #1 <e> & `f` |g|'


def test_names_with_marks_of_the_languages() -> None:
    seen = Topology(NASTY, (TopologyNode(NASTY, "kernel"),), (TopologyEdge(NASTY, NASTY, "link", NASTY),))
    text = seen.mermaid()
    assert len(text.splitlines()) == 3
    for mark in ("\\", "<e>", "`", "|g|", 'a"b'):
        assert mark not in text
    assert "a#34;b#92;c#10;d #35;1 #60;e#62;" in text
    graph = read_dot(seen.dot())
    (edge,) = graph.get_edges()
    assert edge.get_source() == edge.get_destination() == graph.get_name()
    assert [node.get_name() for node in graph.get_nodes() if node.get_name() != "node"] == [graph.get_name()]


def test_dot_is_what_a_parser_of_others_reads() -> None:
    with rw.Runtime("cpu", workers=2, name="plant") as runtime:
        plant(runtime)
        graph = read_dot(runtime.topology().dot())
    assert graph.get_name() == '"plant"'
    assert {(edge.get_source(), edge.get_destination(), edge.get("label")) for edge in graph.get_edges()} == {
        ('"clock"', '"relay"', '"ticks"'),
        ('"clock"', '"echo-2"', '"alarms"'),
        ('"relay"', '"relay"', '"0"'),
        ('"jobs"', '"echo-2"', '""'),
    }
    shapes = {node.get_name(): node.get("shape") for node in graph.get_nodes()}
    assert (shapes['"jobs"'], shapes['"clock"']) == ("cylinder", None)


def fake_dot(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_svg_is_graphvizs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Topology("one", (TopologyNode("é", "kernel"),), ())
    fake_dot(tmp_path, monkeypatch, "assert sys.argv[1:] == ['-Tsvg']; print('<svg>' + sys.stdin.read())")
    assert seen.svg() == f"<svg>{seen.dot()}\n"
    fake_dot(tmp_path, monkeypatch, "sys.exit('no such format')")
    with pytest.raises(errors.Error, match=r"dot -Tsvg ended with 1: no such format"):
        seen.svg()
    (tmp_path / "dot").unlink()
    with pytest.raises(errors.NotFound, match=r"package graphviz, or use Topology.mermaid\(\)"):
        seen.svg()


def test_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with rw.Runtime("cpu", workers=2, name="plant", export=True) as runtime:
        plant(runtime)
        for form in ("mermaid", "dot"):
            assert main(["top", "--graph", form]) == 0
            assert capsys.readouterr().out == getattr(runtime.topology(), form)()
        fake_dot(tmp_path, monkeypatch, "print('<svg/>')")
        assert main(["top", "--graph", "svg"]) == 0
        assert capsys.readouterr().out == "<svg/>\n"
        with rw.Runtime("cpu", workers=1, export=True):
            assert main(["top", "--graph", "mermaid"]) == 0
            assert capsys.readouterr().out.count("flowchart") == 2
            assert main(["top", "--graph", "svg"]) == 1
            assert "draws one runtime, and there are 2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["top", "--graph", "svg", "--json"])
    assert "not allowed with" in capsys.readouterr().err
