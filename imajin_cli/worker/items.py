"""Items on their way between commands and a shared backend: a JSON head that tells the lengths, then bytes as they are.

Nothing is unpickled. Both sides are processes of the same worker.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from imajin_cli.worker.protocol import ProtocolError

MOST_HEAD = 16 << 20
MOST_BYTES = 1 << 30
_LENGTHS = 12


def pack(items: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
    """A message of ``items`` and what else is to be said. Raises ProtocolError for one that is too large."""
    parts = [[(key, value) for key, value in item.items() if isinstance(value, bytes)] for item in items]
    plain = [{key: value for key, value in item.items() if not isinstance(value, bytes)} for item in items]
    sizes = [[(key, len(value)) for key, value in part] for part in parts]
    head = json.dumps({**more, "plain": plain, "sizes": sizes}).encode()
    body = b"".join(value for part in parts for _, value in part)
    if len(head) > MOST_HEAD or len(body) > MOST_BYTES:
        raise ProtocolError(f"items of {len(head) + len(body)} bytes are too large")
    return len(head).to_bytes(4, "big") + len(body).to_bytes(8, "big") + head + body


class Stream:
    """Messages out of a socket, as they arrive."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()

    def fill(self) -> bool:
        """Receive once; False at the end. Raises OSError."""
        data = self._sock.recv(1 << 18)
        self._data += data
        return bool(data)

    def next(self) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
        """The next whole message: its items, and what else it says; None until there is one. Raises ProtocolError."""
        if len(self._data) < _LENGTHS:
            return None
        head, body = int.from_bytes(self._data[:4], "big"), int.from_bytes(self._data[4:12], "big")
        if head > MOST_HEAD or body > MOST_BYTES:
            raise ProtocolError(f"items of {head + body} bytes are too large")
        if len(self._data) < _LENGTHS + head + body:
            return None
        told = json.loads(self._data[_LENGTHS : _LENGTHS + head])
        at = _LENGTHS + head
        items = told.pop("plain")
        for item, sizes in zip(items, told.pop("sizes"), strict=True):
            for key, size in sizes:
                item[key] = bytes(self._data[at : at + size])
                at += size
        del self._data[:at]
        return items, told

    def read(self) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
        """Wait for a message; None at the end. Raises OSError, ProtocolError."""
        while True:
            found = self.next()
            if found is not None:
                return found
            if not self.fill():
                return None
