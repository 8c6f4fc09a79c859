"""tools/requirements.py names what an environment lacks, so that a second run asks no network."""

from __future__ import annotations

import importlib.util
import pathlib
from types import ModuleType

import pytest

PATH = pathlib.Path(__file__).parents[2] / "tools" / "requirements.py"


@pytest.fixture(scope="module")
def requirements() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("numpy", True),
        ("numpy>=1.23", True),
        ("numpy<1", False),
        ("no-such-distribution", False),
        ("no-such-distribution; python_version < '3'", True),
    ],
)
def test_is_met(requirements: ModuleType, text: str, met: bool) -> None:
    assert requirements.is_met(text) is met


def test_groups(requirements: ModuleType) -> None:
    project = {
        "build-system": {"requires": ["a"]},
        "project": {"dependencies": ["b"], "optional-dependencies": {"test": ["c"]}},
    }
    assert requirements.requirements_of("build", project) == ["a", *requirements.BUILD_PROGRAMS]
    assert requirements.requirements_of("run", project) == ["b"]
    assert requirements.requirements_of("test", project) == ["c"]
