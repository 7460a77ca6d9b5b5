"""What became of each asset, in the words of CI: JUnit XML, and annotations in GitHub's workflow log.

JUnit: one test case an asset, `failure` where it was rejected or is stale, `error` where it could not be made, `skipped`
where nothing was to be done. Elements and attributes are those of the schema that the Jenkins xUnit plugin publishes, which
other readers take too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imajin_cli.contract.exits import MEANING, Exit
from imajin_cli.repository.recipe import Recipe
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.report import say

Ended = Literal["passed", "failed", "error", "skipped"]
_PLACE = re.compile(r"(?s)(.*):(\d+)(?: \((.*)\))?")
# What XML 1.0 cannot hold, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One asset: its name in the lock, where it is asked for ("assets.yaml:3 (theme=dark)"), how it ended, and why."""

    name: str
    place: str
    ended: Ended = "passed"
    kind: str = ""
    text: str = ""
    seconds: float = 0.0


def case_of_done(recipe: Recipe, done: Done) -> Case:
    """What became of a job."""
    code = Exit(done.code)
    if code is Exit.OK:
        return Case(recipe.name, recipe.place, "passed" if done.tried else "skipped", "", "up to date", done.seconds)
    ended: Ended = "failed" if done.code in done.rejected else "error"
    text = "; ".join(done.said) or MEANING[code]
    return Case(recipe.name, recipe.place, ended, code.name.lower().replace("_", "-"), text, done.seconds)


@dataclass
class Outcomes:
    """Collects cases. Annotations are said as cases come, the XML is written at the end."""

    annotations: bool
    cases: list[Case] = field(default_factory=list)

    def add(self, case: Case) -> None:
        """One more."""
        self.cases.append(case)
        if self.annotations and case.ended in ("failed", "error"):
            say(annotation(case))

    def write(self, junit: str | None) -> None:
        """Write the XML, where it was asked for. Raises OutputError."""
        if junit is not None:
            make_folder(Path(junit).parent)
            write_atomic(Path(junit), "\n".join(_xml(self.cases)).encode() + b"\n")


def annotation(case: Case) -> str:
    """A line that GitHub's runner shows beside the line of the file: ``::error file=…,line=…,title=…::…``."""
    found = _PLACE.fullmatch(case.place)
    where = f"file={_property(found[1])},line={found[2]}," if found else f"file={_property(case.place)},"
    return f"::error {where}title={_property(f'imajin: {case.name}')}::{_message(f'{case.kind}: {case.text}')}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _xml(cases: list[Case]) -> Iterator[str]:
    count = {ended: sum(case.ended == ended for case in cases) for ended in ("failed", "error", "skipped")}
    total = sum(case.seconds for case in cases)
    numbers = f'tests="{len(cases)}" failures="{count["failed"]}" errors="{count["error"]}"'
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="imajin batch" {numbers} time="{total:.3f}">'
    yield f' <testsuite name="imajin batch" {numbers} skipped="{count["skipped"]}" time="{total:.3f}">'
    for case in cases:
        folder, _, name = case.name.rpartition("/")
        head = f'  <testcase name={_attribute(name)} classname={_attribute(folder or ".")} time="{case.seconds:.3f}"'
        if case.ended == "passed":
            yield head + "/>"
            continue
        element = {"failed": "failure", "error": "error", "skipped": "skipped"}[case.ended]
        kind = f" type={_attribute(case.kind)}" if case.ended != "skipped" else ""
        yield head + ">"
        yield f"   <{element} message={_attribute(f'{case.place}: {case.text}')}{kind}/>"
        yield "  </testcase>"
    yield " </testsuite>"
    yield "</testsuites>"


def _attribute(text: str) -> str:
    # xml.sax.saxutils would bring the whole of urllib with it.
    plain = html.escape(_NO_XML.sub("�", text))
    return '"' + plain.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;") + '"'
