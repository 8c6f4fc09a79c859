"""The source distribution holds all that a build, the tests and the documents need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="no git checkout")
def test_it_holds_every_tracked_file(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    tracked = {name for name in names.stdout.split("\0") if name and (ROOT / name).exists()}
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.glob("ringway-*.tar.gz")
    with tarfile.open(made) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for_this_repository_only = {name for name in tracked if name.startswith((".github/", ".ci/"))}
    assert tracked - held == for_this_repository_only
