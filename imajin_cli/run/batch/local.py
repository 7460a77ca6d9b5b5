"""Jobs on this machine: a few processes, each of which loads its models once and does one job after another."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.batch.schedule import Schedule, Task
from imajin_cli.run.batch.work import as_message

# How long a job may go on after the batch was told to end.
GRACE_SECONDS = 10.0
# A wish to end is noticed this fast.
GLANCE_SECONDS = 0.25
# A child that dies before its first answer, this often in a row, will not do better.
MOST_STILLBORN = 3
_MODULE = "imajin_cli.run.batch.work"


def cores() -> int:
    """The cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


@dataclass
class Child:
    """A process that does jobs, and the tasks that it has in hand, by number."""

    process: subprocess.Popen[bytes]
    tasks: dict[int, Task] = field(default_factory=dict)
    rest: bytes = b""

    @property
    def stdin(self) -> IO[bytes]:
        """Where it is given jobs."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def answers(self) -> IO[bytes]:
        """Where it answers."""
        assert self.process.stdout is not None
        return self.process.stdout


@dataclass
class Local:
    """The engine: ``count`` processes, each with one job in hand, or a few that go together: no more than is worked on."""

    count: int
    force: bool = False
    children: list[Child] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _stillborn: int = 0

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, schedule: Schedule, stopping: Callable[[], bool]) -> Iterator[tuple[Task, Done]]:
        """Every task and what became of it, as they end. Retries are the schedule's.

        Once ``stopping`` says so nothing new is begun, and what is in hand has the time of grace to end.
        """
        deadline: float | None = None
        while deadline is None or time.monotonic() < deadline:
            if deadline is None and stopping():
                deadline = time.monotonic() + GRACE_SECONDS
            if deadline is None:
                self._hand_out(schedule)
            if not self._busy() and (deadline is not None or schedule.empty):
                return
            pause = schedule.pause(time.monotonic())
            for task, done in self._answers(GLANCE_SECONDS if pause is None else min(pause, GLANCE_SECONDS)):
                if not schedule.failed(task, done, time.monotonic()):
                    yield task, done

    def close(self) -> None:
        """End all processes, also those that are at work."""
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.process.wait()
            for stream in (child.stdin, child.answers):
                with contextlib.suppress(OSError):
                    stream.close()
        self.children.clear()

    def _busy(self) -> bool:
        return any(child.tasks for child in self.children)

    def _hand_out(self, schedule: Schedule) -> None:
        while True:
            idle = next((child for child in self.children if not child.tasks), None)
            if idle is None and len(self.children) >= self.count:
                return
            few = schedule.next_few(time.monotonic(), self.count)
            if not few:
                return
            self._give(idle if idle is not None else self._start(), few)

    def _give(self, child: Child, few: list[Task]) -> None:
        child.tasks = {task.number: task for task in few}
        # One that has died meanwhile shows when its answers end.
        with contextlib.suppress(OSError):
            child.stdin.write(as_message({task.number: task.job for task in few}, force=self.force))
            child.stdin.flush()

    def _start(self) -> Child:
        # Our own interpreter and our own module: nothing of a job is on this command line.
        process = subprocess.Popen([sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        child = Child(process)
        self.children.append(child)
        self._selector.register(child.answers, selectors.EVENT_READ, child)
        return child

    def _answers(self, timeout: float | None) -> Iterator[tuple[Task, Done]]:
        for key, _ in self._selector.select(timeout):
            child: Child = key.data
            data = os.read(child.answers.fileno(), 1 << 16)
            if not data:
                yield from self._died(child)
                continue
            *lines, child.rest = (child.rest + data).split(b"\n")
            for line in lines:
                answer = json.loads(line)
                task = child.tasks.pop(answer["number"], None)
                self._stillborn = 0
                if task is not None:
                    yield task, Done.of(answer["done"])

    def _died(self, child: Child) -> Iterator[tuple[Task, Done]]:
        """A process that is gone takes with it what it had in hand, which may be tried again in another."""
        self._selector.unregister(child.answers)
        self.children.remove(child)
        code = child.process.wait()
        for stream in (child.stdin, child.answers):
            with contextlib.suppress(OSError):
                stream.close()
        self._stillborn += 1
        if self._stillborn >= MOST_STILLBORN * self.count + MOST_STILLBORN:
            raise MissingError(f"the processes that do the jobs end at once ({_how(code)})", hint="run one job alone")
        said = (f"the process that was at work on it ended ({_how(code)})",)
        for task in child.tasks.values():
            yield task, Done(code=int(Exit.ERROR), said=said, again=True)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
