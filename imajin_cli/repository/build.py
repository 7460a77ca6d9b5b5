"""`imajin batch` with a lock: assets whose recipe and files are as the lock says are left alone, all others are made."""

from __future__ import annotations

import fnmatch
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.repository.causes import Cause, causes
from imajin_cli.repository.costs import START, Costs, keep_costs
from imajin_cli.repository.depfile import write_depfile
from imajin_cli.repository.lock import MAX_ASSETS, Lock, lock_of, read_lock, unsigned_digest, write_lock
from imajin_cli.repository.outcomes import Case, Outcomes, case_of_done
from imajin_cli.repository.recipe import Recipe, Recipes
from imajin_cli.repository.standing import is_remote, listed, published
from imajin_cli.run.batch.batch import BatchOptions, jobs_in, run_jobs
from imajin_cli.run.batch.jobs import Job
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.batch.local import cores
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, reported
from imajin_cli.run.shelf import Shelf, parted, shelf_of

# The lock is written so often while a build goes on.
WRITE_SECONDS = 5.0
_MOST_SIDECAR = 16 << 20


@dataclass(frozen=True)
class BuildOptions:
    """The options of `imajin batch` that are about the build."""

    lock: str | None = None
    only: tuple[str, ...] = ()
    depfile: str | None = None
    junit: str | None = None
    annotations: bool = False
    approved: bool = False


def asked(name: str, options: BatchOptions, recipes: Recipes) -> Iterator[tuple[Job, Recipe]]:
    """Every job of the file with its recipe; one that stands in it twice comes once.

    Raises UsageError where two that differ would be published under one name, and for more than a lock can hold.
    """
    seen: dict[str, Recipe] = {}
    for job in jobs_in(name, options):
        recipe = recipes.of(job)
        known = seen.get(recipe.name)
        if known is not None and "{" in recipe.name and known.digest() != recipe.digest():
            # What tells them apart is known when there are pictures: the recipe stands for it here.
            recipe = replace(recipe, name=f"{recipe.name}@{recipe.digest()[:8]}")
            known = seen.get(recipe.name)
        if known is None:
            seen[recipe.name] = recipe
            if len(seen) > MAX_ASSETS:
                raise UsageError(f"{name}: more than {MAX_ASSETS:,} assets", hint="--no-lock, or several files")
            yield job, recipe
        elif known.digest() != recipe.digest():
            raise UsageError(
                f"{job.place}: {known.place} publishes under this name too: {recipe.name}",
                hint="give one of them a name of its own",
            )


def run_build(name: str, options: BatchOptions, build: BuildOptions) -> Exit:
    """Make every asset of the file ``name`` that is stale, and bring its lock up to date; gives the exit code."""
    report = Report("batch", as_json=options.as_json, quiet=options.quiet)
    return reported(report, lambda: _run(name, options, build, report))


def _run(name: str, options: BatchOptions, build: BuildOptions, report: Report) -> Exit:
    kept = Kept.of(name, options, build, report)
    code = Exit.ERROR
    try:
        code = run_jobs(name, options, report, kept, ",".join(build.only))
    finally:
        kept.told.write(build.junit)
    if build.depfile is not None:
        write_depfile(
            Path(build.depfile), name, kept.lock.path, [recipe for _, recipe in kept.jobs.values()], kept.shelf
        )
        if code == Exit.OK:
            os.utime(kept.lock.path)
    return code


@dataclass
class Kept:
    """The lock at work: a `Keeper`. ``jobs`` are all of the file, by place; nothing is known of their pictures before."""

    source: str
    lock: Lock
    report: Report
    only: tuple[str, ...]
    force: bool
    recipes: Recipes
    jobs: dict[str, tuple[Job, Recipe]]
    told: Outcomes
    places: int = 1
    costs: Costs = field(default_factory=Costs)
    # Assets that have ended since the lock was written: those whose place is an object store are looked at in the end.
    _ended: list[tuple[Recipe, Done]] = field(default_factory=list)
    _changed: set[str] = field(default_factory=set)
    _why: dict[str, list[str]] = field(default_factory=dict)
    _shelves: dict[str, Shelf] = field(default_factory=dict)
    _stores: dict[str, Shelf] = field(default_factory=dict)
    _written: float = field(default_factory=time.monotonic)
    _started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, name: str, options: BatchOptions, build: BuildOptions, report: Report) -> Kept:
        """The lock of the build file ``name``, and all that the file asks for. Raises UsageError and InputError."""
        lock = read_lock(lock_of(name, build.lock))
        recipes = Recipes(lock.base)
        jobs = {job.place: (job, recipe) for job, recipe in asked(name, options, recipes)}
        told = Outcomes(build.annotations)
        kept = cls(
            lock.base.shown(name), lock, report, build.only, options.force, recipes, jobs, told, options.jobs or cores()
        )
        if build.only and jobs and not any(kept.wanted(job) for job, _ in jobs.values()):
            near = ", ".join(sorted(recipe.name for _, recipe in jobs.values())[:4])
            raise UsageError(f"--only {build.only[0]}: no asset is called so", hint=f"there are {near}, …")
        return kept

    def wanted(self, job: Job) -> bool:
        """Whether `--only` lets it through. One that stands in the file twice is wanted once."""
        if job.place not in self.jobs:
            return not self.only
        return not self.only or matches(self.jobs[job.place][1].name, self.only)

    def causes(self, recipe: Recipe) -> list[Cause]:
        """Why the asset is stale, nothing where it is not: what a check, a forecast and a build go by, all three.

        Whether an object store has it still is what the build alone asks, since it may ask a network.
        """
        return causes(recipe, self.lock, self.shelf)

    def current(self, job: Job) -> Done | None:
        """What it came to, where its recipe and its files are as the lock says."""
        if job.place not in self.jobs:
            return None
        recipe = self.jobs[job.place][1]
        found = self.causes(recipe) or list(self._store_causes(recipe))
        self._why[job.place] = [cause.line() for cause in found]
        if found:
            return None
        paths, ids = self._first_files(recipe)
        return Done(code=int(Exit.OK), passed=len(paths), paths=paths, ids=ids, tried=False)

    def prepared(self, job: Job) -> Job:
        """The job, painted by the backend that painted it before, where it leaves that open and names the same model."""
        entry = self.lock.assets.get(self.jobs[job.place][1].name) if job.place in self.jobs else None
        if entry is None or entry.backend != "diffusers" or "backend" in job.flags.get("generate", {}):
            return job
        recipe = self.jobs[job.place][1]
        now = {**recipe.from_config, **recipe.from_preset, **recipe.params}
        before = {**entry.from_config, **entry.from_preset, **entry.params}
        if "generate.backend" in now or now.get("generate.model") != before.get("generate.model"):
            return job
        flags = {section: dict(values) for section, values in job.flags.items()}
        flags.setdefault("generate", {})["backend"] = "diffusers"
        return replace(job, flags=flags)

    def ended(self, job: Job, done: Done) -> None:
        """Keep what became of it, and say it where a file or CI asked."""
        if job.place not in self.jobs:
            return
        recipe = self.jobs[job.place][1]
        self.told.add(case_of_done(recipe, done))
        if done.code == Exit.OK and done.paths and self._why.get(job.place, [""]):
            self._ended.append((recipe, done))
        if time.monotonic() - self._written > WRITE_SECONDS:
            self._write(last=False)

    def close(self) -> None:
        """Write the lock, without entries of assets that the file asks for no longer."""
        self._write(last=True)
        if self.costs.new:
            beside = time.monotonic() - self._started - self.costs.usual() / self.places
            self.costs.add(START, max(0.0, beside))
        keep_costs(self.costs)
        gone = [] if self.only else self.removed()
        if gone:
            for name in gone:
                self.report.say(f"{name}: is asked for no longer, and no longer in the lock; its files stay")
            write_lock(self.lock, (), gone)
            for name in gone:
                self.lock.assets.pop(name, None)

    def removed(self) -> list[str]:
        """Assets of the lock that this file asked for once, and asks for no longer."""
        known = {recipe.name for _, recipe in self.jobs.values()}
        return [name for name, entry in self.lock.assets.items() if entry.source == self.source and name not in known]

    def _write(self, *, last: bool) -> None:
        rest = []
        for recipe, done in self._ended:
            if not last and any(map(is_remote, done.paths)):
                rest.append((recipe, done))
            else:
                self._enter(recipe, done)
        self._ended = rest
        if self._changed:
            write_lock(self.lock, sorted(self._changed))
            self._changed.clear()
        self._written = time.monotonic()

    def _enter(self, recipe: Recipe, done: Done) -> None:
        files, unsigned, backend = {}, {}, None
        for path in done.paths:
            to, first = parted(path)
            asset = self.shelf(to).asset_with(first)
            for file in [] if asset is None else asset["files"]:
                shown = self.lock.base.shown(f"{to}/{file['name']}")
                files[shown] = file["sha256"]
                signed = file.get("provenance")
                before = signed.get("unsigned_sha256") if isinstance(signed, dict) else None
                if file.get("role") != "provenance":
                    unsigned[shown] = before if isinstance(before, str) else file["sha256"]
            backend = self._backend_of(path, measured=done.tried) or backend
        if not files:
            return
        why = ["forced"] if self.force else self._why.get(recipe.place, [])
        self.lock.put(recipe, self.source, files, unsigned_digest(unsigned), why, backend)
        self._changed.add(recipe.name)

    def _backend_of(self, path: str, *, measured: bool) -> str | None:
        """Which backend made a published picture, as its sidecar says; None where there is none to be read.

        What its stages took is kept too, where they were ``measured`` just now.
        """
        if is_remote(path):
            return None
        try:
            sidecar: Any = json.loads(read_bytes(Path(f"{path}.json"), _MOST_SIDECAR))
            said = next((one["backend"] for one in sidecar["stages"] if one["stage"] == "generate"), None)
        except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if measured:
            self.costs.add_sidecar(sidecar)
        return said if isinstance(said, str) and len(said) <= 64 else None

    def _store_causes(self, recipe: Recipe) -> Iterator[Cause]:
        """What an object store has no longer, or not as it was published. Raises OutputError where it cannot be asked."""
        try:
            found = listed(published(recipe.name, self.lock, remote=True), self._store)
        except InputError as error:
            yield Cause("changed", error.message)
            return
        whole: dict[str, bool] = {}
        for path, asset in found.items():
            if asset is not None and asset.sidecar() not in whole:
                whole[asset.sidecar()] = self._store(asset.to).whole(asset.entry["files"][0]["name"])
            if asset is None or not whole[asset.sidecar()]:
                yield Cause("missing", f"{path} is not there as it was published, with all that belongs to it")

    def _first_files(self, recipe: Recipe) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The first file of every asset that was published for the recipe, and the assets' ids."""
        found = {
            **listed(published(recipe.name, self.lock, remote=False), self.shelf),
            **listed(published(recipe.name, self.lock, remote=True), self._store),
        }
        ids = {asset.paths()[0]: str(asset.entry.get("id")) for asset in found.values() if asset is not None}
        return tuple(ids), tuple(ids.values())

    def _store(self, to: str) -> Shelf:
        """An object store as it was when the build began; `shelf` reads what was published since."""
        if to not in self._stores:
            self._stores[to] = shelf_of(to)
        return self._stores[to]

    def shelf(self, to: str) -> Shelf:
        """Where a file was published, kept at hand; a folder is followed as others publish into it."""
        if to not in self._shelves:
            self._shelves[to] = shelf_of(to)
        return self._shelves[to]


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether an asset is meant by one of the patterns: by its whole name in the lock, or without its folder."""
    return any(fnmatch.fnmatchcase(name, one) or fnmatch.fnmatchcase(name.rpartition("/")[2], one) for one in patterns)


def check_build(name: str, options: BatchOptions, build: BuildOptions) -> Exit:
    """Say which assets of the file ``name`` are stale, and why: exit code 23. Nothing is made, loaded or asked of a network."""
    report = Report("batch", as_json=options.as_json, quiet=options.quiet)
    return reported(report, lambda: _check(name, options, build, report))


def _check(name: str, options: BatchOptions, build: BuildOptions, report: Report) -> Exit:
    started = time.perf_counter()
    kept = Kept.of(name, options, build, report)
    wanted = [recipe for job, recipe in kept.jobs.values() if kept.wanted(job)]
    stale = 0
    for recipe in wanted:
        found = [*kept.causes(recipe), *(_undecided(recipe, kept.lock) if build.approved else ())]
        stale += bool(found)
        _tell(kept, recipe.name, recipe.place, found)
    for gone in [] if build.only else kept.removed():
        stale += 1
        _tell(kept, gone, kept.source, [Cause("gone", f"{name} asks for it no longer")])
    kept.told.write(build.junit)
    took = time.perf_counter() - started
    if stale:
        report.errors.append(Exit.STALE)
        report.say(
            f"{stale} of {len(wanted)} assets {'is' if stale == 1 else 'are'} stale ({took:.1f} s): imajin batch {name}"
        )
    else:
        report.say(f"{len(wanted)} assets are up to date ({took:.1f} s)")
    report.passed = len(wanted) - min(stale, len(wanted))
    return report.finish(empty=not wanted and not stale)


def _tell(kept: Kept, name: str, place: str, found: Sequence[Cause]) -> None:
    """Print an asset that is stale, with all causes; programs hear of the others too."""
    lines = [cause.line() for cause in found]
    kept.told.add(Case(name, place, "failed" if found else "passed", "stale", "; ".join(lines)))
    if kept.report.as_json:
        told = [{"kind": cause.kind, "text": cause.text} for cause in found]
        kept.report.event("stale" if found else "current", asset=name, place=place, causes=told)
    elif found:
        line = printable(f"{place}: {name}: {'; '.join(lines)}")
        write_out(f"{line}\n".encode("utf-8", "backslashreplace"))


def _undecided(recipe: Recipe, lock: Lock) -> Iterator[Cause]:
    entry = lock.assets.get(recipe.name)
    if entry is not None and entry.decision != "approved":
        said = (
            "nobody approved it as it is" if entry.decision is None else f"it was rejected: {entry.note or 'no note'}"
        )
        yield Cause("decision", said)
