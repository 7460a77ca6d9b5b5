"""Standard output as the next stage of a pipe reads it, and the ways in which a process is made to end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from imajin_cli.contract.errors import ImajinError, OutputError
from imajin_cli.contract.exits import Exit


class PipeClosed(BaseException):
    """Nobody reads standard output any more: end with 141. Not a BrokenPipeError, which Typer would turn into exit 1."""


class Terminated(BaseException):
    """SIGTERM arrived: unwind, drop what is half-written, end with 143."""


# Where `write_out` writes while somebody else has standard output: see `to_ourselves`.
_ours: list[IO[bytes]] = []


@contextmanager
def to_ourselves() -> Iterator[None]:
    """Keep standard output for `write_out` while a library is at work that prints on it: that goes to standard error."""
    if sys.stdout is None or sys.stderr is None:
        yield
        return
    sys.stdout.flush()
    before = sys.stdout
    with os.fdopen(os.dup(1), "wb") as kept:
        # The descriptor for what a library writes in C++, the object for what it prints.
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        _ours.append(kept)
        try:
            yield
        finally:
            _ours.pop()
            sys.stdout = before
            os.dup2(kept.fileno(), 1)


def write_out(data: bytes) -> None:
    """Bytes on standard output, at once: the next stage of a pipe is waiting.

    Raises PipeClosed when nobody is, OutputError where standard output is closed or cannot take it.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    try:
        sys.stdout.flush()
        out = _ours[-1] if _ours else sys.stdout.buffer
        out.write(data)
        out.flush()
    except BrokenPipeError:
        raise PipeClosed from None
    except OSError as error:
        raise OutputError(f"standard output: cannot be written: {error.strerror}") from None


def exit_of(error: BaseException) -> Exit:
    """The exit code that an exception stands for when it ends the process."""
    if isinstance(error, ImajinError):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    if isinstance(error, Terminated):
        return Exit.TERMINATED
    if isinstance(error, PipeClosed | BrokenPipeError):
        return Exit.PIPE_CLOSED
    known = isinstance(error, OSError) and error.errno is not None and error.strerror is not None
    return Exit.USAGE if known else Exit.ERROR
