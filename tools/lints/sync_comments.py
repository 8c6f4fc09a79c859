"""Every ordered atomic access has, at most eight lines above, a `SYNC:` comment that names its partner."""

from __future__ import annotations

import pathlib
import re

from sources import CPP, Finding, at, code_lines, files

ORDERED = re.compile(
    r"\b(?:__ATOMIC_|memory_order_|memory_order::|mo_)(?:acquire|release|acq_rel|seq_cst|ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)\b"
    r"|\b\w*(?:load|store|exchange|add|sub|claim|test_and_set)\w*_(?:acquire|release|acq_rel|seq_cst)\b"
    r"|\b(?:\w+_)?fence\w*\s*\("
)
REACH = 8


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    for path in files(root, "native", CPP):
        text = path.read_text()
        lines = text.split("\n")
        for number, line in enumerate(code_lines(text), 1):
            near = lines[max(0, number - 1 - REACH) : number]
            declared = line.lstrip().startswith("using ")
            if ORDERED.search(line) and not declared and not any("SYNC:" in other for other in near):
                found.append(
                    at(root, path, number, f"ordered access without a SYNC: comment: {line.strip()[:80]}")
                )
    return found
