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
from imajin_cli.worker.call import Call, ended_by, is_request, log, owner
from imajin_cli.worker.channel import Channel
from imajin_cli.worker.crew import Crew, Native
from imajin_cli.worker.pool import Full, Job, Pool, Process

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
        self._pool = Pool(int(bounds["at_once"]), int(bounds["processes"]), limits.QUEUE)
        self._selector = selectors.DefaultSelector()
        self._crew = Crew(self._selector, self._said, self._died)
        self._calls: set[Call] = set()
        self._started = self._last = self._ended = time.monotonic()
        self._stopping = False
        self._served = 0

    def loop(self) -> None:
        """Work until the end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop())
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        log(f"worker {self._name} of imajin {imajin_cli.__version__} listens: {self._bounds}")
        try:
            while not self._finished():
                busy = self._calls or self._pool.queued
                for key, _ in self._selector.select(
                    _TICK if busy else min(_IDLE_TICK, self._bounds["idle_seconds"] / 4)
                ):
                    key.data()
                self._on_time(time.monotonic())
                self._assign()
        finally:
            self._door.close()
            self._crew.close()
            log(f"worker {self._name} ends after {self._served} commands")

    def _finished(self) -> bool:
        if not self._stopping and not self._calls and time.monotonic() - self._last > self._bounds["idle_seconds"]:
            self._stop()
        if self._stopping and not self._calls:
            # Somebody may have knocked before the name was gone.
            self._accept()
        return self._stopping and not self._calls

    def _stop(self) -> None:
        """Take no more commands; end when those at work have ended."""
        self._stopping = True
        self._door.close()

    # Clients.

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
                self._cancel(call, message["signal"])
        elif what == "run":
            self._enqueue(call, message)
        elif what == "status":
            self._answer(call, self._status())
        elif what == "stop":
            self._answer(call, {"pid": os.getpid(), "at_work": len(self._calls) - 1})
            self._stop()
            if message.get("now"):
                for other in list(self._calls):
                    self._cancel(other, signal.SIGTERM)
        else:
            self._hang_up(call)

    def _enqueue(self, call: Call, message: dict[str, Any]) -> None:
        fds = call.channel.take_fds()
        if not is_request(message, len(fds)):
            for descriptor in fds:
                os.close(descriptor)
            self._hang_up(call)
            return
        now = time.monotonic()
        call.message, call.fds, self._last = message, fds, now
        native: Native = tuple(place.native(message["env"]).items())
        call.job = Job(message["argv"][0], owner(call.pid), native, now, call=call)
        if self._stopping or self._pool.full or native in self._crew.broken:
            self._decline(
                call,
                "it is ending" if self._stopping else "it is full" if self._pool.full else "its processes do not start",
            )
        else:
            self._pool.add(call.job)

    def _answer(self, call: Call, message: dict[str, Any]) -> None:
        self._calls.discard(call)
        call.answer(message)

    def _decline(self, call: Call, why: str) -> None:
        self._answer(call, {"decline": why})

    def _hang_up(self, call: Call) -> None:
        self._calls.discard(call)
        call.let_go()
        call.channel.close()

    def _left(self, call: Call) -> None:
        """A client is gone: what it asked for is not wanted any more."""
        call.let_go()
        self._calls.discard(call)
        if call.job is not None:
            self._pool.drop(call.job)
            if call.process is not None:
                self._end_work(call.process, signal.SIGTERM)

    def _cancel(self, call: Call, number: int) -> None:
        """Ctrl-C or SIGTERM at the client."""
        call.signalled = number
        if call.process is not None:
            self._end_work(call.process, number)
        elif call.job is not None:
            self._pool.drop(call.job)
            self._answer(call, {"exit": 128 + number})

    def _end_work(self, process: Process, number: int) -> None:
        self._crew.signal(process, number)
        process.line.kill_at = process.line.kill_at or time.monotonic() + limits.GRACE_SECONDS

    # Processes.

    def _assign(self) -> None:
        """Start what can start."""
        while True:
            try:
                found = self._pool.next()
            except Full:
                for job in self._pool.queued:
                    self._pool.drop(job)
                    self._decline(job.call, "all its processes wait for something")
                return
            if found is None:
                return
            job, process = found
            if process is None:
                process = self._hire(job.native)
            self._give(process, job)

    def _hire(self, native: Native) -> Process:
        idlest = self._pool.idlest()
        if idlest is not None and len(self._pool.processes) >= self._pool.most:
            self._dismiss(idlest)
        process = self._crew.hire(native)
        self._pool.processes.append(process)
        return process

    def _give(self, process: Process, job: Job) -> None:
        call: Call = job.call
        process.take(job)
        process.line.kill_at = None
        call.process = process
        wanted = ("argv", "env", "umask", "open")
        process.line.channel.put({key: call.message[key] for key in wanted}, call.fds)

    def _said(self, process: Process, message: dict[str, Any]) -> None:
        """A model process's message."""
        if "mib" in message:
            process.mib = message["mib"]
        job = process.job
        if job is None:
            return
        if "touched" in message:
            job.touched = True
            job.call.channel.put({"touched": True})
        elif "waiting" in message:
            process.waiting = True
        elif "working" in message:
            process.waiting = False
        elif "done" in message:
            self._free(process, leaves=message["leaves"])
            self._served += 1
            self._end_call(job.call, {"exit": message["done"]})
        elif "decline" in message:
            self._free(process)
            self._end_call(job.call, message)
        elif "stale" in message:
            log(f"anew, since {message['stale']} has changed")
            self._free(process, leaves=True)
            self._renew(process)
            self._again(job)

    def _free(self, process: Process, *, leaves: bool = False) -> None:
        process.job, process.waiting = None, False
        process.line.kill_at = None
        process.since = self._last = self._ended = time.monotonic()
        if leaves:
            self._pool.processes.remove(process)

    def _end_call(self, call: Call, message: dict[str, Any]) -> None:
        if call in self._calls:
            self._answer(call, message)

    def _renew(self, process: Process) -> None:
        """Its template's code is of the past: idle processes of it go, busy ones end their work."""
        template = process.line.template
        self._crew.retire(template)
        for one in list(self._pool.processes):
            if one.line.template is template and one.job is None:
                self._dismiss(one)

    def _dismiss(self, process: Process) -> None:
        self._pool.processes.remove(process)
        self._crew.dismiss(process)

    def _again(self, job: Job) -> None:
        job.call.process = None
        if job.call in self._calls:
            self._pool.add(job, first=True)

    def _died(self, process: Process) -> None:
        """A model process is gone. Its client is told, or served by another once, if that can do no harm."""
        if process in self._pool.processes:
            self._pool.processes.remove(process)
        job, process.job = process.job, None
        if job is None or job.call not in self._calls:
            return
        call: Call = job.call
        how = ended_by(process.line.status)
        log(f"model process {process.pid} ended by {how} in {job.stage}")
        if call.signalled:
            self._answer(call, {"exit": 128 + call.signalled})
        elif process.pid is None:
            self._decline(call, "its processes do not start")
        elif not job.touched and job.tries == 0:
            job.tries = 1
            self._again(job)
        else:
            again = " twice" if job.tries else ""
            where = launch.log_path(self._name)
            seen = f" (details in {where})" if where else ""
            self._answer(call, {"failed": f"{job.stage[:60]}: the model process was ended by {how}{again}{seen}"})

    def _on_time(self, now: float) -> None:
        """What is due: kills, clients that say nothing, jobs that nothing moves for, idle processes, a name that is gone."""
        for process in self._pool.processes:
            if process.line.kill_at is not None and now > process.line.kill_at:
                process.line.kill_at = None
                self._crew.signal(process, signal.SIGKILL)
        for call in list(self._calls):
            if call.job is None and now - call.since > limits.FRAME_SECONDS:
                self._hang_up(call)
        for job in self._pool.queued:
            if now - max(job.since, self._ended) > limits.STALL_SECONDS:
                self._pool.drop(job)
                self._decline(job.call, "nothing moves")
        for process in self._pool.superfluous(now, self._bounds["idle_seconds"], self._bounds["memory_mib"]):
            self._dismiss(process)
        if self._door.open and not self._door.there():
            self._stop()

    def _status(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "version": imajin_cli.__version__,
            "protocol": protocol.VERSION,
            "worker": self._name,
            "pid": os.getpid(),
            "seconds": round(now - self._started, 1),
            "served": self._served,
            "queued": len(self._pool.queued),
            "bounds": self._bounds,
            "log": launch.log_path(self._name),
            "processes": [
                {
                    "pid": one.pid,
                    "state": "idle" if one.job is None else "waiting" if one.waiting else "working",
                    "stage": one.job.stage if one.job else None,
                    "knows": list(one.stages),
                    "served": one.served,
                    "mib": one.mib,
                    "idle_seconds": round(now - one.since, 1) if one.job is None else 0,
                }
                for one in self._pool.processes
            ],
        }
