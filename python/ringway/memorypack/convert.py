"""Wire types that the native codec leaves to Python: pairs of functions to and from the wire bytes."""

from __future__ import annotations

import datetime
import math
import struct
import uuid
from decimal import Decimal
from typing import Any

import numpy as np

Pair = tuple[Any, Any]

EPOCH = 621_355_968_000_000_000  # ticks of 100 ns from year 1 to 1970
MOST_TICKS = 3_155_378_975_999_999_999
TICKS = (1 << 62) - 1
UNSPECIFIED, UTC = 0, 1
YEAR_1 = datetime.datetime(1, 1, 1)


def coerce(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """C-contiguous array of that dtype; a conversion that would lose the kind of number is refused."""
    array = np.asarray(value)
    if array.size == 0 and array.dtype != dtype:
        return np.zeros(array.shape, dtype)
    return np.ascontiguousarray(array.astype(dtype, casting="same_kind", copy=False))


def integer(size: int, signed: bool) -> Pair:
    """Little-endian integer of ``size`` bytes."""
    return (
        lambda value: value.__index__().to_bytes(size, "little", signed=signed),
        lambda raw: int.from_bytes(raw, "little", signed=signed),
    )


def plain_integer(size: int, signed: bool) -> Pair:
    """The same, as a decimal string in plain data."""
    write, read = integer(size, signed)
    return (lambda value: write(int(value)), lambda raw: str(read(raw)))


def half_to_wire(value: float) -> bytes:
    return struct.pack("<e", float(value))


def half_from_wire(raw: bytes) -> float:
    number: float = struct.unpack("<e", raw)[0]
    return number


def plain_half(raw: bytes) -> Any:
    number = half_from_wire(raw)
    return number if math.isfinite(number) else str(number)


def decimal_to_wire(value: Any) -> bytes:
    number = value if isinstance(value, Decimal) else Decimal(value)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{number} has no decimal form")
    unscaled = int("".join(map(str, digits)))
    if exponent > 0:
        if exponent > 28:
            raise ValueError(f"{number} does not fit a decimal of 96 bits")
        unscaled, exponent = unscaled * 10**exponent, 0
    if unscaled >> 96 or exponent < -28:
        raise ValueError(f"{number} does not fit a decimal of 96 bits and at most 28 places")
    return struct.pack("<IIQ", -exponent << 16 | sign << 31, unscaled >> 64, unscaled & 0xFFFF_FFFF_FFFF_FFFF)


def decimal_from_wire(raw: bytes) -> Decimal:
    flags, high, low = struct.unpack("<IIQ", raw)
    scale = flags >> 16 & 0xFF
    if flags & 0x7F00FFFF or scale > 28:
        raise ValueError(f"flags {flags:#x} of a decimal")
    return Decimal((flags >> 31, tuple(map(int, str(high << 64 | low))), -scale))


def ticks_of(moment: datetime.datetime) -> int:
    span = moment.replace(tzinfo=None) - YEAR_1
    return (span.days * 86_400 + span.seconds) * 10_000_000 + span.microseconds * 10


def moment_of(ticks: int) -> datetime.datetime:
    if not 0 <= ticks <= MOST_TICKS:
        raise ValueError(f"{ticks} ticks are no date")
    return YEAR_1 + datetime.timedelta(microseconds=ticks // 10)


def datetime_to_wire(value: datetime.datetime) -> bytes:
    """Aware times as UTC, naive ones with kind Unspecified."""
    if value.tzinfo is None:
        return struct.pack("<Q", ticks_of(value))
    return struct.pack("<Q", ticks_of(value.astimezone(datetime.timezone.utc)) | UTC << 62)


def datetime_from_wire(raw: bytes) -> datetime.datetime:
    word: int = struct.unpack("<Q", raw)[0]
    moment = moment_of(word & TICKS)
    return moment.replace(tzinfo=datetime.timezone.utc) if word >> 62 == UTC else moment


def plain_datetime_to_wire(value: Any) -> bytes:
    """Unix milliseconds, or {"ticks": "...", "kind": 0..3} for what milliseconds do not hold."""
    if isinstance(value, dict):
        ticks, kind = int(value["ticks"]), int(value["kind"])
    else:
        ticks, kind = int(value) * 10_000 + EPOCH, UNSPECIFIED
    if not (0 <= ticks <= TICKS and 0 <= kind <= 3):
        raise ValueError(f"{value} is no datetime")
    return struct.pack("<Q", ticks | kind << 62)


def plain_datetime_from_wire(raw: bytes) -> Any:
    word: int = struct.unpack("<Q", raw)[0]
    ticks, kind = word & TICKS, word >> 62
    if kind == UNSPECIFIED and ticks % 10_000 == 0:
        return (ticks - EPOCH) // 10_000
    return {"ticks": str(ticks), "kind": kind}


def offset_to_wire(value: datetime.datetime) -> bytes:
    """Ticks in UTC and the offset in minutes; the offset comes first, as .NET lays it out."""
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("a DateTimeOffset needs an aware datetime")
    minutes, rest = divmod(offset, datetime.timedelta(minutes=1))
    if rest or abs(minutes) > 14 * 60:
        raise ValueError(f"offset {offset} is not whole minutes within 14 hours")
    return struct.pack("<h6xQ", minutes, ticks_of(value.astimezone(datetime.timezone.utc)))


def offset_from_wire(raw: bytes) -> datetime.datetime:
    minutes, word = struct.unpack("<h6xQ", raw)
    if abs(minutes) > 14 * 60:
        raise ValueError(f"offset of {minutes} minutes")
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    return moment_of(word & TICKS).replace(tzinfo=datetime.timezone.utc).astimezone(zone)


def timespan_to_wire(value: datetime.timedelta) -> bytes:
    microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return (microseconds * 10).to_bytes(8, "little", signed=True)


def timespan_from_wire(raw: bytes) -> datetime.timedelta:
    return datetime.timedelta(microseconds=int.from_bytes(raw, "little", signed=True) // 10)


def date_to_wire(value: datetime.date) -> bytes:
    return (value.toordinal() - 1).to_bytes(4, "little")


def date_from_wire(raw: bytes) -> datetime.date:
    return datetime.date.fromordinal(int.from_bytes(raw, "little", signed=True) + 1)


def time_to_wire(value: datetime.time) -> bytes:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return (seconds * 10_000_000 + value.microsecond * 10).to_bytes(8, "little")


def time_from_wire(raw: bytes) -> datetime.time:
    microseconds = int.from_bytes(raw, "little") // 10
    if microseconds >= 86_400_000_000:
        raise ValueError("a time of 24 hours or more")
    return (datetime.datetime(1, 1, 1) + datetime.timedelta(microseconds=microseconds)).time()


def big_to_wire(value: int) -> bytes:
    """Two's complement, as short as .NET writes it: zero is one byte."""
    number = value.__index__()
    return number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, "little", signed=True)


def big_from_wire(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def plain_offset_to_wire(value: Any) -> bytes:
    return struct.pack("<h6xQ", int(value["offset"]), int(value["ticks"]))


def plain_offset_from_wire(raw: bytes) -> dict[str, Any]:
    minutes, ticks = struct.unpack("<h6xQ", raw)
    return {"ticks": str(ticks), "offset": minutes}


# Values of message objects.
OBJECTS: dict[str, Pair] = {
    "int128": integer(16, True),
    "uint128": integer(16, False),
    "float16": (half_to_wire, half_from_wire),
    "decimal": (decimal_to_wire, decimal_from_wire),
    "timespan": (timespan_to_wire, timespan_from_wire),
    "datetime": (datetime_to_wire, datetime_from_wire),
    "datetimeoffset": (offset_to_wire, offset_from_wire),
    "dateonly": (date_to_wire, date_from_wire),
    "timeonly": (time_to_wire, time_from_wire),
    "biginteger": (big_to_wire, big_from_wire),
}

# Plain data in the notation of the test vectors.
PLAIN: dict[str, Pair] = {
    "int128": plain_integer(16, True),
    "uint128": plain_integer(16, False),
    "float16": (half_to_wire, plain_half),
    "guid": (lambda value: uuid.UUID(value).bytes_le, lambda raw: str(uuid.UUID(bytes_le=raw))),
    "decimal": (decimal_to_wire, lambda raw: str(decimal_from_wire(raw))),
    "timespan": plain_integer(8, True),
    "datetime": (plain_datetime_to_wire, plain_datetime_from_wire),
    "datetimeoffset": (plain_offset_to_wire, plain_offset_from_wire),
    "dateonly": integer(4, True),
    "timeonly": plain_integer(8, False),
    "biginteger": (lambda value: big_to_wire(int(value)), lambda raw: str(big_from_wire(raw))),
    "bytes": (bytes.fromhex, bytes.hex),
}
