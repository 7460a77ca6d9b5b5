"""Which job is next: those that failed in passing are tried again after a while, and never more are out than can be held."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.journal import Done

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class Task:
    """A job with its key, its place in the file's order, and how often it has been tried."""

    number: int
    key: str
    job: Job
    tries: int = 0


def wait_before(tries: int) -> float:
    """Seconds to wait before the next try, doubled each time."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, tries - 1)))


class Schedule:
    """Gives out tasks in order; what is to be tried again comes first once its wait is over.

    Reads ahead no further than it is asked to: ``tasks`` may be a file of any length, or a pipe that is still open.
    """

    def __init__(self, tasks: Iterator[Task], retries: int) -> None:
        self._tasks = tasks
        self._retries = retries
        self._later: list[tuple[float, int, Task]] = []
        self._ended = False

    def next(self, now: float) -> Task | None:
        """The next task, None where there is none at this moment."""
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
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
        return self._ended and not self._later
