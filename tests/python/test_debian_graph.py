"""The tool that makes the example graph from a Debian package index."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "debian_graph"
INDEX = """\
Package: app
Version: 1.0
Depends: libone (>= 1.0), libone (<< 2.0), tool:any | other-tool,
 mail-agent, nowhere | gone
Pre-Depends: base
Recommends: extra
Description: it mentions Depends: nothing

Package: libone
Depends: base

Package: base

Package: tool

Package: other-tool
Depends: other-tool, absent | base

Package: extra
Provides: unused (= 1)

Package: postman
Provides: mail-agent (= 3), also-unused

Package: pigeon
Provides: mail-agent
"""
FIRST = {
    ("app", "libone"),
    ("app", "tool"),
    ("app", "mail-agent"),
    ("app", "base"),
    ("libone", "base"),
    ("other-tool", "base"),
    ("mail-agent", "postman"),
    ("mail-agent", "pigeon"),
}


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, TOOL, *arguments], input=stdin, capture_output=True, check=False)


def rows(text: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in text.splitlines() if not line.startswith("#")]


def test_edges_of_a_small_index(tmp_path: pathlib.Path) -> None:
    output = tmp_path / "graph.tsv"
    result = run("-", str(output), stdin=INDEX.encode())
    assert result.returncode == 0, result.stderr
    assert b"1 relations the index cannot meet" in result.stderr
    found = rows(output.read_text())
    assert set(found) == FIRST
    assert len(found) == len(FIRST)


def test_all_alternatives_share_the_weight(tmp_path: pathlib.Path) -> None:
    output = tmp_path / "graph.tsv"
    assert (
        run("--recommends", "--alternatives", "all", "-", str(output), stdin=INDEX.encode()).returncode == 0
    )
    found = {row[:2]: float(row[2]) for row in rows(output.read_text())}
    half = {("app", "tool"): 0.5, ("app", "other-tool"): 0.5}
    assert found == dict.fromkeys(FIRST, 1.0) | half | {("app", "extra"): 1.0}


def test_compressed_in_and_out_is_the_same_every_time(tmp_path: pathlib.Path) -> None:
    release = tmp_path / "InRelease"
    release.write_text(
        "Origin: Debian\nVersion: 12.15\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"
    )
    (tmp_path / "Packages.gz").write_bytes(gzip.compress(INDEX.encode()))
    (tmp_path / "Packages.xz").write_bytes(lzma.compress(INDEX.encode()))
    written = []
    for name in ("Packages.gz", "Packages.xz"):
        output = tmp_path / f"{name}.tsv.gz"
        assert run("--release", str(release), str(tmp_path / name), str(output)).returncode == 0
        written.append(output.read_bytes())
    assert written[0] == written[1]
    assert (
        "# source: Debian 12.15 (bookworm), index of Sat, 11 Jul 2026" in gzip.decompress(written[0]).decode()
    )


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00 no control file"])
def test_says_when_it_is_no_index(tmp_path: pathlib.Path, text: bytes) -> None:
    result = run("-", str(tmp_path / "graph.tsv"), stdin=text)
    assert result.returncode != 0
    assert b"no package in it" in result.stderr
