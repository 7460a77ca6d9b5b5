"""What a person sees while `imajin run` works: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Result
from imajin_cli.run.report import Report


class Progress:
    """A context that shows which stage works on which candidate. Rich is imported on a terminal alone."""

    def __init__(self, names: Sequence[str], report: Report, *, drawing: bool = False) -> None:
        self._names = list(names)
        self._report = report
        self._drawing = drawing
        self._started = time.perf_counter()
        self._live: Any = None
        self._made = 0
        self._shown = ""

    def __enter__(self) -> Progress:
        if not self._report.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console

            self._live = Console(stderr=True).status("starting", spinner="dots")
            self._live.start()
        return self

    def at(self, stage: str, entry: Entry) -> None:
        """Show that ``stage`` begins work on ``entry``."""
        if self._live is None:
            return
        which = f" {_which(entry, most=self._drawing)}".rstrip()
        names = self._names
        if self._live.console.width > len(" ".join(names)) + len(which) + 4:
            shown = " ".join(f"[bold]{name}[/bold]" if name == stage else f"[dim]{name}[/dim]" for name in names)
        else:
            shown = f"{stage} {names.index(stage) + 1}/{len(names)}"
        self._shown = f"{shown}{which}"
        self._live.update(self._shown)

    def step(self, done: int, of: int) -> None:
        """Say how far the work of a stage has got."""
        self._report.step(done, of)
        if self._live is not None:
            self._live.update(f"{self._shown}, step {done} of {of}")

    def done(self, result: Result) -> None:
        """Report a result that has come out at the end, beside the live line and not in the middle of it."""
        if self._live is not None:
            self._live.stop()
        self._report.result(result, show=False)
        if result.passed and result.entry.place is not None:
            self._made += 1
            if self._live is None and not self._report.quiet and _which(result.entry):
                self._report.say(f"{_which(result.entry)}: {result.entry.place}")
        if self._live is not None:
            self._live.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if kind is None and self._made and not self._report.quiet:
            plural = "asset" if self._made == 1 else "assets"
            self._report.say(f"{self._made} {plural} in {time.perf_counter() - self._started:.1f} s")


def _which(entry: Entry, *, most: bool = False) -> str:
    """Which one of its request's pictures it is, empty for the only one; of ``most`` as many where they are being drawn."""
    group = entry.sidecar.group
    if group is None or group.size * group.pictures == 1:
        return ""
    size = f"at most {group.size}" if most else group.size
    which = f"candidate {group.index + 1} of {size}" if group.size > 1 else ""
    ratio = f"ratio {group.ratio}" if group.ratios > 1 else ""
    return ", ".join(filter(None, [which, ratio, group.theme]))
