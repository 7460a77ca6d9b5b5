"""The supervisor's loop: clients in, jobs to processes, exit codes out; time-outs, crashes, cancels."""

from __future__ import annotations

import functools
import os
import selectors
import signal
import socket
import time
from typing import Any, Protocol

import imajin_cli
from imajin_cli.worker import launch, limits, place, protocol
from imajin_cli.worker.call import Call, is_request, log, owner
from imajin_cli.worker.channel import Channel
from imajin_cli.worker.crew import Native
from imajin_cli.worker.lanes import lane_of
from imajin_cli.worker.pool import Job
from imajin_cli.worker.staff import Staff

_TICK = 0.25
_IDLE_TICK = 5.0


class Door(Protocol):
    """The socket's name."""

    open: bool

    def there(self) -> bool:
        """Whether the name leads here."""

    def close(self) -> None:
        """Take the name away."""


class Supervisor:
    """Serves clients until nothing has happened for the idle time, or until it is told to stop."""

    def __init__(self, listener: socket.socket, door: Door, name: str, bounds: dict[str, float]) -> None:
        self._listener = listener
        self._door = door
        self._name = name
        self._bounds = bounds
        self._selector = selectors.DefaultSelector()
        self._staff = Staff(self._selector, name, bounds)
        self._calls: set[Call] = set()
        self._started = time.monotonic()
        self._stopping = False

    def loop(self) -> None:
        """Work until the end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop())
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        log(f"worker {self._name} of imajin {imajin_cli.__version__} listens: {self._bounds}")
        try:
            while not self._finished():
                tick = _TICK if self._calls else min(_IDLE_TICK, self._bounds["idle_seconds"] / 4)
                for key, _ in self._selector.select(tick):
                    key.data()
                self._on_time(time.monotonic())
                self._staff.assign()
        finally:
            self._door.close()
            self._staff.close()
            log(f"worker {self._name} ends after {self._staff.served} commands")

    def _finished(self) -> bool:
        if (
            not self._stopping
            and not self._calls
            and time.monotonic() - self._staff.last > self._bounds["idle_seconds"]
        ):
            self._stop()
        if self._stopping and not self._calls:
            # Somebody may have knocked before the name was gone.
            self._accept()
        return self._stopping and not self._calls

    def _stop(self) -> None:
        """Take no more commands; end when those at work have ended."""
        self._stopping = True
        self._door.close()

    def _accept(self) -> None:
        """Let in everybody who waits at the door."""
        while True:
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log(f"cannot accept: {error}")
                return
            pid, uid = place.peer(sock)
            if uid != os.geteuid() or len(self._calls) >= limits.CLIENTS:
                sock.close()
                continue
            call = Call(pid, time.monotonic())
            call.channel = Channel(
                sock, self._selector, functools.partial(self._asked, call), functools.partial(self._left, call)
            )
            self._calls.add(call)

    def _asked(self, call: Call, message: dict[str, Any]) -> None:
        """A client's message."""
        what = message.get("do")
        if call.job is not None:
            if message.get("signal") in (signal.SIGINT, signal.SIGTERM):
                self._signalled(call, message["signal"])
        elif what == "run":
            self._enqueue(call, message)
        elif what == "status":
            call.answer(self._status())
        elif what == "stop":
            call.answer({"pid": os.getpid(), "at_work": len(self._calls) - 1})
            self._stop()
            if message.get("now"):
                for other in list(self._calls):
                    self._signalled(other, signal.SIGTERM)
        else:
            call.hang_up()

    def _enqueue(self, call: Call, message: dict[str, Any]) -> None:
        fds = call.channel.take_fds()
        if not is_request(message, len(fds)):
            for descriptor in fds:
                os.close(descriptor)
            call.hang_up()
            return
        now = time.monotonic()
        call.message, call.fds, self._staff.last = message, fds, now
        native: Native = tuple(place.native(message["env"]).items())
        argv = message["argv"]
        call.job = Job(argv[0], owner(call.pid), native, now, call=call, lane=lane_of(argv))
        refusal = "it is ending" if self._stopping else self._staff.refusal(native)
        if refusal is not None:
            call.decline(refusal)
        else:
            self._staff.pool.add(call.job)

    def _signalled(self, call: Call, number: int) -> None:
        call.signalled = number
        self._staff.cancel(call, number)

    def _left(self, call: Call) -> None:
        """A client is gone: what it asked for is not wanted any more."""
        call.hang_up()
        self._staff.cancel(call, signal.SIGTERM)

    def _on_time(self, now: float) -> None:
        """What is due: clients that say nothing, a name that is gone, and the staff's."""
        for call in self._calls:
            if call.job is None and now - call.since > limits.FRAME_SECONDS:
                call.hang_up()
        self._calls = {call for call in self._calls if call.here}
        self._staff.due(now)
        if self._door.open and not self._door.there():
            self._stop()

    def _status(self) -> dict[str, Any]:
        return {
            "version": imajin_cli.__version__,
            "protocol": protocol.VERSION,
            "worker": self._name,
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - self._started, 1),
            "bounds": self._bounds,
            "log": launch.log_path(self._name),
            **self._staff.described(),
        }
