"""Prints how long `import ringway` takes beyond `import numpy`: the least of ten fresh interpreters each.

usage: import_time.py [LIMIT]       fails at LIMIT milliseconds or more
"""

from __future__ import annotations

import subprocess
import sys

TIMED = "import time; {before}; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"


def least_milliseconds(module: str, before: str, runs: int = 10) -> float:
    command = [sys.executable, "-c", TIMED.format(before=before, module=module)]
    least = float("inf")
    for _ in range(runs):
        least = min(least, float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return 1000 * least


if __name__ == "__main__":
    numpy = least_milliseconds("numpy", "0")
    ringway = least_milliseconds("ringway", "import numpy")
    print(f"import ringway: {ringway:.1f} ms beyond NumPy ({numpy:.1f} ms)")
    if len(sys.argv) > 1 and ringway >= float(sys.argv[1]):
        sys.exit(f"import ringway takes {ringway:.1f} ms beyond NumPy; the limit is {sys.argv[1]} ms")
