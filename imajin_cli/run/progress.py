"""What a person sees while `imajin run` works: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Result
from imajin_cli.run.naming import printable
from imajin_cli.run.report import Report


class Progress:
    """A context that shows which stage works on which candidate. Rich is imported on a terminal alone."""

    def __init__(self, names: Sequence[str], report: Report) -> None:
        self._names = list(names)
        self._report = report
        self._started = time.perf_counter()
        self._live: Any = None
        self._made: list[str] = []

    def __enter__(self) -> Progress:
        if not self._report.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console

            self._live = Console(stderr=True).status("starting", spinner="dots")
            self._live.start()
        return self

    def at(self, stage: str, entry: Entry) -> None:
        """Say that ``stage`` begins work on ``entry``."""
        if self._live is None:
            return
        group = entry.sidecar.group
        which = f" candidate {group.index + 1} of {group.size}" if group is not None and group.size > 1 else ""
        chain = " ".join(f"[bold]{name}[/bold]" if name == stage else f"[dim]{name}[/dim]" for name in self._names)
        self._live.update(f"{chain}{which}")

    def done(self, result: Result) -> None:
        """Count a result that has come out at the end."""
        if result.passed and result.entry.path is not None:
            self._made.append(printable(str(result.entry.path)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if kind is None and self._made:
            plural = "asset" if len(self._made) == 1 else "assets"
            self._report.say(f"{len(self._made)} {plural} in {time.perf_counter() - self._started:.1f} s")
