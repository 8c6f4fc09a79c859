"""A backend that is asked for and cannot be had is an error of the build that says what is missing."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("ninja") is None, reason="needs CMake and Ninja"
)


def configure(folder: pathlib.Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(folder), "-DRINGWAY_PYTHON=OFF", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("RINGWAY_CUDA=ON", "CUDA's compiler, nvcc, was not found when ringway was built"),
        ("RINGWAY_CUDA=YES", "expected AUTO, ON or OFF"),
        pytest.param(
            "RINGWAY_METAL=ON",
            "Metal needs macOS",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="has Metal"),
        ),
        ("RINGWAY_METAL=YES", "expected AUTO, ON, OFF or SOFTWARE"),
    ],
)
def test_what_cannot_be_had_is_an_error(tmp_path: pathlib.Path, option: str, says: str) -> None:
    result = configure(tmp_path, f"-D{option}", "-DRINGWAY_NVCC=OFF")
    assert result.returncode != 0
    assert option in result.stderr
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize("value", ["AUTO", "OFF"])
def test_what_can_be_left_out_is_none(tmp_path: pathlib.Path, value: str) -> None:
    result = configure(tmp_path, f"-DRINGWAY_CUDA={value}", f"-DRINGWAY_METAL={value}")
    assert result.returncode == 0, result.stderr


def test_without_nvcc_the_backend_is_left_out_with_the_reason(tmp_path: pathlib.Path) -> None:
    result = configure(tmp_path, "-DRINGWAY_CUDA=AUTO", "-DRINGWAY_NVCC=OFF")
    assert result.returncode == 0, result.stderr
    rules = (tmp_path / "build.ninja").read_text()
    assert "nvcc, was not found when ringway was built" in rules
    assert "grid_kernels.fatbin" not in rules


@pytest.mark.skipif(
    shutil.which("nvcc", path=os.environ["PATH"] + os.pathsep + "/usr/local/cuda/bin") is None,
    reason="needs nvcc",
)
def test_all_architectures_of_the_toolkit_from_80_on(tmp_path: pathlib.Path) -> None:
    result = configure(tmp_path, "-DRINGWAY_CUDA=ON", "-DRINGWAY_CUDA_ARCHITECTURES=all")
    assert result.returncode == 0, result.stderr
    rules = (tmp_path / "build.ninja").read_text()
    assert "arch=compute_80,code=sm_80" in rules
    assert "arch=compute_90,code=sm_90" in rules
    assert "sm_75" not in rules


def test_a_folder_of_a_further_backend_comes_last_in_the_list(tmp_path: pathlib.Path) -> None:
    result = configure(tmp_path, "-DRINGWAY_EXTRA_BACKENDS=tests/conformance/staged")
    assert result.returncode == 0, result.stderr
    (made,) = tmp_path.rglob("ringway_backends.cpp")
    entries = [line.strip() for line in made.read_text().splitlines() if "register_backend(" in line]
    assert entries[-1] == "register_backend(staged::backend());"
    assert len(entries) == 4


def test_the_software_device_is_built_or_says_what_is_missing(tmp_path: pathlib.Path) -> None:
    result = configure(tmp_path, "-DRINGWAY_METAL=SOFTWARE")
    if result.returncode:
        said = " ".join(result.stderr.split())
        assert "RINGWAY_METAL=SOFTWARE" in said
        assert "need_softmetal_packages" in said or "runs on Linux" in said
    else:
        assert "tools/softmetal/libsoftmetal.so" in (tmp_path / "build.ninja").read_text()


def test_the_software_device_is_no_part_of_a_wheel(tmp_path: pathlib.Path) -> None:
    result = configure(tmp_path, "-DRINGWAY_METAL=SOFTWARE", "-DSKBUILD=ON", "-DSKBUILD_STATE=wheel")
    if result.returncode == 0:
        scripts = "".join(script.read_text() for script in tmp_path.rglob("cmake_install.cmake"))
        assert "libsoftmetal" not in scripts
