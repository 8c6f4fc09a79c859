"""``python -m ringway`` is the ``ringway`` command."""

from __future__ import annotations

import sys

from ringway.cli import main

if __name__ == "__main__":
    sys.exit(main())
