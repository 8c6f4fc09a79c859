"""Opens graph files and feeds their bytes, unpacked, to the native readers."""

from __future__ import annotations

import gzip
import io
import pathlib
import zlib
from collections.abc import Callable

from ringway import _core
from ringway.errors import GraphError, InvalidOption

CHUNK = 1 << 20
PARQUET = "parquet"
PARQUET_MARK = b"PAR1"
GZIP_MARK = b"\x1f\x8b"
OTHER_PACKERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}

_Format = _core.GraphFormat
# Name of the format → native reader, column delimiter ("\0": the reader finds it), whether it has weights.
FORMATS: dict[str, tuple[_core.GraphFormat, str, bool | None]] = {
    "mtx": (_Format.mtx, "\0", None),
    "el": (_Format.edges, "\0", None),
    "snap": (_Format.edges, "\0", None),
    "wel": (_Format.edges, "\0", True),
    "csv": (_Format.table, "\0", None),
    "tsv": (_Format.table, "\t", None),
    "sg": (_Format.sg, "\0", None),
    "wsg": (_Format.wsg, "\0", None),
    "rwg": (_Format.rwg, "\0", None),
}


def _format_of(
    path: pathlib.Path, format: str | None, beginning: bytes
) -> tuple[_core.GraphFormat, str, bool | None]:
    if format is not None:
        if not isinstance(format, str) or format not in FORMATS:
            raise InvalidOption(
                f"format is {format!r}; one of {', '.join((*FORMATS, PARQUET))}, or None to go by the file"
            )
        return FORMATS[format]
    suffixes = [suffix[1:].lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == "gz":
        suffixes.pop()
    if suffixes and suffixes[-1] in FORMATS:
        return FORMATS[suffixes[-1]]
    if b"\0" in beginning and _core.sniff_graph_format(beginning) is not _Format.rwg:
        raise GraphError(
            f"{path}: neither text nor a graph that ringway saved; if it is a serialized graph of GAP, "
            "pass format='sg' or 'wsg'"
        )
    return _core.sniff_graph_format(beginning), "\0", None


def is_parquet(path: pathlib.Path, format: str | None) -> bool:
    """Whether a file is one of Parquet, by `format`, by its name's ending, or by its content."""
    if format is not None:
        return isinstance(format, str) and format == PARQUET
    if path.suffix[1:].lower() in FORMATS:
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == f".{PARQUET}" or file.read(len(PARQUET_MARK)) == PARQUET_MARK


def check_save_name(path: pathlib.Path) -> None:
    """Refuse the name of a file that would be read as another format than the one that is saved."""
    packed = path.suffix.lower() == ".gz"
    plain = path.with_suffix("") if packed else path
    suffix = plain.suffix[1:].lower()
    known = suffix in FORMATS
    name = f"{plain.stem if known else plain.name}.rwg"
    if packed:
        raise InvalidOption(f"{path}: what is saved is not compressed; name it {name}")
    if known and suffix != "rwg":
        raise InvalidOption(
            f"{path}: a graph is saved in ringway's own format, and would be read as {suffix}; name it {name}"
        )


def _refuse_other_packers(path: pathlib.Path, mark: bytes) -> None:
    for prefix, packer in OTHER_PACKERS.items():
        if mark.startswith(prefix):
            raise GraphError(
                f"{path}: compressed by {packer}, which is not read; unpack it or compress it by gzip"
            )


def read(
    path: pathlib.Path,
    format: str | None,
    options: dict[str, bool | None],
    progress: Callable[[int, int], object] | None,
) -> _core.Graph:
    """Graph of the file at `path`; the options are those of `Graph.read`."""
    with path.open("rb", buffering=0) as raw:
        total = raw.seek(0, io.SEEK_END)
        raw.seek(0)
        mark = raw.read(6)
        raw.seek(0)
        _refuse_other_packers(path, mark)
        packed = mark.startswith(GZIP_MARK)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        buffer = memoryview(bytearray(CHUNK))
        try:
            size = stream.readinto(buffer) or 0
            kind, delimiter, weighted = _format_of(path, format, bytes(buffer[: min(size, 1 << 16)]))
            if options["weighted"] is None:
                options["weighted"] = weighted
            length = None if packed else total
            reader = _core.GraphReader(kind, str(path), bytes=length, delimiter=delimiter, **options)
            while size > 0:
                reader.feed(buffer[:size])
                if progress is not None:
                    progress(raw.tell(), total)
                size = stream.readinto(buffer) or 0
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise GraphError(f"{path}: the gzip data is damaged or cut off ({error})") from error
    return reader.finish()
