"""One side of a socket in the supervisor's loop: whole frames in and out, and never a wait."""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from imajin_cli.worker.protocol import ProtocolError, Reader, pack

_RECEIVES = 8


class Channel:
    """A non-blocking socket that a loop listens to, with what is still to be sent.

    ``each`` is called with every message, ``end`` once when the other side has hung up or sent nonsense.
    """

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        each: Callable[[dict[str, Any]], None],
        end: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._selector = selector
        self._each = each
        self._end = end
        self._reader = Reader(sock)
        self._out: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._hangs_up = False
        self.closed = False
        selector.register(sock, selectors.EVENT_READ, self._ready)

    def put(self, message: dict[str, Any], fds: tuple[int, ...] = (), *, last: bool = False) -> None:
        """Send a message as soon as the socket takes it, and copies of ``fds`` beside it; hang up after the ``last``."""
        if self.closed:
            return
        self._out.append((pack(message), tuple(map(os.dup, fds))))
        self._hangs_up = self._hangs_up or last
        self._flush()

    def take_fds(self) -> tuple[int, ...]:
        """The descriptors that came with the messages; they are the caller's to close."""
        return self._reader.take_fds()

    def close(self) -> None:
        """Hang up; ``end`` is not called."""
        if self.closed:
            return
        self.closed = True
        self._selector.unregister(self._sock)
        self._sock.close()
        for descriptor in self._reader.take_fds():
            os.close(descriptor)
        self._drop()

    def _drop(self) -> None:
        for _, fds in self._out:
            for descriptor in fds:
                os.close(descriptor)
        self._out.clear()

    def _ready(self) -> None:
        self._flush()
        if self.closed:
            return
        messages = self._messages()
        ended = self.closed
        for message in messages:
            self._each(message)
        if ended:
            self._end()

    def _flush(self) -> None:
        while self._out and not self.closed:
            data, fds = self._out[0]
            try:
                sent = socket.send_fds(self._sock, [data], list(fds)) if fds else self._sock.send(data)
            except BlockingIOError:
                break
            except OSError:
                # The loop reads the end of it next.
                self._drop()
                break
            self._out[0] = (data[sent:], ())
            for descriptor in fds:
                os.close(descriptor)
            if not self._out[0][0]:
                self._out.popleft()
        if self.closed:
            return
        if self._hangs_up and not self._out:
            self.close()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        if events != self._selector.get_key(self._sock).events:
            self._selector.modify(self._sock, events, self._ready)

    def _messages(self) -> list[dict[str, Any]]:
        """What has arrived."""
        found: list[dict[str, Any]] = []
        try:
            for _ in range(_RECEIVES):
                if self.closed:
                    break
                more = self._reader.fill()
                while (message := self._reader.next()) is not None:
                    found.append(message)
                if not more:
                    self.close()
        except BlockingIOError:
            return found
        except (OSError, ProtocolError):
            self.close()
        return found
