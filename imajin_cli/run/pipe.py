"""Standard output as the next stage of a pipe reads it, and the ways in which a process is made to end."""

from __future__ import annotations

import sys

from imajin_cli.contract.errors import ImajinError, OutputError
from imajin_cli.contract.exits import Exit


class PipeClosed(BaseException):
    """Nobody reads standard output any more: end with 141. Not a BrokenPipeError, which Typer would turn into exit 1."""


class Terminated(BaseException):
    """SIGTERM arrived: unwind, drop what is half-written, end with 143."""


def write_out(data: bytes) -> None:
    """Bytes on standard output, at once: the next stage of a pipe is waiting.

    Raises PipeClosed when nobody is, OutputError where standard output is closed or cannot take it.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
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
