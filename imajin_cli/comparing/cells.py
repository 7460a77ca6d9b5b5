"""One cell of the sheet: a whole run of one prompt with one seed by one contender, through every gate, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from imajin_cli.comparing.contenders import Contender
from imajin_cli.contract.errors import ImajinError, InputError
from imajin_cli.contract.exits import Exit, verdict_of_code
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.models.policy import commercial_use
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.work import Collected, perform
from imajin_cli.run.execute import Result
from imajin_cli.run.naming import slug
from imajin_cli.run.sidecars import read_sidecar, sidecar_path

Status = Literal["made", "rejected", "failed"]
_STEM = 40


@dataclass(frozen=True)
class Plan:
    """A cell that is to be made, at its ``row`` and ``column``."""

    row: int
    column: int
    prompt: str
    seed: int
    contender: Contender
    job: Job


@dataclass(frozen=True)
class Made:
    """A picture that a cell came to: its file, where it has one, its sidecar, and whether it passed."""

    path: Path | None
    sidecar: Sidecar
    passed: bool


@dataclass(frozen=True)
class Cell:
    """A cell as it ended. ``reason`` and ``hint`` say why it was not made; ``seconds`` are those of its whole run."""

    plan: Plan
    code: Exit
    pictures: tuple[Made, ...]
    reason: str | None
    hint: str | None
    seconds: float

    @property
    def status(self) -> Status:
        """Whether it passed every gate, was rejected by one, or could not be made or judged."""
        verdict = verdict_of_code(self.code)
        return "made" if verdict == "accepted" else "rejected" if verdict == "rejected" else "failed"

    @property
    def main(self) -> Made | None:
        """The picture that stands for it: the first that did not pass, else the first; None where there is none."""
        return next((one for one in self.pictures if not one.passed), next(iter(self.pictures), None))

    @property
    def licence(self) -> tuple[str, str]:
        """The licence of what made it, and whether that allows commercial use; of who has not said, what is known before."""
        entry = self.plan.contender.entry
        if entry is not None:
            return entry.licence, entry.commercial
        licences = _licences(self.main.sidecar) if self.main is not None else []
        if not licences:
            return ("unknown", "unclear") if "model" in self.plan.contender.settings else ("", "")
        uses = [commercial_use(licence) for licence in licences]
        worst = next(use for use in ("forbidden", "unclear", "allowed") if use in uses)
        return ", ".join(licences), worst


def plans(
    prompts: Sequence[str], seeds: Sequence[int], given: Sequence[Contender], preset: str | None,
    flags: Mapping[str, Mapping[str, Any]], to: str,
) -> Iterator[Plan]:  # fmt: skip
    """Every cell, the cells of one contender after another, so that each model is loaded once. Columns are contender by seed."""
    for place, contender in enumerate(given):
        for row, prompt in enumerate(prompts):
            for at, seed in enumerate(seeds):
                column = place * len(seeds) + at
                stem = slug(prompt, "prompt").encode()[:_STEM].decode("utf-8", "ignore").rstrip("-")
                name = f"{row + 1:02}-{column + 1:02}-{slug(contender.label, 'model')}-{stem}-{seed}"
                own = {
                    "request": {"seed": seed, "count": 1},
                    "generate": dict(contender.settings),
                    "output": {"to": to, "name": name},
                }
                merged = {part: {**flags.get(part, {}), **own.get(part, {})} for part in (*flags, *own)}
                where = f"{contender.label}, seed {seed}, {prompt!r}"
                yield Plan(row, column, prompt, seed, contender, Job(where, prompt, (), preset, merged))


class _Results(Collected):
    """A report that also keeps the results and the errors themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Result] = []
        self.failures: list[ImajinError] = []

    def result(self, result: Result, *, show: bool) -> None:
        """Keep one result, without its pixels."""
        super().result(result, show=show)
        slim = replace(result.entry, asset=replace(result.entry.asset, picture=None, maps={}))
        self.results.append(replace(result, entry=slim))

    def error(self, error: ImajinError) -> None:
        """Keep an error."""
        super().error(error)
        self.failures.append(error)


def make(plan: Plan) -> Cell:
    """Make a cell. Never raises for what a run can meet: the cell says it."""
    report = _Results()
    done = perform(plan.job, report=report)
    code = Exit(done.code)
    reason, hint = None, None
    rejected = next((result for result in report.results if not result.passed), None)
    if report.failures:
        worst = next((one for one in report.failures if one.code is code), report.failures[0])
        reason, hint = worst.message, worst.hint
    elif rejected is not None:
        reason = rejected.reason
    elif code is not Exit.OK:
        reason = done.said[-1] if done.said else None
    pictures = tuple(_made(result) for result in report.results)
    return Cell(plan, code, pictures, reason, hint, done.seconds)


def _made(result: Result) -> Made:
    """What came out, as its file's sidecar tells it: that is what was published."""
    path = result.entry.path
    sidecar = result.entry.sidecar
    if path is None or sidecar.image is None:
        return Made(None, sidecar, result.passed)
    try:
        return Made(path, read_sidecar(sidecar_path(path)) or sidecar, result.passed)
    except InputError:
        return Made(path, sidecar, result.passed)


def _licences(sidecar: Sidecar) -> list[str]:
    """The licences of what the picture was made by: a model's, or those of the drawings."""
    made = next((record for record in sidecar.stages if record.stage == "generate"), None)
    if made is None:
        return []
    if made.model is not None:
        return [made.model.licence or "unknown"]
    return list(dict.fromkeys(credit.licence for credit in made.credits))
