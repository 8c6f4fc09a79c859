"""Fixtures that every Python test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from typing import NoReturn

import pytest
import ringway

BACKENDS = tuple(ringway.backends())
# The CPU is always there, and lacks nothing.
REQUIRED = {"cpu", *filter(None, os.environ.get("RINGWAY_REQUIRE", "").split(","))}


# A background job of a shell starts with Ctrl-C ignored, and so would all processes that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def why_absent(backend: str) -> str | None:
    """Reason why a backend cannot be used here; None when it can."""
    return ringway.backends()[backend] or None


def present(name: str) -> str:
    """The backend's name; skips the test where it cannot be used, or fails it where that is required."""
    reason = why_absent(name)
    if reason is not None:
        if name in REQUIRED:
            pytest.fail(f"RINGWAY_REQUIRE names {name}, but {reason}")
        pytest.skip(reason)
    return name


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each available backend's name; RINGWAY_REQUIRE=cuda,metal turns an absent one's skip into a failure."""
    return present(request.param)


@pytest.fixture(params=[name for name in BACKENDS if name != "cpu"])
def device(request: pytest.FixtureRequest) -> str:
    """The same of those that are not the CPU."""
    return present(request.param)


@pytest.fixture
def lacks(backend: str) -> Callable[[object], NoReturn]:
    """Skips a test because the backend lacks a level or an option; fails it where the backend is required."""

    def skip(reason: object) -> NoReturn:
        text = f"{backend}: {reason}"
        if backend in REQUIRED:
            pytest.fail(f"RINGWAY_REQUIRE names {backend}, but {reason}")
        pytest.skip(text)

    return skip


def _skip_without_ring_kernels(item: pytest.Item) -> Generator[None, None, None]:
    """Skips a test on a backend that has dispatches only; fails it where that backend is required."""
    try:
        return (yield)
    except ringway.errors.BackendUnavailable as error:
        if "has dispatches but no ring kernels" not in str(error):
            raise
        callspec = getattr(item, "callspec", None)
        if callspec is None or callspec.params.get("backend") in REQUIRED:
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Fixtures start runtimes, too."""
    return (yield from _skip_without_ring_kernels(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A backend may have one of the two levels."""
    return (yield from _skip_without_ring_kernels(item))


def pytest_configure() -> None:
    """A misspelt name would require nothing."""
    unknown = REQUIRED - set(BACKENDS)
    if unknown:
        raise pytest.UsageError(
            f"RINGWAY_REQUIRE names {', '.join(sorted(unknown))}; the backends are {', '.join(BACKENDS)}"
        )


def try_more_examples(items: list[pytest.Item]) -> None:
    """Ten times as many examples of each property."""
    hypothesis = pytest.importorskip("hypothesis")
    for item in items:
        test = getattr(item, "obj", None)
        of_test = getattr(test, "_hypothesis_internal_use_settings", None)
        if of_test is not None:
            function = getattr(test, "__func__", test)
            more = hypothesis.settings(of_test, max_examples=10 * of_test.max_examples)
            function._hypothesis_internal_use_settings = more


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("RINGWAY_FULL") == "1":
        try_more_examples(items)
    leave_out_absent_backends(config, items)


def leave_out_absent_backends(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the tests on a backend that is absent, one stays, to show the reason; all when it is required."""
    kept, left_out = [], []
    shown: set[str] = set()
    for item in items:
        callspec = getattr(item, "callspec", None)
        name = callspec.params.get("backend") if callspec else None
        if name in shown and name not in REQUIRED and why_absent(name):
            left_out.append(item)
            continue
        kept.append(item)
        if name in BACKENDS:
            shown.add(name)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
