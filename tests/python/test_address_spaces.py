"""The address-space check accepts what Metal accepts and finds what Metal has no generic space for."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

CHECK = pathlib.Path(__file__).parents[2] / "tools" / "address_spaces.py"

pytestmark = pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")

COUNTER = "struct Counter { uint n; void add() { n += 1; } };\n"
GOOD = {
    "pointers": "kernel void f(device uint* p) { thread uint x = 1; thread uint* q = &x; *p = *q; }",
    "copy": "struct S { uint a, b; };\nkernel void f(device S* p) { S s = p[0]; s.a = 1; p[1] = s; }",
    "own method": COUNTER + "kernel void f(device uint* p) { Counter c = {0}; c.add(); *p = c.n; }",
}
BAD = {
    "pointer": "kernel void f(device uint* p) { uint* q = p; *q = 1; }",
    "parameter": "void g(uint* q) { *q = 1; }\nkernel void f(device uint* p) { g(p); }",
    "reference": "void g(uint& q) { q = 1; }\nkernel void f(device uint* p) { g(*p); }",
    "method": COUNTER + "kernel void f(device Counter* c) { c->add(); }",
    "wrong space": "kernel void f(device uint* p) { thread uint* q = p; *q = 1; }",
}


def run(tmp_path: pathlib.Path, source: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "kernel.metal"
    path.write_text(source + "\n")
    return subprocess.run([sys.executable, CHECK, path], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_what_metal_accepts(tmp_path: pathlib.Path, source: str) -> None:
    result = run(tmp_path, source)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("source", BAD.values(), ids=BAD)
def test_what_metal_has_no_space_for(tmp_path: pathlib.Path, source: str) -> None:
    result = run(tmp_path, source)
    assert result.returncode == 1
    assert "kernel.metal:" in result.stderr
