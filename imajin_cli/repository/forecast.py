"""`imajin batch --dry-run`: what would be made, how long that takes here, what of a GPU, and what has to be fetched first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.families import bases_of
from imajin_cli.contract.need import Need
from imajin_cli.contract.request import MAX_SIDE, RequestParams
from imajin_cli.models.catalogue import find
from imajin_cli.models.store import command_for, state
from imajin_cli.repository.build import BuildOptions, Kept
from imajin_cli.repository.costs import Costs, read_costs
from imajin_cli.repository.recipe import Recipe
from imajin_cli.run.batch.batch import BatchOptions
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.local import cores
from imajin_cli.run.leasing import united
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report, reported

_MIB = 1 << 20
_LEAST_PIXELS = 64 * 64


@dataclass(frozen=True)
class Work:
    """One asset that is to be made: its stages, how many pictures, of how many pixels in all, painted by which backend."""

    recipe: Recipe
    stages: tuple[str, ...]
    pictures: int
    pixels: int
    backend: str
    why: str


@dataclass(frozen=True)
class Download:
    """A model that is not on this machine: bytes (None where no catalogue lists them), licence, and the command that gets it."""

    name: str
    size: int | None
    licence: str
    commercial: str
    command: str


def forecast(name: str, options: BatchOptions, build: BuildOptions) -> Exit:
    """Say what `imajin batch` would do with the file ``name``; gives the exit code."""
    report = Report("batch", as_json=options.as_json, quiet=options.quiet)
    return reported(report, lambda: _forecast(name, options, build, report))


def _forecast(name: str, options: BatchOptions, build: BuildOptions, report: Report) -> Exit:
    kept = Kept.of(name, options, build, report)
    wanted = [(job, recipe) for job, recipe in kept.jobs.values() if kept.wanted(job)]
    works, needs = [], list[Need]()
    for job, recipe in wanted:
        found = kept.causes(recipe)
        if found or options.force:
            stages = kept.recipes.stages(job)
            why = "; ".join(cause.line() for cause in found) or "forced: --force"
            works.append(_work(job, recipe, list(stages), kept, why))
            needs += [need for stage in stages.values() for need in stage.needs()]
    places = min(options.jobs or cores(), max(1, len(works)))
    seconds, measured = predicted(works, read_costs(), places)
    missing = list(downloads(works))
    gpu = [need for need in united([needs]) if need.device != "cpu"]
    _tell(report, works, len(wanted))
    tell_totals(report, works, seconds, places, measured, missing, gpu)
    report.passed = len(wanted) - len(works)
    return report.finish(empty=not wanted)


def _work(job: Job, recipe: Recipe, stages: Sequence[str], kept: Kept, why: str) -> Work:
    entry = kept.lock.assets.get(recipe.name)
    named = {**recipe.from_config, **recipe.from_preset, **recipe.params}.get("generate.backend")
    backend = str(named or (entry.backend if entry is not None else None) or "compose")
    return work_of(job, recipe, stages, kept.recipes.asked(job), backend, why)


def work_of(job: Job, recipe: Recipe, stages: Sequence[str], request: RequestParams, backend: str, why: str) -> Work:
    """What ``job``, which asks for ``request``, would have done, painted by ``backend``."""
    sizes = _bases(request) if not job.files else [512 * 512] * len(job.files)
    count = 1 if job.files else request.count
    return Work(recipe, tuple(stages), count * len(sizes), count * sum(sizes), backend, why)


def _bases(request: RequestParams) -> list[int]:
    """Pixels of each picture that is made for ``request``."""
    return [base.size[0] * base.size[1] for base in bases_of(*request.wanted(), MAX_SIDE)]


def predicted(works: Iterable[Work], costs: Costs, places: int, *, start: bool = True) -> tuple[float, bool]:
    """Seconds that ``works`` take on ``places`` processes, and whether all of that was measured on this machine.

    Without ``start``, those of processes that have started and loaded their models.
    """
    total, known, longest = 0.0, True, 0.0
    for work in works:
        own = 0.0
        each = max(_LEAST_PIXELS, work.pixels // max(1, work.pictures))
        for stage in work.stages:
            seconds, measured = costs.expected(stage, work.backend if stage == "generate" else None, each)
            own += seconds * work.pictures
            known &= measured
        total, longest = total + own, max(longest, own)
    if not total:
        return 0.0, True
    before, measured = costs.start() if start else (0.0, True)
    return before + max(total / places, longest), known and measured


def downloads(works: Iterable[Work]) -> Iterator[Download]:
    """The models that the assets may need and that are not on this machine, each once."""
    names = dict.fromkeys(name for work in works for name in work.recipe.tools.get("models", {}))
    for name in names:
        try:
            if not state(name).endswith(" absent"):
                continue
            entry = find(name)
        except UsageError:  # a folder, or a model that is part of imajin
            continue
        size = None if entry.open else entry.size
        yield Download(name, size, entry.licence, entry.commercial, command_for(entry))


def _tell(report: Report, works: Sequence[Work], total: int) -> None:
    for work in works:
        if report.as_json:
            report.event(
                "planned", asset=work.recipe.name, place=work.recipe.place, why=work.why, pictures=work.pictures
            )
            continue
        line = printable(f"{work.recipe.place}: {work.recipe.name}: {work.why}")
        write_out(f"{line}\n".encode("utf-8", "backslashreplace"))
    if not report.as_json:
        pictures = sum(work.pictures for work in works)
        plural = "picture" if pictures == 1 else "pictures"
        report.say(f"{len(works)} of {total} assets would be made, {pictures} {plural}")


def tell_totals(
    report: Report, works: Sequence[Work], seconds: float, places: int, measured: bool, missing: Sequence[Download],
    gpu: Sequence[Need],
) -> None:  # fmt: skip
    """Say what all of ``works`` take."""
    if report.as_json:
        fetched = [vars(one) for one in missing]
        room = [{"model": need.model, "mib": need.mib, "device": need.device} for need in gpu]
        report.event(
            "forecast", assets=len(works), seconds=round(seconds, 1), measured=measured, processes=places,
            downloads=fetched, vram=room,
        )  # fmt: skip
        return
    if works:
        how = "measured here" if measured else "not all of it measured here yet"
        report.say(f"time: about {_duration(seconds)} on {places} {'process' if places == 1 else 'processes'} ({how})")
        report.say("GPU memory: " + (vram(gpu) or "none is needed"))
        report.say("downloads: " + ("none" if not missing else ""))
        for one in missing:
            size = "size not listed" if one.size is None else f"{one.size / _MIB:,.0f} MiB"
            report.say(f"  {one.name}: {size}, {one.licence}, commercial use {one.commercial}: {one.command}")


def vram(gpu: Sequence[Need]) -> str:
    """What the models of ``gpu`` take there, in words."""
    return ", ".join(f"{need.mib:,} MiB for {need.model} ({need.device})" for need in gpu)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
