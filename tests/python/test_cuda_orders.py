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


def ptx_of(source: Path, architecture: str, folder: Path) -> str:
    output = folder / f"{source.stem}.ptx"
    includes = [f"-I{ROOT}/native/include", f"-I{ROOT}/native"]
    command = [NVCC or "nvcc", "-ptx", f"-arch={architecture}", "-std=c++17", *includes]
    subprocess.run([*command, "-o", str(output), str(source)], check=True, timeout=110)
    return output.read_text()


@pytest.fixture(scope="module", params=["sm_80", "sm_90"])
def entries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of each entry, the instructions that touch memory or order it, but for parameters and results."""
    found: dict[str, list[str]] = {}
    ptx = ptx_of(SOURCE, request.param, tmp_path_factory.mktemp("ptx"))
    for part in ptx.split(".visible .entry ")[1:]:
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


@pytest.mark.parametrize(("link", "ptx"), [("host_link", "sys"), ("device_link", "gpu")])
def test_links_of_ring_kernels_have_fences_of_their_scope(
    entries: dict[str, list[str]], link: str, ptx: str
) -> None:
    assert entries[f"receive_{link}"] == [f"ld.relaxed.{ptx}.b64", f"fence.acq_rel.{ptx}"]
    assert entries[f"send_{link}"] == [f"fence.acq_rel.{ptx}", f"st.relaxed.{ptx}.b64"]


def test_there_are_no_others(entries: dict[str, list[str]]) -> None:
    assert len(entries) == 5 * len(SCOPES) + 4


def test_the_resident_grid_orders_by_these_alone(tmp_path: Path) -> None:
    """No volatile access, no order in an access, no fence of another kind or scope; the pause is there."""
    ptx = ptx_of(ROOT / "native" / "backends" / "cuda" / "ring_kernels.cu", "sm_90", tmp_path)
    ordered = re.findall(
        r"\b((?:(?:ld|st|atom|red)\.(?:relaxed|acquire|release|acq_rel|volatile|mmio)|fence|membar)[\w.]*)",
        ptx,
    )
    words = {
        f"{access}.relaxed.{scope}.b{bits}"
        for access in ("ld", "st")
        for scope in ("gpu", "sys")
        for bits in (32, 64)
    }
    assert set(ordered) == words | {"fence.acq_rel.gpu", "fence.acq_rel.sys"}
    assert "nanosleep.u32" in ptx
