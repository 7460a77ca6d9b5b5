"""Where the worker's socket is, which worker is the right one, and whose it is. The standard library alone."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import sys

import imajin_cli
from imajin_cli.worker import protocol

SUPPORTED = sys.platform == "linux"
"""Peers' credentials, /proc and the death of a parent are asked of Linux; elsewhere every command works for itself."""

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The package's folder."""

# What is read when an interpreter or a native library starts, so that another value needs another process.
NATIVE = (
    "PYTHON", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_", "RAYON_", "KMP_", "GOMP_", "GOTO_", "CUDA_",
    "NVIDIA_", "HIP_", "ROCR_", "TORCH", "PYTORCH_", "ORT_", "LD_", "MALLOC_", "LC_", "LANG", "GLIBC_",
)  # fmt: skip


class Unusable(Exception):  # noqa: N818 - it says what the worker is, and ends nothing
    """The worker cannot be used here, and why."""


def native(environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """The variables that fix how native libraries and the interpreter start."""
    return {name: environ[name] for name in sorted(environ) if name.startswith(NATIVE)}


def search_path() -> list[str]:
    """Where this interpreter finds modules, without the script's or working folder that stands first, with ours."""
    path = sys.path if sys.flags.safe_path else sys.path[1:]
    root = os.path.dirname(ROOT)
    return path if root in path else [root, *path]


def identity() -> str:
    """16 hex digits that name the worker which may do this process's work.

    It has the same code, interpreter and modules, and is in the same place: user, groups, privileges, root folder,
    priority, cores.
    """
    code = []
    for name in sorted(os.listdir(os.path.dirname(__file__))):
        if name.endswith(".py"):
            state = os.stat(os.path.join(os.path.dirname(__file__), name))
            code.append((name, state.st_mtime_ns, state.st_size))
    root = os.stat("/")
    parts = (
        protocol.VERSION, imajin_cli.__version__, code, sys.executable, sys.hexversion, search_path(), tuple(sys.flags),
        sys.warnoptions, sorted(sys._xoptions.items()), os.getuid(), os.geteuid(), sorted(os.getgroups()), root.st_dev,
        root.st_ino, os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), _privileges(),
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _privileges() -> list[bytes]:
    """What the kernel allows this process beyond its user: capabilities and the sandboxes that it is in."""
    with open("/proc/self/status", "rb") as file:
        return [line for line in file if line.startswith((b"Cap", b"NoNewPrivs", b"Seccomp:"))]


def runtime_folder() -> str:
    """$XDG_RUNTIME_DIR/imajin, else /tmp/imajin-UID."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(base) and os.path.isdir(base):
        return os.path.join(base, "imajin")
    return f"/tmp/imajin-{os.geteuid()}"  # noqa: S108 - its owner and mode are checked, below


def open_folder(*, create: bool) -> int:
    """A descriptor of the runtime folder. Raises Unusable where it is not there, or not this user's alone."""
    path = runtime_folder()
    try:
        if create and not os.path.lexists(path):
            # Somebody else may be quicker: whose it is then, is looked at below.
            os.makedirs(path, 0o700, exist_ok=True)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    state = os.fstat(folder)
    if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
        os.close(folder)
        raise Unusable(f"{path}: not this user's alone")
    return folder


def address(folder: int, name: str) -> str:
    """The address of socket ``name`` in an open folder: short whatever the folder's path is, and never another folder."""
    return f"/proc/self/fd/{folder}/{name}"


def socket_name(identifier: str) -> str:
    """The name of a worker's socket."""
    return f"worker-{identifier}.sock"


def peer(sock: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process on the other side, as the kernel tells it."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def connect(folder: int, name: str) -> socket.socket | None:
    """A connection to the worker whose socket is ``name``; None where nobody answers. Raises Unusable for another user's."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.connect(address(folder, name))
    except OSError:
        sock.close()
        return None
    if peer(sock)[1] != os.geteuid():
        sock.close()
        raise Unusable("its socket is another user's")
    return sock
