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


STAND_IN = ROOT / "tools" / "softmetal" / "xcrun"
RINGS = "native/backends/metal/compiled_ring_kernels.cpp"


def configure_offline(folder: pathlib.Path, value: str, script: str) -> subprocess.CompletedProcess[str]:
    """Configures for the software device, with a shell script as xcrun."""
    xcrun = folder / "xcrun"
    xcrun.write_text(f"#!/bin/sh\n{script}\n")
    xcrun.chmod(0o755)
    options = ["-DRINGWAY_METAL=SOFTWARE", f"-DRINGWAY_METAL_OFFLINE={value}", f"-DRINGWAY_XCRUN={xcrun}"]
    result = configure(folder / "build", *options)
    if "need_softmetal_packages" in result.stderr or "runs on Linux" in result.stderr:
        pytest.skip("the software Metal device cannot be built here")
    return result


def compiled_rings(folder: pathlib.Path) -> str:
    """What the build makes of ring_kernels.metal."""
    command = ["cmake", "--build", str(folder / "build"), "--target", RINGS]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return (folder / "build" / RINGS).read_text()


def test_metal_kernels_are_compiled_when_xcode_can(tmp_path: pathlib.Path) -> None:
    calls = tmp_path / "calls"
    result = configure_offline(tmp_path, "ON", f'echo "$@" >> "{calls}"\nexec "{STAND_IN}" "$@"')
    assert result.returncode == 0, result.stderr
    made = compiled_rings(tmp_path)
    assert "language == 300" in made
    assert "language == 320" in made
    said = calls.read_text()
    assert "-sdk macosx metal -std=metal3.0 -mmacosx-version-min=13.3 -fno-fast-math -c" in said
    assert "-sdk macosx metal -std=metal3.2 -mmacosx-version-min=15.0 -fno-fast-math -c" in said
    assert "ring_kernels_320.air -o" in said


def test_an_older_xcode_compiles_what_it_knows(tmp_path: pathlib.Path) -> None:
    result = configure_offline(
        tmp_path,
        "ON",
        f"""case "$*" in *metal3.2*) echo "error: invalid value 'metal3.2' in '-std='" >&2; exit 1;; esac
        exec "{STAND_IN}" "$@\"""",
    )
    assert result.returncode == 0, result.stderr
    made = compiled_rings(tmp_path)
    assert "language == 300" in made
    assert "language == 320" not in made


NO_METAL = "echo 'xcrun: error: unable to find utility \"metal\"' >&2; exit 72"


@pytest.mark.parametrize("script", [NO_METAL, "exit 0"])
def test_a_compiler_of_metal_kernels_that_is_asked_for_must_work(tmp_path: pathlib.Path, script: str) -> None:
    said = " ".join(configure_offline(tmp_path, "ON", script).stderr.split())
    assert "RINGWAY_METAL_OFFLINE=ON: Xcode's compiler for Metal kernels does not work" in said
    assert ("unable to find utility" if "utility" in script else "it made no library") in said
    assert "Install Xcode" in said


def test_without_a_compiler_metal_kernels_are_left_to_run_time(tmp_path: pathlib.Path) -> None:
    result = configure_offline(tmp_path, "AUTO", NO_METAL)
    assert result.returncode == 0, result.stderr
    assert "language ==" not in compiled_rings(tmp_path)


def test_an_unknown_way_to_compile_metal_kernels_is_refused(tmp_path: pathlib.Path) -> None:
    result = configure_offline(tmp_path, "MAYBE", "exit 0")
    assert result.returncode != 0
    assert "RINGWAY_METAL_OFFLINE=MAYBE: expected AUTO, ON or OFF" in " ".join(result.stderr.split())
