"""A client's surroundings inside a model process: descriptors, streams, folder, environment, umask; and none of it after."""

from __future__ import annotations

import io
import os
import select
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from imajin_cli.worker.own import give_way
from imajin_cli.worker.replay import Again

Tell = Callable[[dict[str, Any]], None]
_LEASE_MS = 300
"""How often a command that waits looks whether the leases of models that it has not used yet are wanted."""


class _Raw(io.RawIOBase):
    """A standard descriptor that tells when it has to wait, and when the client's stream has been touched.

    Once ended it takes and gives nothing, so that what a forgotten buffer holds cannot reach the next client.
    """

    def __init__(self, number: int, tell: Tell, again: Again) -> None:
        super().__init__()
        self._number = number
        self._tell = tell
        self._since = time.monotonic()
        self._again = again
        self._ended = False

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def end(self) -> None:
        """From now on: end of file, and a bottomless sink."""
        self._ended = True

    def wait(self, event: int) -> None:
        """Tell that this process does nothing until the descriptor is ready, if it is not."""
        poll = select.poll()
        poll.register(self._number, event)
        if not poll.poll(0):
            self._tell({"waiting": True})
            try:
                while not poll.poll(_LEASE_MS if give_way(time.monotonic() - self._since) else None):
                    continue
            finally:
                self._tell({"working": True})


class _Input(_Raw):
    def readable(self) -> bool:
        return not self.closed

    def readinto(self, buffer: Any) -> int:
        """Bytes read into ``buffer``, 0 at the end; while none are there the worker knows that this command waits."""
        if self._ended:
            return 0
        data = self._again.take(len(buffer))
        if not data:
            self.wait(select.POLLIN)
            data = os.read(self._number, len(buffer))
            if data:
                self._tell({"read": data.decode("latin-1")})
        buffer[: len(data)] = data
        return len(data)


class _Output(_Raw):
    def __init__(self, number: int, tell: Tell, again: Again, *, counts: bool) -> None:
        super().__init__(number, tell, again)
        self._counts = counts

    def writable(self) -> bool:
        return not self.closed

    def write(self, data: Any) -> int:
        """Write what was not written before a crash, and tell of it; return how many bytes are dealt with."""
        if self._ended:
            return len(data)
        if not self._counts:
            self.wait(select.POLLOUT)
            return os.write(self._number, data)
        if there := self._again.skips(len(data)):
            self._again.skip(bytes(data[:there]))
            return there
        self.wait(select.POLLOUT)
        self._tell({"writes": len(data)})
        count = os.write(self._number, data)
        self._tell(self._again.written(bytes(data[:count])))
        return count


class Surroundings:
    """A context in which this process stands where a client stands.

    ``message`` asks for the command, with the client's environment and umask; ``given`` are the descriptors of the
    standard streams that it has open, the working folder's last. They are closed at the end, before anybody is told that
    the work is done.
    """

    def __init__(self, message: Mapping[str, Any], given: Sequence[int], log: int, tell: Tell) -> None:
        self._environ: Mapping[str, str] = message["env"]
        self._mask: int = message["umask"]
        self._standard: Sequence[int] = message["open"]
        self._again = Again(message.get("again"))
        self._given = given
        self._log = log
        self._tell = tell
        self._raw: list[_Raw] = []
        self._quiet = warnings.catch_warnings()

    def __enter__(self) -> Surroundings:
        *streams, folder = self._given
        for number, descriptor in zip(self._standard, streams, strict=True):
            os.dup2(descriptor, number)
        os.fchdir(folder)
        for descriptor in self._given:
            os.close(descriptor)
        os.umask(self._mask)
        _set_environment(self._environ)
        # Entered anew for each client, so that each is shown a warning once.
        self._quiet.__enter__()
        sys.stdin, sys.stdout, sys.stderr = (self._stream(number) for number in range(3))
        return self

    def _stream(self, number: int) -> Any:
        if number not in self._standard:
            return None
        was: Any = (sys.__stdin__, sys.__stdout__, sys.__stderr__)[number]
        raw: _Raw = _Input(0, self._tell, self._again)
        if number:
            raw = _Output(number, self._tell, self._again, counts=number == 1)
        self._raw.append(raw)
        buffer = io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw)
        lines = number == 2 or raw.isatty()
        return io.TextIOWrapper(buffer, encoding=was.encoding, errors=was.errors, line_buffering=lines)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        for raw in self._raw:
            raw.end()
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        leave_descriptors(self._log)
        self._quiet.__exit__(None, None, None)
        os.chdir("/")
        os.umask(0o077)


def leave_descriptors(log: int) -> None:
    """The standard descriptors of a process without a client: nothing to read, and a log to write to."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)


def _flush(stream: Any) -> None:
    if stream is not None:
        try:
            stream.flush()
        except (OSError, ValueError):
            return  # the client's end is gone, and the exit code says so already


def _set_environment(environ: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environ]:
        del os.environ[name]
    os.environ.update(environ)
    # What a stage starts works for itself: a process that waits for this one's place would wait for ever.
    os.environ["IMAJIN_WORKER"] = "off"
    time.tzset()
    tempfile.tempdir = None
