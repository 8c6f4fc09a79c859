"""The ``ringway`` command, a module for each of its commands."""

from __future__ import annotations

from ringway.cli.main import main as main
