"""Every public name is in the API reference, which tools/docs generates from docstrings."""

from __future__ import annotations

import pathlib
import re

import ringway

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_every_public_name_is_there_once() -> None:
    entries = [
        name
        for page in REFERENCE.glob("*.md")
        for name in re.findall(r"^::: ringway\.([\w.]+)$", page.read_text(), re.MULTILINE)
    ]
    assert len(entries) == len(set(entries))
    # The errors are one entry, their module.
    missing = {*ringway.__all__} - {*entries} - {"Error"}
    assert not missing, f"add `::: ringway.NAME` to a page of docs/reference for {missing}"
    assert "errors" in entries
