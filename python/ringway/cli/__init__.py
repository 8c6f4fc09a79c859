"""The ``ringway`` command: ``info``, ``pagerank`` and ``validate``."""

from __future__ import annotations

from ringway.cli.main import main as main
