"""Writes that are whole or not there, and the lock on a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imajin_cli.contract.errors import OutputError

TEMP_PREFIX = ".imajin-"
TEMP_SUFFIX = ".tmp"


def temporary_in(folder: Path) -> Path:
    """A fresh name in ``folder`` for a file on its way. Short, so that it fits wherever the final name fits.

    Random, not counted up: containers that share a folder all have the same few process ids, and a killed one leaves a file.
    """
    return folder / f"{TEMP_PREFIX}{os.urandom(8).hex()}{TEMP_SUFFIX}"


def write_atomic(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Write ``data`` beside ``path`` and rename it there: a kill at any instant leaves the old file or the new one.

    ``sync`` also forces the bytes to disk before the rename. Raises OutputError.
    """
    temporary = temporary_in(path.parent)
    try:
        # Nothing is to be discarded where this fails: a file of that name would be another process's.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        _fill(descriptor, data, sync)
        os.replace(temporary, path)
    except OSError as error:
        _discard(temporary)
        raise _unwritable(path, error) from None
    except BaseException:
        _discard(temporary)
        raise


def _unwritable(path: Path, error: OSError | ValueError) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return OutputError(f"{path}: cannot be written: {reason}")


def _fill(descriptor: int, data: bytes, sync: bool) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create ``folder`` and its parents. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputError(f"{folder}: cannot be made: {reason}") from None


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the exclusive lock on ``folder`` itself; it goes with the process, however that ends. Raises OutputError.

    The lock is on the folder's own descriptor, so that no lock file is left behind; importing filelock for it would cost
    more than a gate's whole bookkeeping. Where a folder cannot be locked (Windows), a lock file of filelock's stands in.
    """
    try:
        import fcntl
    except ImportError:
        from filelock import FileLock

        with FileLock(folder / f"{TEMP_PREFIX}lock"):
            yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be locked: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be locked: {error.strerror}") from None
        yield
    finally:
        os.close(descriptor)
