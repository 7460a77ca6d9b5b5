"""What a finished picture took goes back to the system: glibc keeps freed memory, in a heap for each thread that ever ran."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

# Of glibc's malloc.h: how many heaps there may be.
_M_ARENA_MAX = -8


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library where it is glibc, with one heap for all threads from now on; else None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 (musl has none)
        library.mallopt(_M_ARENA_MAX, 1)
    except (OSError, AttributeError):
        return None
    return library


def one_heap() -> None:
    """Have threads that begin later share one heap, where the C library has several: what one freed serves the next."""
    _glibc()


def give_back() -> None:
    """Return freed memory to the system, where the C library can: some milliseconds, so once a picture and no more."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
