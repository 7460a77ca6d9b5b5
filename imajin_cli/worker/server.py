"""The supervisor: accepts commands over the socket, has model processes do them, and outlives whatever happens to those.

One thread, one loop, nothing heavy: it imports neither Typer nor a stage. ``python -m imajin_cli.worker.server``.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import secrets
import socket
import stat
import sys
import time
from typing import Any

from imajin_cli.worker import limits, place
from imajin_cli.worker.supervisor import Supervisor

_LOCK_SECONDS = 3.0


def main() -> None:
    """``server DESCRIPTOR IDENTITY SETTINGS``: listen, say so on the descriptor, and work until idle for long."""
    telling, name, settings = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    _only_ours(telling)
    os.chdir("/")
    os.umask(0o077)
    serve(name, settings, telling)


def serve(name: str, settings: dict[str, Any], telling: int | None = None) -> bool:
    """Be the worker ``name``; False where another process is it already. Raises Unusable, OSError."""
    folder = place.open_folder(create=True)
    lock = _locked(folder, name)
    if lock is not None:
        listener, mine = _listening(folder, name)
    if telling is not None:
        os.write(telling, b"1")
        os.close(telling)
    if lock is None:
        return False
    Supervisor(listener, _Door(folder, name, mine, lock), name, limits.settled(settings)).loop()
    return True


class _Door:
    """The socket's name: there while clients may come."""

    def __init__(self, folder: int, name: str, mine: tuple[int, int], lock: int) -> None:
        self._folder = folder
        self._name = place.socket_name(name)
        self._mine = mine
        self._lock = lock
        self.open = True

    def there(self) -> bool:
        """Whether the name still leads here: somebody may have cleaned the folder."""
        try:
            state = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return (state.st_dev, state.st_ino) == self._mine

    def close(self) -> None:
        """Take the name away; the next command may then start another worker while this one ends its work."""
        if self.open:
            if self.there():
                os.unlink(self._name, dir_fd=self._folder)
            os.close(self._lock)
            self.open = False


def _only_ours(telling: int) -> None:
    """Close what was inherited: a pipe that a daemon keeps open would never end."""
    for entry in os.listdir("/proc/self/fd"):
        number = int(entry)
        if number > 2 and number != telling:
            try:
                os.close(number)
            except OSError:
                continue  # the listing's own
    os.set_inheritable(telling, False)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _locked(folder: int, name: str) -> int | None:
    """The lock that the one worker of this name holds; None where another holds it and answers."""
    lock = os.open(f"worker-{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = place.connect(folder, place.socket_name(name))
            if other is not None or time.monotonic() > until:
                os.close(lock)
                return None
            time.sleep(0.02)
        else:
            return lock


def _listening(folder: int, name: str) -> tuple[socket.socket, tuple[int, int]]:
    """A socket that listens under the worker's name, and its (device, inode). A stale one is replaced at once."""
    temporary = f".{secrets.token_hex(8)}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(place.address(folder, temporary))
    os.chmod(place.address(folder, temporary), stat.S_IRUSR | stat.S_IWUSR)
    listener.listen(256)
    listener.setblocking(False)
    os.rename(temporary, place.socket_name(name), src_dir_fd=folder, dst_dir_fd=folder)
    state = os.stat(place.socket_name(name), dir_fd=folder, follow_symlinks=False)
    return listener, (state.st_dev, state.st_ino)


if __name__ == "__main__":
    main()
