"""Who may start, and in which process: the supervisor's rules, without any input or output.

A command holds a place while it computes; one that waits for its input, or for its reader, holds none, so that the stages
of a pipe never wait for each other. Commands of different clients take turns; a client's own keep their order, but for those
that paint with a diffusion model, which wait for their turn on the device and hold up nobody else.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from imajin_cli.worker.lanes import MENDERS
from imajin_cli.worker.replay import Past

WHOLE = ("run", "auto")
"""Commands that do all stages."""

LATEST = 64
"""How many stages a process remembers having done."""


@dataclass(eq=False)
class Job:
    """A command: which stage, whose it is (a shell's job, so that a whole `make` counts once), what it needs to start with."""

    stage: str
    owner: int
    native: tuple[tuple[str, str], ...] = ()
    since: float = 0.0
    tries: int = 0
    past: Past = field(default_factory=Past)
    call: Any = None
    # The diffusion model that it paints with ("lanes.py").
    lane: str = ""


@dataclass(eq=False)
class Process:
    """A model process as the supervisor knows it. ``busy`` without ``waiting`` is what holds a place."""

    native: tuple[tuple[str, str], ...] = ()
    job: Job | None = None
    waiting: bool = False
    pid: int | None = None
    since: float = 0.0
    served: int = 0
    mib: int = 0
    stages: OrderedDict[str, None] = field(default_factory=OrderedDict)
    # The model that it painted with last, and so has loaded.
    lane: str = ""
    line: Any = None
    # Of a process that hosts a shared backend: its name, which of all it is, and whether it is at work.
    backend: str = ""
    number: int = 0
    serving: bool = False

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.job is None and not self.serving

    @property
    def computes(self) -> bool:
        """Whether it holds a place."""
        return self.job is not None and not self.waiting

    def knows(self, stage: str) -> bool:
        """Whether it has what ``stage`` needs loaded already: it has done it, or a run of all stages."""
        return stage in self.stages or any(name in self.stages for name in WHOLE)

    def take(self, job: Job) -> None:
        """Give it a job."""
        self.job, self.waiting = job, False
        self.served += 1
        self.stages[job.stage] = None
        self.stages.move_to_end(job.stage)
        self.lane = job.lane or self.lane
        while len(self.stages) > LATEST:
            self.stages.popitem(last=False)


class Full(Exception):  # noqa: N818 - an answer to a client, no failure
    """There are as many processes as there may be, and all wait for something: nobody else can be served by waiting too."""


class Pool:
    """The queue and the processes. ``at_once``: most commands that compute, ``painting``: most of them that paint with a
    diffusion model; ``most``: most processes.
    """

    def __init__(self, at_once: int, most: int, queue: int, painting: int = 1) -> None:
        self.at_once = at_once
        self.painting = painting
        self.most = most
        self.longest = queue
        self.processes: list[Process] = []
        # Processes of shared backends, by what they are; they take no places.
        self.hosts: dict[str, Process] = {}
        self._queues: OrderedDict[int, deque[Job]] = OrderedDict()

    @property
    def queued(self) -> list[Job]:
        """The jobs that wait, each owner's in order."""
        return [job for queue in self._queues.values() for job in queue]

    @property
    def full(self) -> bool:
        """Whether no further job may wait."""
        return sum(map(len, self._queues.values())) >= self.longest

    def add(self, job: Job, *, first: bool = False) -> None:
        """Let a job wait for its turn; one that is tried again comes ``first`` of its owner's."""
        queue = self._queues.setdefault(job.owner, deque())
        queue.appendleft(job) if first else queue.append(job)

    def drop(self, job: Job) -> None:
        """Forget a job that waits."""
        queue = self._queues.get(job.owner)
        if queue is not None and job in queue:
            queue.remove(job)
            if not queue:
                del self._queues[job.owner]

    def next(self) -> tuple[Job, Process | None] | None:
        """The job whose turn it is and its process, None for a new one; None where nothing can start.

        Raises Full where only more processes would help, and there may be no more.
        """
        if not self._queues or sum(process.computes for process in self.processes) >= self.at_once:
            return None
        found = next(((owner, job) for owner, queue in self._queues.items() for job in queue if not self.held(job)), None)
        if found is None:
            return None
        owner, job = found
        process = self._fitting(job)
        if process is None and len(self.processes) >= self.most and self.idlest() is None:
            raise Full
        queue = self._queues.pop(owner)
        queue.remove(job)
        if queue:
            # To the end: the next turn is another's.
            self._queues[owner] = queue
        return job, process

    def held(self, job: Job) -> bool:
        """Whether a job waits for its turn to paint, which comes when another's work on the device has ended."""
        at_it = sum(one.computes and one.job is not None and bool(one.job.lane) for one in self.processes)
        return bool(job.lane) and at_it >= self.painting

    def _fitting(self, job: Job) -> Process | None:
        """An idle process that knows the stage, the latest used first; where there may be no more, any that can do it.

        Who paints gets one that has the model loaded, or has none yet; who mends what somebody has painted, the painter's;
        who does neither leaves those alone.
        """
        idle = [one for one in self.processes if one.job is None and one.native == job.native]
        idle.sort(key=lambda one: -one.since)
        known = [one for one in idle if one.knows(job.stage)]
        choices: list[Iterable[Process]] = [(one for one in known if not one.lane)]
        if job.lane:
            choices.insert(0, (one for one in idle if one.lane == job.lane))
        elif job.stage in MENDERS:
            choices.insert(0, (one for one in idle if one.lane))
        if len(self.processes) >= self.most:
            choices.append(reversed(idle))
        return next(chain.from_iterable(choices), None)

    def idlest(self) -> Process | None:
        """The process that has been idle longest, None where all are busy."""
        return min((one for one in self.processes if one.job is None), key=lambda one: one.since, default=None)

    def superfluous(self, now: float, idle_seconds: float, memory_mib: float) -> list[Process]:
        """Idle processes to end: those idle too long, and the longest idle while all together take too much memory."""
        everybody = [*self.processes, *self.hosts.values()]
        idle = sorted((one for one in everybody if one.idle), key=lambda one: one.since)
        out = [one for one in idle if now - one.since >= idle_seconds]
        total = sum(one.mib for one in everybody if one not in out)
        for one in idle:
            if total <= memory_mib:
                break
            if one not in out:
                out.append(one)
                total -= one.mib
        return out
