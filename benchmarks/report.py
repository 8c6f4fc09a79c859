"""What every benchmark of this folder shares: interleaved repeats, medians with spread, and one results file.

A results file (``benchmarks/results/<name>.json``) holds::

    {"name": ..., "command": ..., "machine": {...}, "commit": ..., "versions": {peer: version},
     "rows": [{"what": ..., "contestant": ..., "unit": ...,
               "median": ..., "min": ..., "max": ..., "samples": [...]}]}
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ringway.bench.rows import interleave, machine, row, versions

__all__ = ["interleave", "machine", "row", "save", "show", "versions"]

RESULTS = Path(__file__).resolve().parent / "results"


def commit() -> str:
    """The commit that was measured, with ``-dirty`` when files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    here = Path(__file__).resolve().parent
    return subprocess.run(command, cwd=here, capture_output=True, text=True, check=False).stdout.strip()


def show(rows: Iterable[dict[str, Any]]) -> None:
    """Prints rows as a table: median (min - max) unit."""
    for line in rows:
        spread = f"({line['min']:.4g} - {line['max']:.4g})"
        name = f"{line['what']:<44} {line['contestant']:<36}"
        print(f"{name} {line['median']:>10.4g} {spread:<24} {line['unit']}")


def save(name: str, rows: list[dict[str, Any]], peers: Mapping[str, str], path: Path | None = None) -> Path:
    """Writes the results file and returns its path (default ``benchmarks/results/<name>.json``)."""
    path = path or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "name": name,
        # Where things lie on this machine says nothing on others.
        "command": " ".join(
            Path(word).name if Path(word).is_absolute() else word
            for word in (Path(sys.argv[0]).name, *sys.argv[1:])
        ),
        "machine": machine(),
        "commit": commit(),
        "versions": dict(peers),
        "rows": rows,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path
