"""Prints those requirements of pyproject.toml that this environment does not meet, one a line.

usage: requirements.py GROUP...      a group is `build`, `run`, or an extra of the project
"""

from __future__ import annotations

import importlib.metadata
import pathlib
import sys
from typing import Any

from pip._vendor.packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PYPROJECT = pathlib.Path(__file__).parents[1] / "pyproject.toml"
BUILD_PROGRAMS = ["pip>=23.1", "cmake>=3.22", "ninja>=1.10"]


def requirements_of(group: str, pyproject: dict[str, Any]) -> list[str]:
    if group == "build":
        return [*pyproject["build-system"]["requires"], *BUILD_PROGRAMS]
    if group == "run":
        return list(pyproject["project"]["dependencies"])
    return list(pyproject["project"]["optional-dependencies"][group])


def is_met(text: str) -> bool:
    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        installed = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(installed, prereleases=True)


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text())
    for name in sys.argv[1:]:
        for line in requirements_of(name, project):
            if not is_met(line):
                print(line)
