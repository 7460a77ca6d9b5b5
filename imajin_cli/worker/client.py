"""The client: hands a command with its descriptors to the worker, forwards signals, and ends with its exit code.

The standard library alone, since this runs before anything else is imported. Whatever keeps the worker from being used,
the command then does its work itself.
"""

from __future__ import annotations

import os
import signal
import sys

from imajin_cli.contract.exits import Exit
from imajin_cli.worker import wish as wishes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from types import FrameType
    from typing import Any

_FORWARDED = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


def through_worker(arguments: list[str]) -> int | None:
    """The exit code of a command that the worker has done; None where the command is to do its work itself."""
    try:
        wish = wishes.wish(arguments)
    except wishes.BadSwitch as error:
        _say(f"IMAJIN_WORKER={str(error)[:40]!r} is neither on, off nor auto")
        return Exit.USAGE
    if wish is None:
        return None
    from imajin_cli.worker.place import Unusable
    from imajin_cli.worker.protocol import ProtocolError

    try:
        return _Call(wish).result()
    except (Unusable, OSError, ProtocolError) as error:
        if wish.asked:
            _say(f"the worker cannot be used, so this works without it: {error}")
        return None


class _Call:
    """One command at the worker."""

    def __init__(self, wish: wishes.Wish) -> None:
        self._wish = wish
        self._sock: socket.socket | None = None
        self._touched = False
        self._signalled = 0
        self._sent = False

    def result(self) -> int | None:
        """The command's exit code; None where it is to be done here. Raises Unusable, OSError, ProtocolError."""
        from imajin_cli.worker.launch import connected
        from imajin_cli.worker.protocol import Reader, send

        message, fds = request(self._wish.arguments)
        before = {}
        try:
            # A signal that is ignored, as a shell's background jobs ignore Ctrl-C, stays ignored.
            for number in _FORWARDED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, self._forward)
            self._sock = connected(self._wish.settings)
            send(self._sock, message, fds)
            self._sent = True
            return self._ended(Reader(self._sock))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._sock is not None:
                self._sock.close()
            os.close(fds[-1])

    def _ended(self, reader: Any) -> int | None:
        """The exit code that the worker's messages come to."""
        from imajin_cli.worker.place import Unusable

        while True:
            try:
                message = reader.read()
            except OSError:
                message = None
            if message is None:
                return self._lost()
            if "touched" in message:
                self._touched = True
            elif "exit" in message:
                return int(message["exit"])
            elif "failed" in message:
                _say(str(message["failed"]))
                return Exit.ERROR
            elif "decline" in message:
                if self._signalled:
                    return self._lost()
                if message.get("quiet"):
                    return None
                raise Unusable(str(message["decline"]))

    def _lost(self) -> int:
        """The worker is gone. What has begun to read and write cannot be begun again."""
        from imajin_cli.worker.place import Unusable

        if self._signalled:
            return _FORWARDED[signal.Signals(self._signalled)]
        if not self._touched:
            raise Unusable("it ended")
        _say("the worker ended in the middle of the work (imajin worker status names its log)")
        return Exit.ERROR

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        from imajin_cli.worker.protocol import send

        if self._signalled or self._sock is None or not self._sent:
            # Nothing was asked for yet; or this is asked twice, and there is no more waiting: the closed connection
            # ends the work.
            _say("interrupted" if number == signal.SIGINT else "terminated")
            os._exit(_FORWARDED[signal.Signals(number)])
        self._signalled = number
        try:
            send(self._sock, {"signal": number})
        except OSError:
            return


def request(arguments: list[str]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The message that asks for a command, and its descriptors: the standard ones that are open, the working folder last.

    Raises OSError where the working folder is gone.
    """
    standard = [number for number in range(3) if _is_open(number)]
    mask = os.umask(0o077)
    os.umask(mask)
    message = {"do": "run", "argv": arguments, "env": dict(os.environ), "umask": mask, "open": standard}
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return message, (*standard, folder)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"imajin: {text}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return
