"""Recordings of kernels of a program's own, replayed with the same handlers or with newer ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ringway as rw
from ringway import errors
from ringway.cli.main import main

from tests.python.test_replace import MODES, Mode, ReplaceAnswer, ReplaceStep, ReplaceTally, made

T = 30  # seconds that nothing here takes


def doubles(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
    state.count += 1
    state.total += msg.by * 2
    ctx.reply(ReplaceAnswer(state.count, state.total))


def triples(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
    state.count += 1
    state.total += msg.by * 3
    ctx.reply(ReplaceAnswer(state.count, state.total))


native_doubles = rw.kernel(doubles)
native_triples = rw.kernel(triples)

IN_CPP = rw.KernelSource(
    """
RW_FN ringway::u32 step(ringway::KernelContext& ctx, const ReplaceStep& msg, ReplaceTally& state) {
  state.total += msg.by;
  ctx.reply(ReplaceAnswer_type_id, ReplaceAnswer{1, state.total});
  return 0;
}
""",
    message=ReplaceStep,
    state=ReplaceTally,
    uses=[ReplaceAnswer],
    name="in_cpp",
)


def recorded(path: Path, kernel: Any, **options: Any) -> str:
    with rw.Runtime("cpu", workers=2) as runtime, runtime.record(path):
        launched = runtime.launch(kernel, name="sum", **options)
        for by in range(20):
            launched.request(ReplaceStep(by), T)
    return str(path)


@pytest.mark.parametrize("mode", MODES)
def test_the_same_kernel_does_the_same(tmp_path: Path, mode: Mode) -> None:
    file = recorded(tmp_path / "a.rwr", made(doubles, mode), state=ReplaceTally(7, 1000))
    report = rw.replay(file, kernels=[made(doubles, mode)])
    assert report.same
    assert (report.entered, report.out, report.equal) == (20, 20, 20)
    again = rw.replay(file, kernels={"sum": made(doubles, mode)}, states={"sum": ReplaceTally(8, 1000)})
    assert again.different == 20


def test_one_in_cpp_too(tmp_path: Path) -> None:
    assert rw.replay(recorded(tmp_path / "a.rwr", IN_CPP), kernels=[IN_CPP]).equal == 20


def test_a_changed_source_is_refused_or_compared(tmp_path: Path) -> None:
    file = recorded(tmp_path / "a.rwr", native_doubles)
    text = f"recorded with the source {native_doubles.source_hash}.*{native_triples.source_hash}"
    with pytest.raises(errors.RecordingError, match=text):
        rw.replay(file, kernels={"doubles": native_triples})
    report = rw.replay(file, kernels={"doubles": native_triples}, allow_changed=True)
    assert report.different == 19, "0 times anything is the same"
    # In Python it is another source, which computes the same.
    assert rw.replay(file, kernels=[made(doubles, "python")], allow_changed=True).same


def test_what_is_not_given_is_named(tmp_path: Path) -> None:
    file = recorded(tmp_path / "a.rwr", native_doubles)
    with pytest.raises(errors.NotFound, match=r"'sum' of the program's own, 'doubles', which was .*:doubles"):
        rw.replay(file)
    with pytest.raises(errors.InvalidOption, match="kernels is"):
        rw.replay(file, kernels=["doubles"])  # type: ignore[list-item]
    with pytest.raises(errors.InvalidOption, match="states is"):
        rw.replay(file, states=3)  # type: ignore[arg-type]


def test_a_state_that_is_no_struct_must_be_given(tmp_path: Path) -> None:
    @rw.kernel(mode="python")
    def appends(ctx: rw.Context, msg: ReplaceStep, state: list[int]) -> None:
        state.append(msg.by)
        ctx.reply(ReplaceAnswer(len(state), sum(state)))

    assert rw.replay(recorded(tmp_path / "a.rwr", appends), kernels=[appends]).same
    file = recorded(tmp_path / "b.rwr", appends, state=[5])
    with pytest.raises(errors.NotFound, match="states="):
        rw.replay(file, kernels=[appends])
    assert rw.replay(file, kernels=[appends], states={"sum": [5]}).same


def test_a_replacement_while_recording_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.rwr"
    with rw.Runtime("cpu", workers=2) as runtime, runtime.record(file):
        kernel = runtime.launch(native_doubles, name="sum")
        kernel.request(ReplaceStep(1), T)
        kernel.replace(native_triples)
        kernel.request(ReplaceStep(1), T)
    report = rw.replay(file, kernels=[native_doubles])
    assert any("replaced 1 times while recording" in warning for warning in report.warnings)
    assert (report.equal, report.different) == (1, 1)


def test_the_command_takes_kernels_by_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = recorded(tmp_path / "a.rwr", native_doubles)
    here = "tests.python.test_replay_kernels"
    assert main(["replay", file, "--kernel", f"{here}:native_doubles"]) == 0
    assert main(["replay", file, "--kernel", f"sum={here}:native_triples", "--allow-changed"]) == 1
    for words, text in (
        ([], "--kernel MODULE:NAME"),
        (["--kernel", f"sum={here}:native_triples"], "--allow-changed"),
        (["--kernel", "nonsense"], "must be MODULE:NAME"),
        (["--kernel", f"{here}:absent"], "absent"),
        (["--kernel", f"{here}:recorded"], "no kernel made by"),
    ):
        assert main(["replay", file, *words]) == 1
        assert text in capsys.readouterr().err
