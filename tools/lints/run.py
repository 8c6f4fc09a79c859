"""Runs every lint over the repository.   usage: run.py [ROOT]"""

from __future__ import annotations

import pathlib
import sys

import atomics_home
import claims
import include_layers
import one_compiler
import one_concept
import stubs
import sync_comments

LINTS = (one_compiler, atomics_home, include_layers, sync_comments, one_concept, stubs, claims)

if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    findings = [f"{finding} [{lint.__name__}]" for lint in LINTS for finding in lint.check(root)]
    print("\n".join(findings) if findings else f"{len(LINTS)} lints hold")
    sys.exit(bool(findings))
