"""`imajin batch`: reads the jobs, leaves out what is done, and tells what became of the others."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.batch.jobs import Job, read_jobs
from imajin_cli.run.batch.journal import Done, Journal, Published
from imajin_cli.run.batch.keys import Keys
from imajin_cli.run.batch.meter import Meter
from imajin_cli.run.batch.schedule import Schedule, Task
from imajin_cli.run.pipe import Terminated
from imajin_cli.run.report import Report, reported
from imajin_cli.run.shelf import parted, shelf_of

# Verdicts that stand: the same job would end the same way.
FINAL = frozenset(code for code in Exit if code is Exit.OK or Exit.INVALID <= code <= Exit.QUALITY)


@dataclass(frozen=True)
class BatchOptions:
    """The options of `imajin batch`."""

    jobs: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    retries: int = 2
    preset: str | None = None
    to: str | None = None
    force: bool = False
    expect: int | None = None
    as_json: bool = False
    quiet: bool = False
    keep_going: bool = True


class Keeper(Protocol):
    """Who knows more of the jobs than the journal does: a lock."""

    def wanted(self, job: Job) -> bool:
        """Whether ``job`` is to be done now, rather than some other time."""

    def current(self, job: Job) -> Done | None:
        """What ``job`` came to, where nothing is to be done about it: all of that was seen to lie where it was published."""

    def prepared(self, job: Job) -> Job:
        """``job`` with what was settled earlier."""

    def ended(self, job: Job, done: Done) -> None:
        """Hear what became of ``job``."""

    def close(self) -> None:
        """Keep what is known, whole or not."""


class Engine(Protocol):
    """What does jobs: processes here, or a cluster."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *_: object) -> None: ...

    def run(self, schedule: Schedule, stopping: Callable[[], bool]) -> Iterator[tuple[Task, Done]]:
        """Every task and what became of it, as they end."""


def run_batch(name: str, options: BatchOptions) -> Exit:
    """Do every job in the file ``name`` that is not done yet. Prints each published asset's first file."""
    report = Report("batch", as_json=options.as_json, quiet=options.quiet)
    return reported(report, lambda: run_jobs(name, options, report))


def run_jobs(name: str, options: BatchOptions, report: Report, keeper: Keeper | None = None, part: str = "") -> Exit:
    """`run_batch` over a report of the caller's. ``part`` tells one part of the file's jobs from others done at once.

    Raises ImajinError where it cannot go on.
    """
    keys = Keys()
    total, stores = 0, set()
    for job in _wanted(name, options, keeper):
        keys.of(job)
        total += 1
        stores.update(keys.stores_of(job))
    for to in sorted(stores):
        # Closed or down: better known now than after the first pictures were made.
        shelf_of(to).prepare()
    with _stop_flag() as stopping, Journal.of(name, part) as journal, Meter(total, report) as meter:
        told = Told(report, journal, meter, keeper)
        tasks = _tasks(_wanted(name, options, keeper), keys, told, options)
        try:
            with _engine(options) as engine:
                ending = stopping if options.keep_going else lambda: stopping() or told.failed
                for task, done in engine.run(Schedule(tasks, options.retries, total), ending):
                    told.tell(task, done)
        finally:
            told.close()
            if keeper is not None:
                keeper.close()
    if stopping():
        raise Terminated
    return report.finish(expect=options.expect, empty=total == 0)


def jobs_in(name: str, options: BatchOptions) -> Iterator[Job]:
    """The jobs of the file ``name``, with what the options say where a job says nothing."""
    for job in read_jobs(name):
        flags = {section: dict(values) for section, values in job.flags.items()}
        if options.to is not None:
            flags.setdefault("output", {}).setdefault("to", options.to)
        yield replace(job, preset=job.preset or options.preset, flags=flags)


def _wanted(name: str, options: BatchOptions, keeper: Keeper | None) -> Iterator[Job]:
    return (job for job in jobs_in(name, options) if keeper is None or keeper.wanted(job))


def _tasks(jobs: Iterator[Job], keys: Keys, told: Told, options: BatchOptions) -> Iterator[Task]:
    """The jobs that are to be done. Of those that are done already ``told`` hears at once."""
    published = Published()
    seen: dict[str, str] = {}
    for number, job in enumerate(jobs):
        current = None if options.force or told.keeper is None else told.keeper.current(job)
        if current is not None:
            told.tell(Task(number, keys.of(job), job), replace(current, tried=False))
            continue
        job = job if told.keeper is None else told.keeper.prepared(job)
        task = Task(number, keys.of(job), job)
        if task.key in seen:
            told.repeated(task, seen[task.key])
            continue
        seen[task.key] = job.place
        known = None if options.force else told.journal.known.get(task.key)
        if known is not None and published.whole(known):
            told.tell(task, replace(known, tried=False))
        else:
            yield replace(task, lane=keys.lane_of(job))


def _engine(options: BatchOptions) -> Engine:
    if options.engine == "ray":
        from imajin_cli.run.batch.cluster import Cluster

        return Cluster(options.address, options.jobs, force=options.force)
    from imajin_cli.run.batch.local import Local, cores

    if options.address is not None:
        raise UsageError("--address names a Ray cluster", hint="add --engine ray")
    return Local(options.jobs or cores(), force=options.force)


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """SIGTERM as a wish: jobs in hand end, or are dropped whole, before the process does."""
    wished: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: wished.append(number))
    try:
        yield lambda: bool(wished)
    finally:
        signal.signal(signal.SIGTERM, before)


class Told:
    """Who hears of a job's end: the journal, standard output, and the person who watches."""

    def __init__(self, report: Report, journal: Journal, meter: Meter, keeper: Keeper | None = None) -> None:
        self.report = report
        self.journal = journal
        self.keeper = keeper
        self.failed = False
        self._meter = meter
        self._owners: dict[str, tuple[str, str]] = {}

    def tell(self, task: Task, done: Done) -> None:
        """Keep, count and say what became of ``task``. Raises OutputError where the journal cannot be written."""
        done = self._claimed(task, done)
        if done.tried and done.code in FINAL:
            self.journal.keep(task.key, done)
        self.failed |= done.code != Exit.OK
        if self.keeper is not None:
            self.keeper.ended(task.job, done)
        with self._meter.aside():
            self._say(task, done)
        self._meter.step(done)

    def close(self) -> None:
        """Bring the manifests up to date that jobs have published into. Raises OutputError."""
        for to in sorted({parted(path)[0] for path in self._owners}):
            shelf_of(to).close()

    def repeated(self, task: Task, first: str) -> None:
        """Say that a job stands in the file twice: it is one."""
        self.report.say(f"{task.job.place}: the same as {first}")
        self._meter.step(Done(code=0, tried=False))

    def _claimed(self, task: Task, done: Done) -> Done:
        """An error where another job of this batch has published under the same name."""
        for path, identity in zip(done.paths, done.ids, strict=True):
            place, owner = self._owners.setdefault(path, (task.job.place, identity))
            if owner != identity:
                said = f"{path}: {place} publishes under this name too (give one of them a name of its own)"
                return replace(done, code=int(Exit.USAGE), passed=0, paths=(), ids=(), said=(*done.said, said))
        return done

    def _say(self, task: Task, done: Done) -> None:
        report = self.report
        if done.code == Exit.OK:
            report.passed += done.passed
        elif done.code in done.rejected:
            report.rejections.extend(map(Exit, done.rejected))
            report.passed += done.passed
        else:
            report.errors.append(Exit(done.code))
            report.passed += done.passed
        if done.tried or done.code != Exit.OK:
            for line in done.said:
                report.say(f"{task.job.place}: {line}")
        if report.as_json:
            report.event(
                "job", place=task.job.place, key=task.key, code=done.code, passed=done.passed, paths=list(done.paths),
                rejected=list(done.rejected), seconds=done.seconds, tries=task.tries + 1 if done.tried else 0,
            )  # fmt: skip
            return
        for path in done.paths:
            report.path(path)
