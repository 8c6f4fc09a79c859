"""Tests of one backend's own matters: the CPU's, which every machine has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def cpu_by_default() -> Iterator[None]:
    """What names no backend, also in child processes, runs on the CPU whatever else the machine has."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RINGWAY_BACKEND", "cpu")
        yield
