"""Arguments, exit statuses and the one line that an error becomes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ringway._core import __version__
from ringway.cli import bench, info, pagerank, queues, replay, top, trace, validate
from ringway.cli.console import Console
from ringway.errors import Error

USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
COMMANDS = (bench, info, pagerank, queues, replay, top, trace, validate)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"ringway: error: {message} (see `{self.prog} --help`)\n")
        sys.exit(USAGE_ERROR)


def build_parser() -> Parser:
    """All commands with their options."""
    parser = Parser(prog="ringway", description="Ring kernels and PageRank from the command line.")
    parser.add_argument("--version", action="version", version=f"ringway {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def describe(error: BaseException) -> str:
    """An error as one line, without the number that the system puts before its text."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def silence_stdout() -> None:
    """Nobody reads any more: what is still buffered must not raise again when Python exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        0 when all went well, 1 after an error or a failed check, 130 after Ctrl-C, 141 when the reader of a
        pipe went away. Wrong usage exits with 2.
    """
    console = Console(sys.stdout, sys.stderr)
    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments, console)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        console.error("interrupted")
        return INTERRUPTED
    except (Error, OSError, MemoryError) as error:
        console.error(describe(error))
        return 1
    return status
