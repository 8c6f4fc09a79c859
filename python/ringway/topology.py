"""What is connected to what: the kernels and queues of a runtime as a graph, and how it is drawn."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ringway import _core
from ringway.errors import Error, InvalidOption, NotFound
from ringway.groups import STRATEGIES

DRAWING_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class TopologyNode:
    """A kernel or a named queue.

    ``text`` is what the kernel was launched from, with its replicas where it has several; ``state`` the
    kernel's, empty for a queue; ``replacements`` how many times another kernel took its place.
    """

    name: str
    kind: Literal["kernel", "queue"]
    text: str = ""
    state: str = ""
    replacements: int = 0


@dataclasses.dataclass(frozen=True)
class TopologyEdge:
    """A link between kernels, a feed between a queue and a kernel, or what a topic's queue hands to one.

    ``text`` names a link's output where it has a name, and is its number, from 0, where it has none; empty
    for the others.
    """

    source: str
    target: str
    kind: Literal["link", "feed", "topic"]
    text: str = ""


@dataclasses.dataclass(frozen=True)
class TopologyGroup:
    """Kernels that restart and fail together: a `Group`, with the members that are nodes."""

    name: str
    strategy: str
    members: Sequence[str]
    restarts: int = 0
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Topology:
    """A graph of kernels and queues, links, feeds and groups, as `Runtime.topology` found them."""

    runtime: str
    nodes: Sequence[TopologyNode]
    edges: Sequence[TopologyEdge]
    groups: Sequence[TopologyGroup] = ()

    def mermaid(self) -> str:
        """Return it as a flowchart of Mermaid, which Markdown on GitHub, GitLab and other sites draws."""
        ids = {node.name: f"n{number}" for number, node in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        for node in self.nodes:
            text = "<br/>".join(_mermaid_text(line) for line in _label(node))
            shape = f'[("{text}")]' if node.kind == "queue" else f'["{text}"]'
            lines.append(f"  {ids[node.name]}{shape}")
        for edge in self.edges:
            arrow = "-->" if edge.kind == "link" else "-.->"
            text = f'|"{_mermaid_text(edge.text)}"|' if edge.text else ""
            lines.append(f"  {ids[edge.source]} {arrow}{text} {ids[edge.target]}")
        for number, group in enumerate(self.groups):
            lines.append(f'  subgraph g{number}["{_mermaid_text(_title(group))}"]')
            lines += [f"    {ids[member]}" for member in group.members]
            lines.append("  end")
        return "\n".join(lines) + "\n"

    def dot(self) -> str:
        """Return it in the DOT language of Graphviz."""
        lines = [f"digraph {_dot_text(self.runtime)} {{", "  rankdir=LR;", "  node [shape=box];"]
        for node in self.nodes:
            shape = ", shape=cylinder" if node.kind == "queue" else ""
            label = _dot_text("\n".join(_label(node)))
            lines.append(f"  {_dot_text(node.name)} [label={label}{shape}];")
        for edge in self.edges:
            style = "" if edge.kind == "link" else ", style=dashed"
            ends = f"{_dot_text(edge.source)} -> {_dot_text(edge.target)}"
            lines.append(f"  {ends} [label={_dot_text(edge.text)}{style}];")
        for number, group in enumerate(self.groups):
            members = " ".join(f"{_dot_text(member)};" for member in group.members)
            title = _dot_text(_title(group))
            lines.append(f"  subgraph cluster_{number} {{ label={title}; style=dashed; {members} }}")
        return "\n".join([*lines, "}"]) + "\n"

    def svg(self) -> str:
        """Return it as SVG, drawn by the program ``dot`` of Graphviz.

        Raises
        ------
        NotFound
            There is no such program: install the package ``graphviz`` of the system, or use `mermaid`.
        Error
            It failed; the text has its words.
        """
        program = shutil.which("dot")
        if program is None:
            raise NotFound(
                "the program dot of Graphviz is not on PATH; install the system's package graphviz, or use "
                "Topology.mermaid(), which needs nothing"
            )
        try:
            done = subprocess.run(
                [program, "-Tsvg"],
                input=self.dot(),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=DRAWING_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Error(f"{program} -Tsvg: {error}") from error
        if done.returncode:
            raise Error(f"{program} -Tsvg ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Topology:
        """Return what `to_dict` was called on; `InvalidOption` for what it did not make."""
        try:
            nodes = tuple(TopologyNode(**node) for node in values["nodes"])
            edges = tuple(TopologyEdge(**edge) for edge in values["edges"])
            groups = tuple(TopologyGroup(**group) for group in values.get("groups", ()))
            return cls(values["runtime"], nodes, edges, groups)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InvalidOption(
                f"values are {values!r}; they must be what Topology.to_dict returned"
            ) from error


def _title(group: TopologyGroup) -> str:
    facts = [group.name, group.strategy, f"{group.restarts} restarts" if group.restarts else ""]
    return ", ".join([*filter(None, facts), *(["failed"] if group.failure else [])])


def _label(node: TopologyNode) -> list[str]:
    times = "replaced once" if node.replacements == 1 else f"replaced {node.replacements} times"
    facts = [fact for fact in (node.text, node.state, times if node.replacements else "") if fact]
    return [node.name, ", ".join(facts)] if facts else [node.name]


def _mermaid_text(text: str) -> str:
    """Text between quotes of Mermaid, which knows characters by number and must see no mark-up."""
    special = '"#&<>|`\\\n\r'
    return "".join(f"#{ord(char)};" if char in special else char for char in text)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", "\\n")
    return f'"{escaped}"'


def topology_of(runtime: _core.Runtime) -> Topology:
    """Return the graph of what a native runtime holds.

    What ends between two looks is left out, so that each edge has its two nodes.
    """
    kernels = {kernel.name: kernel for kernel in runtime.kernels()}
    links, feeds = runtime.link_telemetry(), [feed for feed in runtime.feeds() if not feed.done]
    topics = [topic for topic in runtime.topics() if not topic.done]
    queues = dict.fromkeys(
        [
            *(queue.name for queue in runtime.queues()),
            *(feed.queue for feed in feeds),
            *(topic.queue for topic in topics),
        ]
    )
    nodes = [
        *(_kernel_node(kernel) for kernel in kernels.values()),
        *(TopologyNode(q, "queue") for q in queues),
    ]
    edges = []
    for link in links:
        if link.source in kernels and link.target in kernels:
            names = kernels[link.source].outputs
            text = names[link.output] if link.output < len(names) else str(link.output)
            edges.append(TopologyEdge(link.source, link.target, "link", text))
    for feed in feeds:
        if feed.kernel in kernels:
            ends = (feed.queue, feed.kernel) if feed.to_kernel else (feed.kernel, feed.queue)
            edges.append(TopologyEdge(*ends, "feed"))
    for topic in topics:
        names = [name for name in topic.subscribers if name in kernels]
        edges += [TopologyEdge(topic.queue, name, "topic") for name in names]
    groups = [
        TopologyGroup(
            group.name,
            STRATEGIES[group.strategy],
            tuple(member for member in group.members if member in kernels),
            group.restarts,
            group.failure,
        )
        for group in _core.groups(runtime)
    ]
    return Topology(runtime.name, tuple(nodes), tuple(edges), tuple(groups))


def _kernel_node(kernel: _core.Kernel) -> TopologyNode:
    kind = "" if kernel.kind == kernel.name else kernel.kind
    replicas = f"{kernel.grid} replicas" if kernel.grid > 1 else ""
    return TopologyNode(
        kernel.name,
        "kernel",
        " × ".join(filter(None, (kind, replicas))),
        "stuck" if kernel.stuck else kernel.state,
        kernel.replacements,
    )
