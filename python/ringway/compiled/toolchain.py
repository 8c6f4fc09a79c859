"""The host's C++ compiler, and a private folder of what it has made.

A compiled kernel is found again by a hash of its source, the header, the options, the compiler, the
processor's features and ringway's version. Beside each file lies the hash of its bytes: what does not match
it, or is not this user's own, is made anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pathlib
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile

from ringway import _core
from ringway.errors import KernelError

INCLUDE = pathlib.Path(_core.__file__).parent / "include"
_OPTIONS = (
    *("-std=c++20", "-O3", "-march=native", "-ffp-contract=off", "-fvisibility=hidden", "-fPIC", "-shared"),
    "-w",
)


@functools.lru_cache(maxsize=8)
def _compiler(asked: str | None, path: str | None) -> tuple[tuple[str, ...], str]:
    """Return the compiler's command and what it calls itself; its choice depends on the arguments."""
    for words in [shlex.split(asked)] if asked else [["c++"], ["g++"], ["clang++"]]:
        if not words or not shutil.which(words[0], path=path):
            continue
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(
                [*words, "--version"], check=True, capture_output=True, text=True, timeout=60
            )
            return tuple(words), said.stdout.splitlines()[0]
    raise KernelError(
        f"RINGWAY_CXX is {asked!r}, which does not run as a C++ compiler; name one that does, or unset it"
        if asked
        else "no C++ compiler is on PATH (c++, g++ or clang++), and kernels of your own need one: "
        "install g++ or clang, or name one by the environment variable RINGWAY_CXX"
    )


def cache_folder() -> pathlib.Path:
    """Return the folder of compiled kernels, this user's alone, in ``RINGWAY_CACHE`` or the user's cache."""
    asked = os.environ.get("RINGWAY_CACHE")
    base = (
        pathlib.Path(asked)
        if asked
        else pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    )
    folder = base / "ringway" / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise KernelError(
            f"compiled kernels cannot be kept in {folder}: {error.strerror}; "
            "name a folder of yours by RINGWAY_CACHE"
        ) from None
    return folder


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """Return what `-march=native` depends on."""
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        kinds = ("flags", "Features", "model name", "CPU part")
        return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))
    return platform.machine() + platform.processor()


@functools.lru_cache(maxsize=1)
def _headers() -> str:
    return "".join(file.read_text() for file in sorted((INCLUDE / "ringway").glob("*.h")))


def compiled(source: str, name: str) -> pathlib.Path:
    """Return the shared object made from a C++ source, compiling it when it is not there.

    Raises
    ------
    KernelError
        There is no compiler, or it refuses the source; the text is the compiler's.
    """
    command, version = _compiler(os.environ.get("RINGWAY_CXX"), os.environ.get("PATH"))
    parts = (source, _headers(), *_OPTIONS, *command, version, _machine(), _core.__version__)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
    target = cache_folder() / f"{key}.so"
    if not _is_whole(target):
        _compile(command, source, name, target)
    return target


def _hash_of(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _is_whole(target: pathlib.Path) -> bool:
    """Whether the file is there, this user's, and holds what was written."""
    try:
        for file in (target, target.with_suffix(".sha256")):
            about = file.stat(follow_symlinks=False)
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o022:
                return False
        return target.with_suffix(".sha256").read_text().strip() == _hash_of(target)
    except (OSError, UnicodeDecodeError):
        return False


def _compile(command: tuple[str, ...], source: str, name: str, target: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as scratch:
        text = pathlib.Path(scratch, "kernel.cpp")
        text.write_text(source)
        made = pathlib.Path(scratch, "kernel.so")
        try:
            subprocess.run(
                [*command, *_OPTIONS, f"-I{INCLUDE}", "-o", str(made), str(text)],
                check=True,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=600,
            )
        except subprocess.CalledProcessError as error:
            raise KernelError(f"kernel {name!r} does not compile:\n{error.stderr.strip()}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KernelError(
                f"kernel {name!r}: the compiler {shlex.join(command)} does not run: {error}"
            ) from None
        made.chmod(0o600)
        digest = pathlib.Path(scratch, "kernel.sha256")
        digest.write_text(_hash_of(made) + "\n")
        digest.chmod(0o600)
        # The hash first: with the file of before, or none, it makes a mismatch.
        digest.replace(target.with_suffix(".sha256"))
        made.replace(target)
