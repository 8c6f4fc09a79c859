"""Every golden vector, both ways, through codec()."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ringway import memorypack

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "memorypack.json").read_text()
)


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_vector(case: dict[str, Any]) -> None:
    codec = memorypack.codec(case["schema"])
    wire = bytes.fromhex(case["hex"])
    assert codec.encode(case["value"]) == wire
    assert codec.decode(wire) == case["value"]
    buffer = bytearray(len(wire) + 3)
    assert codec.encode_into(case["value"], buffer, 3) == len(buffer)
    assert buffer[3:] == wire


def test_all_vectors_are_there() -> None:
    assert len(VECTORS) == 85


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_every_truncation_is_an_error(case: dict[str, Any]) -> None:
    codec = memorypack.codec(case["schema"])
    wire = bytes.fromhex(case["hex"])
    for size in range(len(wire)):
        with pytest.raises(ValueError, match="at byte"):
            codec.decode(wire[:size])
