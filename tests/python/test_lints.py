"""Every lint holds on this repository and finds a violation planted for it."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
import sys
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LINTS = ROOT / "tools" / "lints"

PLANTED = [
    ("one_compiler", "native/core/wait.cpp", "#ifdef __APPLE__\n#endif\n"),
    ("one_compiler", "native/include/ringway/slot_queue.h", "#if defined(__CUDACC__) && 1\n#endif\n"),
    ("atomics_home", "native/core/runtime.h", "#include <atomic>\n"),
    (
        "atomics_home",
        "native/core/runtime.cpp",
        "int f(int* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }\n",
    ),
    ("include_layers", "native/core/a.h", '#include "bindings/bindings.h"\n'),
    ("include_layers", "native/codec/a.h", '#include "core/error.h"\n'),
    ("include_layers", "native/backends/cpu/a.cpp", '#include "backends/cuda/device.h"\n'),
    ("include_layers", "native/include/ringway/wire.h", "#include <vector>\n"),
    ("include_layers", "native/include/ringway/wire.h", '#include "../../core/error.h"\n'),
    ("include_layers", "python/ringway/graphs.py", "import scipy.sparse\n"),
    (
        "sync_comments",
        "native/include/ringway/atomics_host.h",
        "long f(long* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }\n",
    ),
    ("sync_comments", "native/core/pool.cpp", "void f() { store_release(&flag, 1); }\n"),
    ("one_concept", "native/core/z.h", "struct Queue {\n};\n"),
    ("one_concept", "python/ringway/z.py", "class Queue:\n    x = 1\n"),
    ("stubs", "native/core/a.cpp", "// TODO: the rest\n"),
    ("stubs", "python/ringway/a.py", "def f() -> None:\n    pass\n"),
    ("stubs", "python/ringway/b.py", "raise NotImplementedError\n"),
    ("stubs", "tools/b.sh", "echo placeholder\n"),
    ("stubs", "native/core/long.cpp", "int x;\n" * 700),
    ("claims", "README.md", "A message takes 61 ns.\n"),
    ("claims", "README.md", "A message takes 71 ns (benchmarks/results/queue.json).\n"),
    ("claims", "docs/queue.md", "1.8 × faster than others <!-- results: none.json -->\n"),
]

HELD = [
    ("one_compiler", "native/include/ringway/config.h", "#if defined(__CUDACC__)\n#endif\n"),
    ("one_compiler", "native/core/a.h", "#if RINGWAY_TRACE  // not __APPLE__\n#endif\n"),
    ("atomics_home", "native/include/ringway/atomics_host.h", "#include <atomic>\n"),
    ("atomics_home", "native/core/a.h", 'const char* kText = "std::atomic"; // std::atomic\n'),
    ("include_layers", "native/bindings/a.cpp", '#include "codec/error.h"\n#include <pybind11/pybind11.h>\n'),
    ("include_layers", "native/include/ringway/kernels/echo.h", '#include "../handler.h"\n'),
    ("include_layers", "python/ringway/graphs.py", "def f() -> None:\n    import scipy.sparse\n"),
    (
        "sync_comments",
        "native/core/pool.cpp",
        "// SYNC: with load_acquire in g\nvoid f() { store_release(&flag, 1); }\n",
    ),
    ("claims", "README.md", "A message takes 61 ns, 16.4 M/s (benchmarks/results/queue.json).\n"),
    ("claims", "README.md", "A message waits 30 ms at most. <!-- no claim: a time-out -->\n"),
    ("claims", "README.md", "```\nsleeps 30 ms\n```\n"),
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(LINTS))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, LINTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def plant(root: pathlib.Path, name: str, text: str) -> None:
    for path, content in {
        "native/core/queue.h": "struct Queue {\n};\n",
        "python/ringway/queue.py": "class Queue:\n    x = 1\n",
        "benchmarks/results/queue.json": json.dumps({"spsc": [{"ns": 60.97, "per_second": 16.4e6}]}),
        name: text,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def test_the_repository_holds() -> None:
    result = subprocess.run([sys.executable, LINTS / "run.py"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("lint", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(load, tmp_path: pathlib.Path, lint: str, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    findings = load(lint).check(tmp_path)
    assert findings
    assert all(finding.startswith(f"{path}:") for finding in findings)


@pytest.mark.parametrize(("lint", "path", "text"), HELD)
def test_what_is_allowed_is_not_found(load, tmp_path: pathlib.Path, lint: str, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert load(lint).check(tmp_path) == []
