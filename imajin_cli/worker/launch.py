"""From no worker to a worker that listens: started apart from the command, its terminal and its descriptors."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from imajin_cli.worker import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WAIT_SECONDS = 10.0
_MOST_LOG = 1 << 20


def connected(settings: dict[str, Any]) -> socket.socket:
    """A connection to this process's worker, which is started where it is not there. Raises Unusable, OSError."""
    name = place.identity()
    folder = place.open_folder(create=True)
    try:
        sock = place.connect(folder, place.socket_name(name))
        if sock is None:
            start(name, settings)
            sock = _connect_soon(folder, place.socket_name(name))
        return sock
    finally:
        os.close(folder)


def _connect_soon(folder: int, name: str) -> socket.socket:
    """A worker that another command has started may need a moment more than this one's, which has found it there."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        sock = place.connect(folder, name)
        if sock is not None:
            return sock
        time.sleep(0.02)
    raise place.Unusable("it does not answer")


def start(name: str, settings: dict[str, Any]) -> None:
    """Start the worker ``name`` and wait until it listens, or has found another that does. Raises Unusable, OSError."""
    ready, telling = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    log = open_log(name)
    try:
        os.posix_spawn(
            sys.executable,
            command("server", str(telling), name, json.dumps(settings)),
            environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
                # dup2 on itself makes a descriptor that the new program keeps.
                (os.POSIX_SPAWN_DUP2, telling, telling),
            ],
            setsid=True,
        )
    finally:
        for descriptor in (null, log, telling):
            os.close(descriptor)
    try:
        if not select.select([ready], [], [], WAIT_SECONDS)[0] or not os.read(ready, 16):
            raise place.Unusable(f"it does not start (see {log_path(name) or 'imajin worker run --foreground'})")
    finally:
        os.close(ready)


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of the worker's modules in an interpreter like this one."""
    flags = [f"-W{option}" for option in sys.warnoptions]
    flags += [f"-X{key}" if value is True else f"-X{key}={value}" for key, value in sys._xoptions.items()]
    flags += ["-O"] * sys.flags.optimize + ["-s"] * sys.flags.no_user_site + ["-B"] * sys.flags.dont_write_bytecode
    # -P: nothing in the folder of whoever started it can pose as a module.
    return [sys.executable, "-P", *flags, "-m", f"imajin_cli.worker.{module}", *arguments]


def environment() -> dict[str, str]:
    """Our environment for the worker's own processes, without a command's settings and with our package to be found."""
    return with_our_package({name: value for name, value in os.environ.items() if not name.startswith("IMAJIN_")})


def with_our_package(environ: dict[str, str]) -> dict[str, str]:
    """``environ`` with PYTHONPATH as this process finds imajin_cli, where an interpreter would not find it by itself."""
    root = os.path.dirname(place.ROOT)
    if root not in sys.path[0 if sys.flags.safe_path else 1 :] or root in os.environ.get("PYTHONPATH", "").split(
        os.pathsep
    ):
        before = environ.get("PYTHONPATH", "")
        if root not in before.split(os.pathsep):
            environ = {**environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, before]))}
    return environ


def is_native(name: str) -> bool:
    """Whether a variable fixes how native libraries and the interpreter start."""
    return name.startswith(place.NATIVE)


def log_path(name: str) -> str | None:
    """The file that worker ``name`` logs to: in $XDG_STATE_HOME/imajin, by default ~/.local/state/imajin; None with no home."""
    for base in (os.environ.get("XDG_STATE_HOME", ""), os.path.join(os.path.expanduser("~"), ".local", "state")):
        if os.path.isabs(base):
            return os.path.join(base, "imajin", f"worker-{name}.log")
    return None


def open_log(name: str) -> int:
    """The log, open to append to; one that has grown large is put aside. /dev/null where none can be written."""
    path = log_path(name)
    try:
        if path is not None:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            if os.path.exists(path) and os.path.getsize(path) > _MOST_LOG:
                os.replace(path, path + ".old")
            return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
