"""A plan carried out: each job tried seed after seed until one candidate has passed every gate and is published."""

from __future__ import annotations

from imajin_cli.asking.plan import Job, Plan
from imajin_cli.contract.exits import Exit, most_serious
from imajin_cli.run.pipeline import RunOptions, run_reported
from imajin_cli.run.report import Report

TRY_AGAIN = frozenset({Exit.OFF_PROMPT, Exit.AESTHETIC, Exit.QUALITY})
"""Rejections of one candidate, after which another seed may do; all others are the request's."""


class Tries(Report):
    """A report of several runs in turn: each gives its code, and one summary ends them all."""

    within = False
    """Whether a run is going on, whose end is not the end."""

    def finish(self, *, expect: int | None = None, enough: bool | None = None, empty: bool = False) -> Exit:
        """The code of the run that has just ended; what it counted against itself is forgotten, what it published is not.

        Outside of a run, of what went wrong there, with a summary.
        """
        if not self.within:
            return super().finish(expect=expect, enough=enough, empty=empty)
        code = most_serious([*self.errors, *self.rejections])
        self.rejections, self.errors = [], []
        return code

    def end(self, codes: list[Exit]) -> Exit:
        """The code of it all, and with JSON the summary."""
        code = most_serious(codes)
        self.rejections = [code for code in codes if code is not Exit.OK]
        self.summary(code)
        return code


def done(plan: Plan, tries: int, report: Tries, *, quiet: bool = False) -> Exit:
    """Do every job; the exit code is 0 where each has published something. Raises what `imajin run` raises."""
    for note in plan.notes:
        report.say(note)
    codes = []
    for job in plan.jobs:
        report.within = True
        try:
            codes.append(_job(job, tries, report, quiet))
        finally:
            report.within = False
    return report.end(codes)


def _job(job: Job, tries: int, report: Tries, quiet: bool) -> Exit:
    options = RunOptions(preset=job.preset, as_json=report.as_json, quiet=quiet)
    if job.seed is None:
        return run_reported([job.given], job.settings, options, report)
    codes: list[Exit] = []
    for attempt in range(tries):
        request = {**job.settings.get("request", {}), "seed": job.seed + attempt}
        code = run_reported([job.given], {**job.settings, "request": request}, options, report)
        if code is Exit.OK:
            return code
        codes.append(code)
        if code not in TRY_AGAIN:
            break
    return most_serious(codes)
