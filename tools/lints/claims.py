"""A measured number in prose has a results file.

A paragraph, list or table of README.md, CHANGELOG.md or docs/ that states a time, rate or ratio names a
file of benchmarks/results in a link or in `<!-- results: NAME.json -->`, and each number is found
there, rounded as printed, in any power of 1,000. `<!-- no claim: REASON -->` in the paragraph exempts
it: a target, a limit. On its own at the head of a file it exempts the file.
"""

from __future__ import annotations

import json
import math
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from sources import Finding, at, files

UNIT = r"(?:ns|µs|us|ms|[kMG] ?(?:\w+)?/s|(?:messages|edges|iterations)/s|[kMG]i?B/s|×|x faster|times faster)"
QUANTITY = re.compile(rf"(?<![\w.,-])(\d[\d,]*(?:\.\d+)?)\s?({UNIT})(?![\w/])")
RATIO = re.compile(r"×\s?(\d+(?:\.\d+)?)")
NAMED = re.compile(r"benchmarks/results/[\w-]+\.json|<!-- results:.*?-->")
RESULTS = re.compile(r"[\w-]+\.json")
EXEMPT = "<!-- no claim:"
CODE = re.compile(r"^```.*?^```\s*$", re.DOTALL | re.MULTILINE)


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    tops = [root / name for name in ("README.md", "CHANGELOG.md") if (root / name).exists()]
    for path in [*tops, *files(root, "docs", {".md"})]:
        text = CODE.sub(lambda match: re.sub(r"[^\n]", "", match.group()), path.read_text())
        if text.lstrip().startswith(EXEMPT):
            continue
        for line, paragraph in _paragraphs(text):
            if EXEMPT not in paragraph:
                found += [at(root, path, line, why) for why in _objections(root, paragraph)]
    return found


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"(?:^[^\n]*\S[^\n]*(?:\n|\Z))+", text, re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 1, match.group()


def _objections(root: pathlib.Path, paragraph: str) -> Iterator[str]:
    stated = [(m[1], m[0]) for m in QUANTITY.finditer(paragraph)] + [
        (m[1], m[0]) for m in RATIO.finditer(paragraph)
    ]
    if not stated:
        return
    results = root / "benchmarks" / "results"
    names = {name for mention in NAMED.findall(paragraph) for name in RESULTS.findall(mention)}
    if not names:
        yield f"{stated[0][1]!r} names no results file"
        return
    values = []
    for name in names:
        if not (results / name).exists():
            yield f"there is no benchmarks/results/{name}"
            continue
        values += [abs(value) for value in _numbers(json.loads((results / name).read_text()))]
    for digits, quantity in stated:
        if not any(_agrees(digits, value) for value in values):
            yield f"{quantity!r} is not in {', '.join(sorted(names))}"


def _numbers(tree: Any) -> Iterator[float]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value)
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool) and math.isfinite(tree):
        yield float(tree)


def _agrees(digits: str, value: float) -> bool:
    """Whether `value`, in some power of 1,000, rounds to the number as it was printed."""
    plain = digits.replace(",", "")
    decimals = len(plain.partition(".")[2])
    wanted = float(plain)
    unit = 10.0**-decimals
    return any(abs(value * 1000.0**power - wanted) <= unit * 0.501 for power in range(-4, 5))
