"""Which job is next: those that failed in passing are tried again after a while, and never more are out than can be held."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.journal import Done

# So many tasks are read ahead to find some that go together.
LOOK_AHEAD = 64
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class BatchLane:
    """What jobs have in common that may be done side by side: the lanes of their stages, and how many at most."""

    name: str
    most: int


@dataclass(frozen=True)
class Task:
    """A job with its key, its place in the file's order, and how often it has been tried."""

    number: int
    key: str
    job: Job
    tries: int = 0
    # What it may share with others, None where it is done alone: see `Keys.lane_of`.
    lane: BatchLane | None = None


def wait_before(tries: int) -> float:
    """Seconds to wait before the next try, doubled each time."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, tries - 1)))


class Schedule:
    """Gives out tasks in order; what is to be tried again comes first once its wait is over.

    Reads ahead no further than it is asked to: ``tasks`` may be a file of any length, or a pipe that is still open. Where tasks
    can go together, it looks for some of a lane among the next `LOOK_AHEAD`. ``total`` is how many tasks there are, where that
    is known: towards the end fewer go together, so that all of ``places`` are busy to the last.
    """

    def __init__(self, tasks: Iterator[Task], retries: int, total: int = 0) -> None:
        self._tasks = tasks
        self._retries = retries
        self._total = total
        self._given = 0
        self._ahead: deque[Task] = deque()
        self._later: list[tuple[float, int, Task]] = []
        self._ended = False

    def next(self, now: float) -> Task | None:
        """The next task, None where there is none at this moment."""
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        task = self._ahead.popleft() if self._ahead else self._read()
        self._given += task is not None
        return task

    def next_few(self, now: float, places: int) -> list[Task]:
        """The next task, and others of its lane that are to go with it; empty where there is none at this moment.

        One that is tried again goes alone: what it may crash is its own process.
        """
        task = self.next(now)
        if task is None:
            return []
        if task.lane is None or task.tries:
            return [task]
        few = [task]
        wanted = min(task.lane.most, max(1, (self._total - self._given) // (2 * places)))
        while len(few) < wanted and len(self._ahead) < LOOK_AHEAD:
            other = self._read()
            if other is None:
                break
            self._ahead.append(other)
            mates = [one for one in self._ahead if one.lane == task.lane]
            if len(mates) + 1 >= wanted:
                break
        for mate in [one for one in self._ahead if one.lane == task.lane][: max(0, wanted - 1)]:
            self._ahead.remove(mate)
            self._given += 1
            few.append(mate)
        return few

    def _read(self) -> Task | None:
        if self._ended:
            return None
        task = next(self._tasks, None)
        self._ended = task is None
        return task

    def failed(self, task: Task, done: Done, now: float) -> bool:
        """Whether ``task`` is to be tried again after ``done``; it is given out once its wait is over."""
        if not done.again or task.tries >= self._retries:
            return False
        tried = replace(task, tries=task.tries + 1)
        heapq.heappush(self._later, (now + wait_before(tried.tries), task.number, tried))
        return True

    def pause(self, now: float) -> float | None:
        """Seconds until a task that waits may go out, None where none waits."""
        return max(0.0, self._later[0][0] - now) if self._later else None

    @property
    def empty(self) -> bool:
        """Whether nothing is left to give out, now or later."""
        return self._ended and not self._later and not self._ahead
