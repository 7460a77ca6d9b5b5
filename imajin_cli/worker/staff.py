"""The supervisor's side towards the model processes: jobs given, answers passed on, crashes made good, idle ones ended."""

from __future__ import annotations

import json
import selectors
import signal
import socket
import time
from typing import Any

from imajin_cli.worker import launch, limits
from imajin_cli.worker.call import Call, ended_by, log
from imajin_cli.worker.crew import Crew, Native
from imajin_cli.worker.pool import Full, Job, Pool, Process


class Staff:
    """The queue, and the processes that work it off. ``last`` is when a job ended last."""

    def __init__(self, selector: selectors.BaseSelector, name: str, bounds: dict[str, float]) -> None:
        self.pool = Pool(int(bounds["at_once"]), int(bounds["processes"]), limits.QUEUE, int(bounds["painting"]))
        self.served = 0
        self.last = time.monotonic()
        self._hosts = 0
        self._name = name
        self._bounds = bounds
        self._crew = Crew(selector, self._said, self._died)

    def refusal(self, native: Native) -> str | None:
        """Why a command with these settings is not taken, None where it is."""
        if self.pool.full:
            return "it is full"
        return "its processes do not start" if native in self._crew.broken else None

    def close(self) -> None:
        """End every process."""
        self._crew.close()

    def cancel(self, call: Call, number: int) -> None:
        """Ctrl-C or SIGTERM at a client; or its end, which is as good as SIGTERM."""
        if call.process is not None:
            self._crew.signal(call.process, number)
            call.process.line.kill_at = call.process.line.kill_at or time.monotonic() + limits.GRACE_SECONDS
        elif call.job is not None:
            self.pool.drop(call.job)
            call.answer({"exit": 128 + number})

    def assign(self) -> None:
        """Start what can start."""
        while True:
            try:
                found = self.pool.next()
            except Full:
                for job in self.pool.queued:
                    self.pool.drop(job)
                    job.call.decline("all its processes wait for something")
                return
            if found is None:
                return
            job, process = found
            if process is None:
                process = self._hire(job.native)
            self._give(process, job)

    def _hire(self, native: Native) -> Process:
        idlest = self.pool.idlest()
        if idlest is not None and len(self.pool.processes) >= self.pool.most:
            self._dismiss(idlest)
        process = self._crew.hire(native)
        self.pool.processes.append(process)
        return process

    def _give(self, process: Process, job: Job) -> None:
        call: Call = job.call
        process.take(job)
        process.line.kill_at = None
        call.process = process
        wanted = ("argv", "env", "umask", "open")
        again = job.past.told()
        message = {key: call.message[key] for key in wanted}
        process.line.channel.put(message if again is None else {**message, "again": again}, call.fds)

    def _said(self, process: Process, message: dict[str, Any]) -> None:
        """A model process's message."""
        if "mib" in message:
            process.mib = message["mib"]
        if "serving" in message:
            process.serving = message["serving"]
            process.since = self.last = time.monotonic()
        elif "host" in message:
            self._introduce(process, message["host"], message["lost"])
        job = process.job
        if job is None:
            return
        if not message.keys().isdisjoint(("read", "writes", "wrote")):
            if job.past.is_untouched:
                # From now on the client cannot do its work itself where the worker is lost.
                job.call.channel.put({"touched": True})
            job.past.hear(message)
        elif "waiting" in message:
            process.waiting = True
        elif "working" in message:
            process.waiting = False
        elif "done" in message:
            self._free(process, leaves=message["leaves"])
            self.served += 1
            job.call.answer({"exit": message["done"]})
        elif "decline" in message:
            self._free(process)
            job.call.answer(message)
        elif "stale" in message:
            log(f"anew, since {message['stale']} has changed")
            self._free(process, leaves=True)
            self._renew(process)
            self._again(job)

    def _introduce(self, process: Process, wish: dict[str, Any], lost: int) -> None:
        """Connect a command's process with the one that hosts a backend, which is started where there is none.

        ``lost`` is the one that it had a connection to which broke: dead, whether we have heard of that yet or not.
        """
        name = json.dumps([process.native, wish["backend"], wish["settings"], wish["leases"]], sort_keys=True)
        host = self.pool.hosts.get(name)
        if host is not None and (host.number == lost or host.line.template.retired):
            # In the latter case its code is of the past.
            self._dismiss(host)
            host = None
        if host is None:
            self._hosts += 1
            host = self.pool.hosts[name] = self._crew.hire(process.native)
            host.backend = str(wish["backend"]).partition(":")[2]
            host.number = self._hosts
            host.line.channel.put(wish)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            host.since = time.monotonic()
            host.line.channel.put({"guest": True}, (ours.fileno(),))
            process.line.channel.put({"hosted": host.number}, (theirs.fileno(),))

    def _free(self, process: Process, *, leaves: bool = False) -> None:
        if process.job is not None:
            # A late word of this client's must not reach the next one's work.
            process.job.call.process = None
        process.job, process.waiting = None, False
        process.line.kill_at = None
        process.since = self.last = time.monotonic()
        if leaves:
            self.pool.processes.remove(process)

    def _renew(self, process: Process) -> None:
        """Its template's code is of the past: idle processes of it go, busy ones end their work."""
        template = process.line.template
        self._crew.retire(template)
        for one in [*self.pool.processes, *self.pool.hosts.values()]:
            if one.line.template is template and one.idle:
                self._dismiss(one)

    def _dismiss(self, process: Process) -> None:
        self._forget(process)
        self._crew.dismiss(process)

    def _forget(self, process: Process) -> None:
        if process in self.pool.processes:
            self.pool.processes.remove(process)
        self.pool.hosts = {name: one for name, one in self.pool.hosts.items() if one is not process}

    def _again(self, job: Job) -> None:
        job.call.process = None
        if job.call.here:
            self.pool.add(job, first=True)

    def _died(self, process: Process) -> None:
        """A model process is gone. Its client is told, or served by another once, if that can do no harm."""
        if process.serving:
            log(f"process {process.pid} of {process.backend} ended by {ended_by(process.line.status)}")
        self._forget(process)
        job, process.job = process.job, None
        if job is None or not job.call.here:
            return
        call: Call = job.call
        how = ended_by(process.line.status)
        log(f"model process {process.pid} ended by {how} in {job.stage}")
        if call.signalled:
            call.answer({"exit": 128 + call.signalled})
        elif process.pid is None:
            call.decline("its processes do not start")
        elif job.tries == 0 and job.past.may_be_repeated(call.message["argv"]):
            job.tries = 1
            self._again(job)
        else:
            again = " twice" if job.tries else ""
            where = launch.log_path(self._name)
            seen = f" (details in {where})" if where else ""
            call.answer({"failed": f"{job.stage[:60]}: the model process was ended by {how}{again}{seen}"})

    def due(self, now: float) -> None:
        """What is due: kills, jobs that nothing moves for, idle processes."""
        for process in self.pool.processes:
            if process.line.kill_at is not None and now > process.line.kill_at:
                process.line.kill_at = None
                self._crew.signal(process, signal.SIGKILL)
        for job in self.pool.queued:
            # Who would paint waits as long as another paints: beside it there would be no more room for the model.
            if now - max(job.since, self.last) > limits.STALL_SECONDS and not self.pool.held(job):
                self.pool.drop(job)
                job.call.decline("nothing moves")
        for process in self.pool.superfluous(now, self._bounds["idle_seconds"], self._bounds["memory_mib"]):
            self._dismiss(process)

    def described(self) -> dict[str, Any]:
        """The processes and the queue, as `imajin worker status` shows them."""
        now = time.monotonic()
        processes = [
            {
                "pid": one.pid,
                "state": "idle" if one.job is None else "waiting" if one.waiting else "working",
                "stage": one.job.stage if one.job else None,
                "knows": list(one.stages),
                "served": one.served,
                "mib": one.mib,
                "idle_seconds": round(now - one.since, 1) if one.job is None else 0,
            }
            for one in self.pool.processes
        ]
        hosts = [
            {"pid": one.pid, "backend": one.backend, "serving": one.serving, "mib": one.mib}
            for one in self.pool.hosts.values()
        ]
        return {"served": self.served, "queued": len(self.pool.queued), "processes": processes, "hosts": hosts}
