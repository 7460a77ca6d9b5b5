"""The only writer of standard output and standard error: results are data, the rest is talk."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import ImajinError, OutputError
from imajin_cli.contract.exits import MEANING, Exit, most_serious, verdict_of_code
from imajin_cli.contract.sidecar import EVENTS_VERSION
from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Result
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import PipeClosed, exit_of, write_out

# A fast model takes a step every few milliseconds: nobody looks more often than this.
_SECONDS_BETWEEN_STEPS = 0.1


class Report:
    """Prints results as they come, counts them, and knows the exit code in the end.

    Standard output carries paths, one a line (NUL-terminated with ``null``), or with ``as_json`` one JSON event a line, the
    last of which is a summary; with ``events`` also those that tell how the work goes on.
    """

    def __init__(
        self, stage: str, *, as_json: bool = False, events: bool = False, null: bool = False, quiet: bool = False
    ) -> None:
        self.stage = stage
        self.as_json = as_json or events
        self.events = events
        self.null = null
        self.quiet = quiet
        self.passed = 0
        self.rejections: list[Exit] = []
        self.errors: list[Exit] = []
        self._at: tuple[str, str] | None = None
        self._stepped = 0.0

    def result(self, result: Result, *, show: bool) -> None:
        """Count one result, and print it where it passed or ``show`` is set."""
        self._explain(result)
        self.count(result)
        if self.as_json:
            self.event("asset" if result.passed else "rejected", **self._described(result))
        elif (result.passed or show) and result.entry.place is not None:
            self.path(result.entry.place)

    def count(self, result: Result) -> None:
        """Count one result, and say why where it did not pass."""
        if result.passed:
            self.passed += 1
            return
        self.rejections.append(result.code)
        self.say(f"{result.entry.label}: {result.status} by {result.stage or self.stage}: {result.reason}")

    def _explain(self, result: Result) -> None:
        """Say the table that a stage was asked to explain itself with."""
        last = result.entry.sidecar.stages[-1:]
        for line in last[0].notes.get("explain", ()) if last else ():
            self.say(str(line))

    def _described(self, result: Result) -> dict[str, Any]:
        entry = result.entry
        return {
            "path": printable(entry.place) if entry.place is not None else None,
            "id": entry.sidecar.id,
            "status": result.status,
            "by": result.stage or self.stage,
            "code": int(result.code),
            "reason": result.reason,
        }

    def path(self, path: object) -> None:
        """Print one path. Raises OutputError for a name with a newline where names are separated by newlines."""
        name = os.fsencode(str(path))
        if name.startswith(b"-"):
            # The next command of a pipe must not take it for an option.
            name = b"./" + name
        if not self.null and b"\n" in name:
            raise OutputError(f"{path}: the name holds a newline", hint="use -0 on every stage of the pipe")
        write_out(name + (b"\0" if self.null else b"\n"))

    def event(self, event: str, **fields: Any) -> None:
        """Print one JSON line."""
        line = {"imajin": EVENTS_VERSION, "event": event, "stage": self.stage, **fields}
        write_out(as_json(line) + b"\n")

    def every(self, event: str, **fields: Any) -> None:
        """Print one of the events that tell how the work goes on, where they were asked for."""
        if self.events:
            self.event(event, **fields)

    def at(self, stage: str, entry: Entry) -> None:
        """Tell that ``stage`` begins work on ``entry``."""
        self._at, self._stepped = (stage, entry.sidecar.id), 0.0
        self._progress(None, None)

    def step(self, done: int, of: int) -> None:
        """Tell how far that work has got, a few times a second and at its end."""
        now = time.monotonic()
        if done == of or now - self._stepped >= _SECONDS_BETWEEN_STEPS:
            self._stepped = now
            self._progress(done, of)

    def on_the_way(self, path: Path, size: tuple[int, int], done: int, of: int) -> None:
        """Tell of a preview of that work, which somebody asked for: as an event, or to a person."""
        if not self.as_json:
            self.say(f"step {done} of {of}: {path}")
            return
        who = self._at[1] if self._at is not None else ""
        width, height = size
        self.event("preview", id=who, path=printable(str(path)), width=width, height=height, step=done, steps=of)

    def _progress(self, done: int | None, of: int | None) -> None:
        if self._at is not None:
            self.every("progress", at=self._at[0], id=self._at[1], step=done, steps=of)

    def error(self, error: ImajinError) -> None:
        """Count and say an error; the stream goes on."""
        self.errors.append(error.code)
        say(f"imajin {self.stage}: {error.line()}")
        if self.as_json:
            self.event("error", code=int(error.code), message=error.message, hint=error.hint)

    def say(self, text: str) -> None:
        """Tell a person something, on standard error."""
        if not self.quiet:
            say(f"imajin {self.stage}: {printable(text)}")

    def insist(self, text: str) -> None:
        """Tell a person what the exit code is about, also where nothing else is said."""
        say(f"imajin {self.stage}: {text}")

    def finish(self, *, expect: int | None = None, enough: bool | None = None, empty: bool = False) -> Exit:
        """The exit code that all results amount to; with JSON also the summary line.

        ``expect`` is how many assets had to pass, ``enough`` says whether the best of each group did: where either is given
        and holds, rejections are no failure. ``empty`` says that there was no input.
        """
        if empty and not (self.errors or self.rejections):
            self.insist("nothing came in (--allow-empty makes that no failure)")
            self.errors.append(Exit.EMPTY)
        codes = [*self.errors, *self.rejections]
        if expect is not None or enough is not None:
            met = enough is not False and self.passed >= (expect or 0)
            if not met and not codes:
                wanted = f"{expect} were expected" if expect is not None else "more were to be kept"
                self.insist(f"{self.passed} passed, {wanted}")
            codes = self.errors if met else codes or [Exit.EMPTY]
        code = most_serious(codes)
        self.summary(code)
        return code

    def summary(self, code: Exit) -> None:
        """With JSON, the last line: what passed, what was rejected by exit code, and the code of it all."""
        if self.as_json:
            rejected = {str(int(key)): count for key, count in sorted(Counter(self.rejections).items())}
            verdict = verdict_of_code(code)
            self.event(
                "finished", passed=self.passed, rejected=rejected, verdict=verdict, code=int(code), meaning=MEANING[code]
            )


def reported(report: Report, work: Callable[[], Exit]) -> Exit:
    """Run ``work``, which ends in ``report.finish``; where it cannot go on, JSON still ends in a summary."""
    try:
        return work()
    except ImajinError as error:
        report.error(error)
        return report.finish()
    except PipeClosed:
        raise
    except BaseException as error:
        with contextlib.suppress(PipeClosed, OSError):
            report.summary(exit_of(error))
        raise


def say(text: str) -> None:
    """One line on standard error, which may be closed."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def as_json(value: Any, **layout: Any) -> bytes:
    """``value`` as UTF-8 JSON; bytes of a name that are no UTF-8 stand in it as escapes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, **layout).encode("utf-8", "backslashreplace")


def show_json(value: Mapping[str, Any] | list[Any]) -> None:
    """A JSON document for people and programs, on standard output."""
    write_out(as_json(value, indent=2) + b"\n")
