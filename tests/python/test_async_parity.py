"""The classes for asyncio offer what those for threads do, under the same names."""

from __future__ import annotations

import asyncio
import inspect

import numpy as np
import pytest
import ringway as rw
from ringway import errors
from ringway.telemetry.spans import AsyncTracedKernel, TracedKernel

PAIRS = [(rw.Runtime, rw.AsyncRuntime), (rw.Kernel, rw.AsyncKernel)]


def public(cls: type) -> dict[str, object]:
    return {name: member for name, member in inspect.getmembers(cls) if not name.startswith("_")}


@pytest.mark.parametrize(("threads", "tasks"), PAIRS, ids=["runtime", "kernel"])
def test_the_same_verbs_with_the_same_parameters(threads: type, tasks: type) -> None:
    here, there = public(threads), public(tasks)
    assert {*here} == {*there}
    for name, member in here.items():
        other = there[name]
        assert type(member) is type(other), name
        if inspect.isfunction(member) and inspect.isfunction(other):
            mine, theirs = inspect.signature(member), inspect.signature(other)
            assert [str(p.name) for p in mine.parameters.values()] == [
                str(p.name) for p in theirs.parameters.values()
            ], name
            assert [p.default for p in mine.parameters.values()] == [
                p.default for p in theirs.parameters.values()
            ], name


@pytest.mark.parametrize(
    ("traced", "plain"), [(TracedKernel, rw.Kernel), (AsyncTracedKernel, rw.AsyncKernel)]
)
@pytest.mark.parametrize("verb", ["send", "request"])
def test_a_traced_kernel_takes_what_the_kernel_takes(traced: type, plain: type, verb: str) -> None:
    mine, theirs = (inspect.signature(getattr(cls, verb)) for cls in (traced, plain))
    assert mine.parameters == theirs.parameters


def test_what_an_asynchronous_runtime_looks_up_and_lends() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime("cpu", workers=1) as runtime:
            echo = await runtime.launch("echo", name="one")
            assert runtime.kernel("one") is echo
            assert runtime.kernels() == [echo]
            with pytest.raises(errors.NotFound):
                runtime.kernel("two")
            with pytest.raises(errors.InvalidOption):
                runtime.kernel(1)  # type: ignore[arg-type]
            with rw.Runtime("cpu", workers=1) as other:
                assert runtime.device == other.device
            assert (echo.worker, echo.bridge, echo.failure) == (0, "direct", "")
            a, b = (runtime.buffer(np.full(8, value, np.float32)) for value in (1, 2))
            result = runtime.buffer(np.zeros(8, np.float32))
            vectors = await runtime.launch("vector_op")
            reply = await vectors.request(
                rw.VectorRequest.by_handle(a.handle, b.handle, result.handle, 8),
                timeout=20,
            )
            assert reply.success
            assert (result.numpy() == 3).all()

    asyncio.run(main())
