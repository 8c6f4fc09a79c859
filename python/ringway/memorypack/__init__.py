"""MemoryPack: message classes, and codecs for schemas written as plain data."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from ringway._core import Codec as Codec
from ringway._core import Message as Message
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
    """Wire form of a message object: its ``encode()``, for classes that do not derive from Message."""
    return cast(Message, value).encode()


def decode(cls: type[Object], data: bytes | bytearray | memoryview) -> Object:
    """Message object of that class from its wire form; the same as ``cls.decode(data)``.

    Raises
    ------
    DecodeError
        Bytes that are no such message; ``offset`` is where reading stopped.
    """
    return cast(Object, cast(Any, cls).decode(data))
