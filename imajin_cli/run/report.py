"""The only writer of standard output and standard error: results are data, the rest is talk."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from imajin_cli.contract.errors import ImajinError, OutputError
from imajin_cli.contract.exits import MEANING, Exit, most_serious
from imajin_cli.run.execute import Result
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out

EVENTS_VERSION = 1


class Report:
    """Prints results as they come, counts them, and knows the exit code in the end.

    Standard output carries paths, one a line (NUL-terminated with ``null``), or with ``as_json`` one JSON event a line, the
    last of which is a summary.
    """

    def __init__(self, stage: str, *, as_json: bool = False, null: bool = False, quiet: bool = False) -> None:
        self.stage = stage
        self.as_json = as_json
        self.null = null
        self.quiet = quiet
        self.passed = 0
        self.codes: list[Exit] = []
        self.rejected: dict[int, int] = {}

    def result(self, result: Result, *, show: bool) -> None:
        """Count one result, and print it where it passed or ``show`` is set."""
        if result.passed:
            self.passed += 1
        else:
            self.codes.append(result.code)
            self.rejected[int(result.code)] = self.rejected.get(int(result.code), 0) + 1
            self.say(f"{result.entry.label}: {result.status} by {self._by(result)}: {result.reason}")
        if self.as_json:
            self.event("asset" if result.passed else "rejected", **self._described(result))
        elif result.passed or show:
            self.path(result.entry.path)

    def _by(self, result: Result) -> str:
        return result.entry.sidecar.verdict.by or self.stage

    def _described(self, result: Result) -> dict[str, Any]:
        entry = result.entry
        return {
            "path": printable(str(entry.path)) if entry.path is not None else None,
            "id": entry.sidecar.id,
            "status": result.status,
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
        write_out(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    def error(self, error: ImajinError) -> None:
        """Count and say an error; the stream goes on."""
        self.codes.append(error.code)
        say(f"imajin {self.stage}: {error.line()}")
        if self.as_json:
            self.event("error", code=int(error.code), message=error.message, hint=error.hint)

    def say(self, text: str) -> None:
        """Tell a person something, on standard error."""
        if not self.quiet:
            say(f"imajin {self.stage}: {printable(text)}")

    def finish(self, *, expect: int | None = None, empty: bool = False) -> Exit:
        """The exit code that all results amount to; with JSON also the summary line.

        ``expect`` is how many assets had to pass: then rejections alone are no failure. ``empty`` says that there was no input.
        """
        codes = list(self.codes)
        if empty and not codes:
            say(f"imajin {self.stage}: nothing came in (--allow-empty makes that no failure)")
            codes.append(Exit.EMPTY)
        if expect is not None:
            gates = [code for code in codes if int(code) in self.rejected]
            others = [code for code in codes if int(code) not in self.rejected]
            codes = others if self.passed >= expect else [*others, *(gates or [Exit.EMPTY])]
        code = most_serious(codes)
        if self.as_json:
            rejected = {str(key): count for key, count in sorted(self.rejected.items())}
            self.event("summary", passed=self.passed, rejected=rejected, code=int(code), meaning=MEANING[code])
        return code


def say(text: str) -> None:
    """One line on standard error, which may be closed."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def show_json(value: Mapping[str, Any] | list[Any]) -> None:
    """A JSON document for people and programs, on standard output."""
    write_out(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")
