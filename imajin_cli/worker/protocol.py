"""What client, supervisor, template and model processes say to each other: JSON frames with a length before each.

A frame is four bytes of length, big-endian, and that many bytes of a JSON object. File descriptors travel beside a
frame's first byte (SCM_RIGHTS). The standard library alone: the client imports this on every call.
"""

from __future__ import annotations

import array
import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
"""Raised with every change that an older side would misread; part of the socket's name."""

MAX_FRAME = 1 << 20
"""Most bytes of one frame. A command line and environment larger than this is worked off without the worker."""

MAX_FDS = 8
_HEAD = 4


class ProtocolError(Exception):
    """The other side sent what is no frame, or one that is too large."""


def pack(message: dict[str, Any]) -> bytes:
    """``message`` as a frame. Raises ProtocolError for one that is too large."""
    body = json.dumps(message).encode()
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a message of {len(body)} bytes, at most {MAX_FRAME} are sent")
    return len(body).to_bytes(_HEAD, "big") + body


def send(sock: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send a frame whole, with ``fds`` beside it. Raises OSError, ProtocolError."""
    data = pack(message)
    if fds:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        sent = sock.sendmsg([data], rights)
        data = data[sent:]
    if data:
        sock.sendall(data)


class Reader:
    """Frames out of a stream socket, as they arrive; descriptors are gathered until ``take_fds``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""
        self._fds: list[int] = []

    def fill(self) -> bool:
        """Receive once; False at the end of the stream. Raises OSError, ProtocolError for more descriptors than a frame has."""
        size = array.array("i").itemsize
        data, ancillary, flags, _ = self._sock.recvmsg(
            1 << 16, socket.CMSG_SPACE(MAX_FDS * size), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, body in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(body[: len(body) - len(body) % size])
                self._fds.extend(found)
        if flags & socket.MSG_CTRUNC or len(self._fds) > MAX_FDS:
            raise ProtocolError("more descriptors than a message may carry")
        self._data += data
        return bool(data)

    def next(self) -> dict[str, Any] | None:
        """The next whole frame, None until there is one. Raises ProtocolError for one that is too large or no JSON object."""
        if len(self._data) < _HEAD:
            return None
        length = int.from_bytes(self._data[:_HEAD], "big")
        if length > MAX_FRAME:
            raise ProtocolError(f"a message of {length} bytes, at most {MAX_FRAME} are read")
        if len(self._data) < _HEAD + length:
            return None
        body, self._data = self._data[_HEAD : _HEAD + length], self._data[_HEAD + length :]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            raise ProtocolError("a message that is no JSON") from None
        if not isinstance(message, dict):
            raise ProtocolError("a message that is no JSON object")
        return message

    def read(self) -> dict[str, Any] | None:
        """Wait for a frame; None at the end of the stream. Raises OSError, ProtocolError."""
        while True:
            message = self.next()
            if message is not None:
                return message
            if not self.fill():
                return None

    def take_fds(self) -> tuple[int, ...]:
        """The descriptors that have come; they are the caller's to close."""
        fds, self._fds = tuple(self._fds), []
        return fds
