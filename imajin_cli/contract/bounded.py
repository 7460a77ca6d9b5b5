"""Reading a file that somebody named, which may be anything: a pipe that never ends, a device, gigabytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from imajin_cli.contract.errors import InputError


def read_named(name: str, what: str, most: int) -> bytes:
    """The bytes of a regular file, one more than ``most`` where it is larger. ``what`` is it in an error's words.

    Raises InputError for one that is no regular file or cannot be read.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(Path(name).expanduser(), flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{what} {name}: not a regular file")
            return file.read(most + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} {name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
