"""What README lists is what there is."""

from __future__ import annotations

import pathlib
import re

import pytest
import ringway as rw
from ringway.cli.main import COMMANDS

README = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_it_names_every_command() -> None:
    listed = set(re.findall(r"^    ringway (\w+)", README, re.MULTILINE))
    assert listed == {command.__name__.rpartition(".")[2] for command in COMMANDS}


def test_it_names_every_kernel() -> None:
    with rw.Runtime("cpu") as runtime, pytest.raises(rw.errors.NotFound) as caught:
        runtime.launch("one that there is not")
    kernels = str(caught.value).partition("kernels: ")[2].split(", ")
    told = {name for name in kernels if not name.startswith("pagerank.")}
    limits = README.partition("## Limits")[2]
    assert {name for name in told if name not in limits} == set()
    assert len(kernels) - len(told) == 3
    assert "three PageRank" in " ".join(limits.split())
