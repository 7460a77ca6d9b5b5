"""How far a batch is, and when it will end: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imajin_cli.run.batch.journal import Done
from imajin_cli.run.report import Report

LINE_SECONDS = 15.0


class Meter:
    """Counts jobs. Rich is imported on a terminal alone."""

    def __init__(self, total: int, report: Report) -> None:
        self.total = total
        self.ended = 0
        self.kept = 0
        self._report = report
        self._started = self._said = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Meter:
        if not self._report.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("jobs", total=self.total)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and self.total:
            worked = self.ended - self.kept
            kept = f", {self.kept} were done already" if self.kept else ""
            self._report.say(f"{worked} of {self.total} jobs in {time.monotonic() - self._started:.1f} s{kept}")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is printed, the bar is out of the way."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()

    def step(self, done: Done) -> None:
        """One job has ended."""
        self.ended += 1
        self.kept += not done.tried
        if self._bar is not None:
            self._bar.advance(self._task)
            return
        now = time.monotonic()
        if now - self._said >= LINE_SECONDS and self.ended < self.total:
            self._said = now
            self._report.say(f"{self.ended} of {self.total} jobs, {self._left(now)}")

    def _left(self, now: float) -> str:
        worked = self.ended - self.kept
        if not worked:
            return "no rate yet"
        seconds = (now - self._started) / worked * (self.total - self.ended)
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
