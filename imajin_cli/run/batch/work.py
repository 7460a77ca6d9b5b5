"""One job, as `imajin run` would do it, its report collected; and the process that does one job after another."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from queue import SimpleQueue
from typing import Any

from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.execute import Result
from imajin_cli.run.naming import printable
from imajin_cli.run.pipeline import RunOptions, run_reported
from imajin_cli.run.report import Report
from imajin_cli.run.together import together

# What another try may mend: a crash, a library's fault, a device that was full.
TRANSIENT = frozenset({Exit.ERROR, Exit.NO_CAPACITY})


class Collected(Report):
    """A report that keeps what it is told, for the process that asked for the job."""

    def __init__(self) -> None:
        super().__init__("run", quiet=True)
        self.paths: list[str] = []
        self.ids: list[str] = []
        self.said: list[str] = []

    def result(self, result: Result, *, show: bool) -> None:  # noqa: ARG002 (the base's signature)
        """Keep one result."""
        self.count(result)
        if result.passed and result.entry.place is not None:
            self.paths.append(result.entry.place)
            self.ids.append(result.entry.sidecar.id)

    def error(self, error: ImajinError) -> None:
        """Keep an error."""
        self.errors.append(error.code)
        self.said.append(error.line())

    def say(self, text: str) -> None:
        """Keep a line."""
        self.said.append(printable(text))

    def summary(self, code: Exit) -> None:
        """Nothing: the batch has a summary of its own."""


def perform(job: Job, *, force: bool = False, report: Collected | None = None) -> Done:
    """Do ``job`` from its first stage to its last. Never raises for what a job can meet: its code and lines tell of it.

    A ``report`` of the caller's keeps more than the lines. The manifest is left to whoever does many jobs.
    """
    started = time.monotonic()
    report = Collected() if report is None else report
    passing = False
    try:
        code = run_reported(
            list(job.arguments), job.flags, RunOptions(preset=job.preset, force=force, merge=False), report
        )
    except ImajinError as error:
        report.error(error)
        passing = error.passing
        code = report.finish()
    except OSError as error:
        report.said.append(printable(f"{error.filename or 'output'}: {error.strerror}"))
        code = Exit.USAGE
    except Exception as error:  # noqa: BLE001 (one job's bug is one job's failure: the others go on)
        report.said.append(printable(f"unexpected error: {type(error).__name__}: {error}"))
        code = Exit.ERROR
    return Done(
        code=int(code),
        passed=report.passed,
        paths=tuple(report.paths),
        ids=tuple(report.ids),
        rejected=tuple(map(int, report.rejections)),
        said=tuple(report.said),
        seconds=round(time.monotonic() - started, 3),
        again=passing or code in TRANSIENT,
    )


def perform_all(jobs: Sequence[Job], *, force: bool = False) -> Iterator[tuple[int, Done]]:
    """Do ``jobs`` side by side, so that what they share is done at once; each one's place in ``jobs``, and its end."""
    return together([partial(perform, job, force=force) for job in jobs])


def as_message(jobs: Mapping[int, Job], *, force: bool) -> bytes:
    """Jobs by number as a line for `serve`. Names that are no UTF-8 survive as JSON's lone surrogates."""
    told = {"force": force, "jobs": [[number, asdict(job)] for number, job in jobs.items()]}
    return json.dumps(told, ensure_ascii=True).encode() + b"\n"


def job_of_message(told: Mapping[str, Any]) -> Job:
    """The job in a message of ours."""
    return Job(told["place"], told["prompt"], tuple(told["files"]), told["preset"], told["flags"])


def serve() -> None:
    """Do jobs that arrive as lines on standard input, answer on what was standard output, until that ends.

    Where the asking process is gone, this one goes too, at once: publishing is journalled, and what was staged is
    completed by whoever publishes next.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    answers = os.dup(1)
    # What a library prints must not look like an answer.
    os.dup2(2, 1)
    waiting: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(waiting,), daemon=True).start()
    while True:
        told = json.loads(waiting.get())
        jobs = [job_of_message(job) for _, job in told["jobs"]]
        for place, done in perform_all(jobs, force=told["force"]):
            answer = {"number": told["jobs"][place][0], "done": asdict(done)}
            _write_all(answers, json.dumps(answer, ensure_ascii=True).encode() + b"\n")


def _listen(waiting: SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        waiting.put(line)
    os._exit(Exit.OK)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    serve()
