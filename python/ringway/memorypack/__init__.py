"""MemoryPack: message classes, and codecs for schemas written as plain data."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from ringway._core import Codec as Codec
from ringway._core import Message as Message
from ringway.errors import TypeMismatch
from ringway.memorypack.classes import field as field
from ringway.memorypack.classes import message as message
from ringway.memorypack.layout import describe as describe

__all__ = ["Codec", "Message", "codec", "decode", "describe", "encode", "field", "message"]

Object = TypeVar("Object")


def codec(schema: Any) -> Codec:
    """Reusable encoder and decoder for a schema written as plain data (docs/messages.md has the notation).

    Raises
    ------
    SchemaError
        A schema that has no wire form.
    """
    return Codec(schema)


def encode(value: object) -> bytes:
    """Wire form of a message object: its ``encode()``, for classes that do not derive from Message.

    Raises
    ------
    EncodeError
        A member's value does not fit its type.
    TypeMismatch
        No message object.
    """
    if not isinstance(value, Message):
        raise TypeMismatch(f"{value!r} is no message; decorate its class with @ringway.message")
    return value.encode()


def decode(cls: type[Object], data: bytes | bytearray | memoryview) -> Object:
    """Message object of that class from its wire form; the same as ``cls.decode(data)``.

    Raises
    ------
    DecodeError
        Bytes that are no such message; ``offset`` is where reading stopped.
    TypeMismatch
        No message class.
    """
    if not (isinstance(cls, type) and issubclass(cls, Message)):
        raise TypeMismatch(f"{cls!r} is no message class; decorate it with @ringway.message")
    return cast(Object, cast(Any, cls).decode(data))
