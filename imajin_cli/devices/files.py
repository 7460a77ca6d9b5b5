"""Files in a folder that others may write to: opened without following or blocking on anything, and looked at first."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import NamedTuple

MOST_BYTES = 64 << 10
_USUAL_BYTES = 4 << 10
_SAFE = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class Refused(Exception):  # noqa: N818 (it is no error of ours: the file is passed over)
    """A file that does not look like one of ours; its text says why."""


class Place(NamedTuple):
    """A folder, and what its permissions say about the files in it."""

    path: str
    mode: int
    uid: int
    gid: int

    @property
    def shared(self) -> bool:
        """Whether its group writes to it too."""
        return bool(self.mode & stat.S_IWGRP)

    @property
    def sticky(self) -> bool:
        """Whether a user cannot remove what another left behind."""
        return bool(self.mode & stat.S_ISVTX)

    def at(self, name: str) -> str:
        """The path of a file in it."""
        return f"{self.path}{os.sep}{name}"


def open_place(path: str) -> Place:
    """A folder that is there. Raises OSError, or Refused for a link or what is no folder."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise Refused("is a link" if stat.S_ISLNK(found.st_mode) else "is no folder")
    return Place(path, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def make_place(path: str, above: Place | None = None) -> Place:
    """The folder, made if need be: below ``above`` with its permissions, whatever the umask; else for this user alone.

    Raises OSError, or Refused for a link or what is no folder.
    """
    with contextlib.suppress(FileNotFoundError):  # it is made then
        return open_place(path)
    if above is None:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    # Another process may make it first.
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
        if above is not None:
            _own(path, above)
            os.chmod(path, above.mode & 0o2777 | 0o700)
    return open_place(path)


def create(place: Place, name: str) -> int:
    """A new file's descriptor, for reading and writing, as open to others as the folder is. Raises OSError."""
    path = place.at(name)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)
    try:
        wanted = 0o600 | place.mode & 0o666
        if wanted != 0o600:
            os.chmod(descriptor if os.chmod in os.supports_fd else path, wanted)
        _own(descriptor, place)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_ours(place: Place, name: str, *, write: bool = True, append: bool = False) -> int:
    """The descriptor of a file that is there. Raises OSError, and Refused for one that we would not have made."""
    return open_known(place, name, write=write, append=append)[0]


def open_known(place: Place, name: str, *, write: bool = True, append: bool = False) -> tuple[int, os.stat_result]:
    """The same with what is known of the file. Raises as `open_ours` does."""
    try:
        mode = (os.O_RDWR if write else os.O_RDONLY) | (os.O_APPEND if append else 0)
        descriptor = os.open(place.at(name), mode | _SAFE)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"cannot be opened: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        why = _strange(found, place)
    except BaseException:
        os.close(descriptor)
        raise
    if why is not None:
        os.close(descriptor)
        raise Refused(why)
    return descriptor, found


def open_or_create(place: Place, name: str) -> tuple[int, bool]:
    """The file's descriptor, and whether it is new. Raises OSError, and Refused for one that we would not have made."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # it is made then
            return open_ours(place, name), False
        with contextlib.suppress(FileExistsError):
            return create(place, name), True


def read_all(descriptor: int) -> bytes:
    """What a small file holds, from its beginning. Raises OSError."""
    if hasattr(os, "pread"):
        # Room for all that it may hold costs more than most files do.
        data = os.pread(descriptor, _USUAL_BYTES, 0)
        return data if len(data) < _USUAL_BYTES else data + os.pread(descriptor, MOST_BYTES - len(data), len(data))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, MOST_BYTES)


def read_small(place: Place, name: str) -> bytes:
    """What a file of a folder holds; nothing where it cannot be read, or is not one that we would have made."""
    try:
        descriptor = open_ours(place, name, write=False)
    except (OSError, Refused):
        return b""
    try:
        return read_all(descriptor)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def write_at(descriptor: int, data: bytes, at: int) -> None:
    """Write all of it at one place. Raises OSError, also where only a part was taken (a full disk)."""
    if hasattr(os, "pwrite"):
        done = os.pwrite(descriptor, data, at)
    else:
        os.lseek(descriptor, at, os.SEEK_SET)
        done = os.write(descriptor, data)
    if done != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def is_still(descriptor: int, path: str) -> bool:
    """Whether ``path`` is still the name of the open file."""
    try:
        named, opened = os.lstat(path), os.fstat(descriptor)
    except OSError:
        return False
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


def _strange(found: os.stat_result, place: Place) -> str | None:
    mode = found.st_mode
    if (
        found.st_uid == place.uid
        and found.st_nlink == 1
        and stat.S_ISREG(mode)
        and found.st_size <= MOST_BYTES
        and not mode & 0o022 & ~place.mode
    ):
        return None
    if not stat.S_ISREG(found.st_mode):
        return "is no plain file"
    if found.st_nlink == 0:
        raise FileNotFoundError
    if found.st_nlink > 1:
        return "has another name elsewhere"
    if found.st_size > MOST_BYTES:
        return f"holds {found.st_size} bytes"
    if not hasattr(os, "geteuid"):
        return None
    if found.st_uid not in (os.geteuid(), place.uid, 0) and not (place.shared and found.st_gid == place.gid):
        return "belongs to another user"
    if stat.S_IMODE(found.st_mode) & 0o022 & ~place.mode:
        return "may be written by more people than its folder"
    return None


def _own(target: int | str, place: Place) -> None:
    """What root makes in somebody's folder belongs to that somebody, who could not use it else."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and (place.uid, place.gid) != (0, os.getegid()):
        os.chown(target, place.uid, place.gid)
