"""Numbers of struct messages as handlers in Python see them, so that they compute what compiled ones do.

Integers are Python's and wrap to their field's size when they are stored or sent; an ``f32`` is a
`numpy.float32`, an ``f64`` a float. Elements of a fixed array are the same.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core

_EXACT = (
    np.integer,
    np.bool_,
    np.float64,
)  # whose Python counterpart computes the same, but does not overflow

Store = Callable[[Any], Any]


class FieldArray(np.ndarray[Any, np.dtype[Any]]):
    """A fixed array of a message or state, of Python numbers, but where ``f32`` of `numpy.float32`."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return found.item() if isinstance(found, _EXACT) else found

    def __setitem__(self, at: Any, value: Any) -> None:
        if isinstance(value, int) and self.dtype.kind in "iu":
            value = _wrap(self.dtype)(value)
        super().__setitem__(at, value)


def is_fixed(cls: Any) -> bool:
    """Whether it is a message class of fixed layout."""
    known = isinstance(cls, type) and issubclass(cls, _core.Message)
    return known and getattr(cls, "__message_dtype__", None) is not None


def stored(value: Any) -> Any:
    """Return a struct message as one whose fields take what is stored to them as memory does; else itself."""
    if not is_fixed(type(value)):
        return value
    made: Any = object.__new__(_stored_class(plain_class(type(value))))
    for name in value.dtype().names:
        setattr(made, name, getattr(value, name))
    return made


def plain_class(cls: type[Any]) -> type[Any]:
    """Return the program's class of one that `stored` made."""
    return cls.__base__ if "__stored__" in cls.__dict__ and cls.__base__ is not None else cls


def preparation(cls: type[Any]) -> Callable[[Any], None] | None:
    """Return what makes the members of a decoded message what handlers see, in place; None: they are that."""
    changes = {name: change for name, dtype in _fields(cls) if (change := _shown(dtype)) is not None}
    if not changes:
        return None

    def prepare(message: Any) -> None:
        for name, change in changes.items():
            setattr(message, name, change(getattr(message, name)))

    return prepare


def _fields(cls: type[Any]) -> list[tuple[str, np.dtype[Any]]]:
    fields = cls.dtype().fields
    return [(name, kind) for name, (kind, *_) in fields.items()]


def _shown(dtype: np.dtype[Any]) -> Store | None:
    if dtype.subdtype is not None:
        return lambda value: value.view(FieldArray) if isinstance(value, np.ndarray) else value
    if dtype.fields is not None:
        return _prepared
    return np.float32 if dtype == np.float32 else None


def _prepared(value: Any) -> Any:
    prepare = preparation(type(value)) if is_fixed(type(value)) else None
    if prepare is not None:
        prepare(value)
    return value


_made: dict[type[Any], type[Any]] = {}


def _stored_class(cls: type[Any]) -> type[Any]:
    """Return a subclass whose members take what is stored to them as memory does."""
    if cls in _made:
        return _made[cls]
    stores = {name: store for name, dtype in _fields(cls) if (store := _store(dtype)) is not None}
    put = object.__setattr__

    def set_member(self: Any, name: str, value: Any) -> None:
        store = stores.get(name)
        put(self, name, value if store is None else store(value))

    metaclass: Any = type(cls)
    made: type[Any] = metaclass(
        cls.__name__,
        (cls,),
        {
            "__slots__": (),
            "__stored__": True,
            "__setattr__": set_member,
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
        },
    )
    return _made.setdefault(cls, made)


def _store(dtype: np.dtype[Any]) -> Store | None:
    if dtype.subdtype is not None:
        return _array_of(dtype.subdtype[0])
    if dtype.fields is not None:
        return stored
    if dtype.kind in "iu":
        return _wrap(dtype)
    return {"b1": bool, "f4": np.float32, "f8": float}.get(dtype.str[1:])


def _wrap(dtype: np.dtype[Any]) -> Store:
    limits = np.iinfo(dtype)
    least, most, span = int(limits.min), int(limits.max), 1 << limits.bits

    def wrap(value: Any) -> Any:
        if isinstance(value, enum.Enum):
            return value
        number = operator.index(value)
        return number if least <= number <= most else (number - least) % span + least

    return wrap


def _array_of(element: np.dtype[Any]) -> Store:
    def copied(value: Any) -> Any:
        if element.fields is not None or element.kind not in "biuf":
            return value
        given: NDArray[Any] = np.array(value)
        return (given if given.dtype == element else given.astype(element)).view(FieldArray)

    return copied
