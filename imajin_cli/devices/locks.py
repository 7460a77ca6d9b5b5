"""The operating system's lock on a descriptor of our own.

It belongs to the open file, not to a process id: it goes when the last process that has the descriptor ends, however that
ends, and it can be passed on through exec. filelock's ``lock_descriptor`` is that lock and nothing more; its ``FileLock``
closes at a fork, and falls back to a file's mere presence where the system has no locks.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

_FIRST_PAUSE = 0.0001
_LONGEST_PAUSE = 0.005


@cache
def _filelock() -> Any:
    import filelock

    return filelock


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock if nobody has it. Raises OSError where the system cannot lock."""
    return bool(_filelock().lock_descriptor(descriptor, blocking=False))


def unlock(descriptor: int) -> None:
    """Give the lock back for every process that has this open file."""
    _filelock().unlock_descriptor(descriptor)


def lock_within(descriptor: int, deadline: float) -> bool:
    """Take the lock by ``deadline`` (time.monotonic); False where it passes first.

    It asks again and again instead of blocking, since a holder that was stopped would block us for good. It is held for
    fractions of a millisecond, and the order in which it is had means nothing: turns are by ticket.
    """
    pause = _FIRST_PAUSE
    while not try_lock(descriptor):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return True
