"""What a stage is given: arguments, or names on standard input, one a line or NUL-separated, as they arrive."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from imajin_cli.contract.errors import InputError, UsageError

MAX_NAME = 1 << 16
# What nobody ends a prompt with: an argument that does is a file, also where it is not there.
_FILE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ico", ".svg", ".json")


def are_files(arguments: Sequence[str]) -> bool:
    """Whether all arguments name files, and not one is a prompt."""
    return all(argument.lower().endswith(_FILE_ENDINGS) or os.path.isfile(argument) for argument in arguments)


def names_are_piped() -> bool:
    """Whether standard input is a pipe, a socket or a file. A terminal and /dev/null, which CI gives, hold no names."""
    try:
        mode = os.fstat(0 if sys.stdin is None else sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return sys.stdin is not None and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode))


def names(arguments: Sequence[str], *, null: bool) -> Iterator[str]:
    """The given names: the arguments, or, with none, what standard input holds.

    Names are decoded as the file system does, so that bytes that are no UTF-8 survive. Raises UsageError where neither
    arguments nor a pipe is there.
    """
    if arguments:
        yield from arguments
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("nothing to work on", hint="name files, or pipe their names in")
    yield from split_names(sys.stdin.buffer, b"\0" if null else b"\n")


def split_names(stream: IO[bytes], separator: bytes) -> Iterator[str]:
    """Names from ``stream``, each as soon as its separator has arrived. Raises InputError for one of over 64 KiB."""
    if separator == b"\n":
        while line := stream.readline(MAX_NAME):
            if len(line) >= MAX_NAME:
                raise InputError("standard input holds a line of over 64 KiB: expected a file name")
            name = line.rstrip(b"\r\n")
            if name:
                yield os.fsdecode(name)
        return
    rest = b""
    while chunk := os.read(stream.fileno(), MAX_NAME):
        *whole, rest = (rest + chunk).split(separator)
        for name in whole:
            if name:
                yield os.fsdecode(name)
        if len(rest) >= MAX_NAME:
            raise InputError("standard input holds a name of over 64 KiB")
    if rest:
        yield os.fsdecode(rest)
