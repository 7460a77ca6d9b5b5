"""Several jobs side by side, so that what they ask of one model can be asked in one call.

Each job has a thread, and only one of them runs at any moment: this is no parallelism, and stages need not be safe for it. A
job that comes to work with a lane waits there until all the others wait too, or have ended. Then those of one lane are done
ahead together (``Stage.ahead``), and each goes on by itself with what it finds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from imajin_cli.contract.lane import Lane
from imajin_cli.contract.stage import Asset, Job, Stage

T = TypeVar("T")


@dataclass
class _Work(Generic[T]):
    """One job: its thread runs between ``go`` and ``back``. ``met`` counts how often it has waited."""

    number: int
    task: Callable[[], T]
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    lane: Lane | None = None
    wish: tuple[Stage[Any], Asset | Job] | None = None
    met: int = 0
    ended: bool = False
    result: list[T] = field(default_factory=list)
    error: BaseException | None = None

    def run(self) -> None:
        """The thread's body."""
        self.go.acquire()
        _AT_WORK.set(self)
        try:
            self.result.append(self.task())
        except BaseException as error:  # noqa: BLE001 (raised again where the results are asked for)
            self.error = error
        self.ended = True
        self.back.release()

    def step(self) -> None:
        """Let it run until it waits or has ended."""
        self.go.release()
        self.back.acquire()

    def wait(self, lane: Lane, stage: Stage[Any], what: Asset | Job) -> None:
        """Called in its thread: stand aside until the lane's turn has come."""
        self.lane, self.wish = lane, (stage, what)
        self.met += 1
        self.back.release()
        self.go.acquire()


_AT_WORK: ContextVar[_Work[Any] | None] = ContextVar("imajin_at_work", default=None)


def meet(stage: Stage[Any], what: Asset | Job) -> None:
    """Come to work that ``stage`` is about to do on ``what``: where others do the same in this process, wait for them."""
    work = _AT_WORK.get()
    if work is None:
        return
    lane = stage.lane(what)
    if lane is not None:
        work.wait(lane, stage, what)


def together(tasks: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
    """Number and result of every task, as they end. What a task raises is raised here. One task alone runs as it is."""
    if len(tasks) == 1:
        yield 0, tasks[0]()
        return
    works = [_Work(number, task) for number, task in enumerate(tasks)]
    for work in works:
        # A thread that waits for ever does not keep the process from ending.
        threading.Thread(target=work.run, daemon=True, name=f"job-{work.number}").start()
    group = works
    while group:
        for work in group:
            work.step()
            if work.error is not None:
                raise work.error
            if work.ended:
                yield work.number, work.result[0]
        group = _next_group([work for work in works if not work.ended])


def _next_group(waiting: list[_Work[T]]) -> list[_Work[T]]:
    """Those that go on next: of the lane in which the one waits that has come least far. Their work is done ahead."""
    if not waiting:
        return []
    first = min(waiting, key=lambda work: (work.met, work.number))
    assert first.lane is not None
    group = [work for work in waiting if work.lane == first.lane][: first.lane.most]
    if len(group) > 1 and first.wish is not None:
        try:
            first.wish[0].ahead([work.wish for work in group if work.wish is not None])
        except Exception:  # noqa: BLE001 - each does its own work now, and meets the error where it is recorded
            return group
    return group
