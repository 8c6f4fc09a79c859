"""Packages that only some functions need, imported when one is called."""

from __future__ import annotations

import importlib
from typing import Any

from ringway.errors import MissingPackage


def needed(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Raises
    ------
    MissingPackage
        It cannot be imported; the text names the extra of ringway that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackage(
            f"{purpose} needs {package}: pip install 'ringway[{extra}]' ({error})"
        ) from error
