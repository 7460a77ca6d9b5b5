"""Reading files that may be anything: bounded, never waiting, one clear error."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from imajin_cli.contract.errors import InputError

MAX_PICTURE_BYTES = 256 << 20


def read_bytes(path: Path, limit: int = MAX_PICTURE_BYTES) -> bytes:
    """The bytes of a regular file. Raises InputError for anything else, and for more than ``limit`` bytes."""
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{path}: not a regular file")
            data = _read(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if len(data) > limit:
        raise InputError(f"{path}: larger than {limit >> 20} MiB")
    return data


def _read(descriptor: int, limit: int) -> bytes:
    """Up to ``limit`` bytes, in one piece where the file is as large as it says."""
    data = os.read(descriptor, min(os.fstat(descriptor).st_size + 1, limit))
    chunks = [data]
    while data and sum(map(len, chunks)) < limit:
        data = os.read(descriptor, min(1 << 20, limit - sum(map(len, chunks))))
        chunks.append(data)
    return b"".join(chunks) if len(chunks) > 2 else chunks[0]
