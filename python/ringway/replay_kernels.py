"""What a replay launches where the recording has kernels of a program's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ringway import _core
from ringway.errors import InvalidOption, NotFound, RecordingError, TypeMismatch
from ringway.interpreted.values import is_fixed
from ringway.user_kernels import UserKernel

Kernels = Iterable[UserKernel[Any]] | Mapping[str, UserKernel[Any]]


class Given:
    """The kernels and states that a replay was given; called for each recorded kernel of a program's own."""

    def __init__(self, kernels: Kernels, states: Mapping[str, Any], allow_changed: bool) -> None:
        if isinstance(kernels, Mapping):
            named = dict(kernels)
        else:
            try:
                named = {kernel.name: kernel for kernel in kernels}
            except (AttributeError, TypeError):
                named = {"": kernels}
        if not all(isinstance(name, str) and isinstance(one, UserKernel) for name, one in named.items()):
            raise InvalidOption(
                f"kernels is {kernels!r}; it must hold kernels made by ringway.kernel or KernelSource, "
                "or map the names of recorded kernels to such"
            )
        if not isinstance(states, Mapping):
            raise InvalidOption(f"states is {states!r}; it must map the names of recorded kernels to states")
        self._kernels, self._states, self._allow_changed = named, states, allow_changed

    def __call__(self, fields: dict[str, bytes]) -> tuple[_core.UserKernel, bytes]:
        """Return what is launched, and the bytes of its first state where it is compiled."""
        name, kind, program, source = (
            fields[field].decode(errors="replace") for field in ("name", "kernel", "program", "source")
        )
        kernel = self._kernels.get(name) or self._kernels.get(kind)
        if kernel is None:
            told = f", which was {program} then" if program else ""
            raise NotFound(
                f"the recording has kernel {name!r} of the program's own, {kind!r}{told}; give it by "
                f"replay(..., kernels=[{kind}]) or --kernel MODULE:NAME"
            )
        if kernel.source_hash != source and not self._allow_changed:
            raise RecordingError(
                f"kernel {name!r} was recorded with the source {source}, and {kernel.name!r} "
                f"{f'({kernel.program}) ' if kernel.program else ''}has the source {kernel.source_hash}; "
                "compare the two by replay(..., allow_changed=True) or --allow-changed"
            )
        outputs = tuple(filter(None, fields["outputs"].decode(errors="replace").split("\n")))
        if kernel.outputs[: len(outputs)] != outputs:
            raise InvalidOption(
                f"kernel {name!r} was recorded with the links {', '.join(outputs)}, and {kernel.name!r} has "
                f"{', '.join(kernel.outputs) or 'none'}; name them in one order by outputs=(...)"
            )
        begun: tuple[_core.UserKernel, bytes] = kernel.begin(
            self._state(name, kernel, fields), int(fields["grid"]), fields["backend"].decode()
        )
        return begun

    def _state(self, name: str, kernel: UserKernel[Any], fields: dict[str, bytes]) -> Any:
        if name in self._states:
            return self._states[name]
        if fields["opaque_state"] == b"1":
            raise NotFound(
                f"kernel {name!r} began with a state that a recording does not hold; give one by "
                f"replay(..., states={{{name!r}: ...}})"
            )
        held = fields["state"]
        if not held:
            return None
        if not is_fixed(kernel.state) or len(held) != kernel.state.dtype().itemsize:
            raise TypeMismatch(
                f"kernel {name!r} began with a state of {len(held)} bytes, which is none of kernel "
                f"{kernel.name!r}; give one by replay(..., states={{{name!r}: ...}})"
            )
        return kernel.state.decode(held)
