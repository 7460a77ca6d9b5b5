"""A client as the supervisor sees it, and what it may ask."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import Any

from imajin_cli.worker.channel import Channel
from imajin_cli.worker.pool import Job, Process


class Call:
    """A client: its channel, what it asked for, its descriptors."""

    channel: Channel

    def __init__(self, pid: int, now: float) -> None:
        self.pid = pid
        self.since = now
        self.job: Job | None = None
        self.message: dict[str, Any] = {}
        self.fds: tuple[int, ...] = ()
        self.process: Process | None = None
        self.signalled = 0
        self._answered = False

    @property
    def here(self) -> bool:
        """Whether this client still waits for its answer."""
        return not self._answered

    def answer(self, message: dict[str, Any]) -> None:
        """The last word to this client, if it is still there for it."""
        if self.here:
            self._answered = True
            self.let_go()
            self.channel.put(message, last=True)

    def decline(self, why: str) -> None:
        """Have the client do its work itself."""
        self.answer({"decline": why})

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._answered = True
        self.let_go()
        self.channel.close()

    def let_go(self) -> None:
        """Close the client's descriptors: who reads its output waits for all copies to be closed."""
        for descriptor in self.fds:
            os.close(descriptor)
        self.fds = ()


def is_request(message: dict[str, Any], descriptors: int) -> bool:
    """Whether a message asks for a command in the right form, with as many descriptors as it says."""
    argv, env, standard = message.get("argv"), message.get("env"), message.get("open")
    return (
        isinstance(argv, list)
        and bool(argv)
        and all(isinstance(one, str) for one in argv)
        and isinstance(env, dict)
        and all(isinstance(value, str) for value in env.values())
        and isinstance(message.get("umask"), int)
        and 0 <= message["umask"] <= 0o777
        and isinstance(standard, list)
        and standard == sorted(set(standard))
        and set(standard) <= {0, 1, 2}
        and descriptors == len(standard) + 1
    )


def ended_by(status: int | None) -> str:
    """How a process ended, for a person."""
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit {status}"


def owner(pid: int) -> int:
    """Whose command it is: the process group, which is one for a whole pipe or `make`."""
    try:
        return os.getpgid(pid)
    except OSError:
        return pid


def log(text: str) -> None:
    """A line in the log, which is standard error."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()
