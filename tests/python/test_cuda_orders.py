"""The ordered operations of queues in PTX: instruction, order and scope that docs/cuda.md argues with.

PTX is what the memory model is written for; machine code of one architecture is the assembler's matter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "cuda" / "orders.cu"
NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
SCOPES = {"block": "cta", "device": "gpu", "system": "sys"}

pytestmark = pytest.mark.skipif(
    NVCC is None and "nvcc" not in os.environ.get("RINGWAY_REQUIRE_TOOLS", "").split(), reason="needs nvcc"
)


@pytest.fixture(scope="module", params=["sm_80", "sm_90"])
def entries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of each entry, the instructions that touch memory or order it, but for parameters and results."""
    output = tmp_path_factory.mktemp("ptx") / "orders.ptx"
    command = [NVCC or "nvcc", "-ptx", f"-arch={request.param}", "-std=c++17", f"-I{ROOT}/native/include"]
    subprocess.run([*command, "-o", str(output), str(SOURCE)], check=True, timeout=110)
    found: dict[str, list[str]] = {}
    for part in output.read_text().split(".visible .entry ")[1:]:
        name = part[: part.index("(")]
        body = part[part.index("{") :]
        touching = re.findall(r"\b((?:ld|st|atom|red|fence|membar)\.[\w.]+)", body)
        plain = re.compile(r"ld\.param\b|(ld|st)\.global\b")
        found[name] = [instruction for instruction in touching if not plain.match(instruction)]
    return found


@pytest.mark.parametrize("scope", SCOPES)
def test_each_operation_is_the_instruction_of_its_order_and_scope(
    entries: dict[str, list[str]], scope: str
) -> None:
    ptx = SCOPES[scope]
    assert entries[f"load_ready_{scope}"] == [f"ld.acquire.{ptx}.b64"]
    assert entries[f"store_publish_{scope}"] == [f"st.release.{ptx}.b64"]
    assert entries[f"fenced_load_ready_{scope}"] == [f"ld.relaxed.{ptx}.b64", f"fence.acq_rel.{ptx}"]
    assert entries[f"fenced_store_publish_{scope}"] == [f"fence.acq_rel.{ptx}", f"st.relaxed.{ptx}.b64"]
    assert entries[f"claim_index_{scope}"] == [f"atom.cas.relaxed.{ptx}.b64"]


def test_there_are_no_others(entries: dict[str, list[str]]) -> None:
    assert len(entries) == 5 * len(SCOPES)
