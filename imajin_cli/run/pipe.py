"""Standard output as the next stage of a pipe reads it."""

from __future__ import annotations

import sys


class PipeClosed(BaseException):
    """Nobody reads standard output any more: end with 141. Not a BrokenPipeError, which Typer would turn into exit 1."""


def write_out(data: bytes) -> None:
    """Bytes on standard output, at once: the next stage of a pipe is waiting. Raises PipeClosed when nobody is."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise PipeClosed from None
