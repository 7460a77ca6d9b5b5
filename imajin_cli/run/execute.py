"""One stage on one asset: its key, its record, and what becomes of the asset. The same for a pipe and for `imajin run`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.errors import BackendError, ImajinError, InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import ParamValue, Record, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Stage
from imajin_cli.run.assets import Entry, candidate, has_record, image_info, vector_digest


class Keeper(Protocol):
    """Where assets are kept between stages: files (Store) or memory (Memory)."""

    def find(self, stem: str, key: str) -> Entry | None:
        """The finished picture of exactly this work, if there is one."""

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """Keep a new picture."""

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """Append a record to an asset."""


class Memory:
    """Keeps nothing on disk: `imajin run` passes assets from stage to stage as they are."""

    def find(self, stem: str, key: str) -> Entry | None:
        """Nothing is found again."""
        return None

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """The asset, its picture described."""
        if asset.picture is None:
            return Entry(asset)
        sidecar = asset.sidecar.model_copy(update={"image": image_info(asset.picture)})
        return Entry(replace(asset, sidecar=sidecar))

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """The asset with the record."""
        return entry.with_sidecar(entry.sidecar.with_record(record))


@dataclass(frozen=True)
class Bound:
    """A stage with its params, and how its records say them."""

    name: str
    stage: Stage[Any]
    params: Mapping[str, ParamValue]
    force: bool = False

    def key(self, *what: Any) -> str:
        """The digest of this stage's work on ``what`` (JSON)."""
        values = {name: param.value for name, param in sorted(self.params.items())}
        return json_digest([self.name, self.stage.version, self.stage.revision(), values, list(what)])

    def record(self, outcome: Outcome, key: str, before: str | None, seconds: float) -> Record:
        """The record of ``outcome``. ``before`` is the digest of what went in."""
        after = outcome.picture.sha256 if outcome.picture is not None else before
        if self.stage.kind is Kind.GATE:
            outcome = _judged(outcome, self.name)
        code = Exit.OK
        if outcome.status in ("rejected", "error"):
            code = outcome.code or self.stage.rejects_with
        return Record(
            stage=self.name,
            version=self.stage.version,
            backend=outcome.backend,
            model=outcome.model,
            params=dict(self.params),
            status=outcome.status,
            scores=[_finite(score) for score in outcome.scores],
            reason=outcome.reason,
            code=int(code),
            notes=dict(outcome.notes),
            credits=list(outcome.credits),
            input=before,
            output=after,
            key=key,
            device="cpu",
            seconds=round(seconds, 4),
        )


def _judged(outcome: Outcome, name: str) -> Outcome:
    """A gate's outcome that can be believed: where a score is not a number there is no verdict, whatever the gate says."""
    lost = [score.name for score in outcome.scores if score.value is not None and not math.isfinite(score.value)]
    if not lost:
        return outcome
    reason = f"no verdict: {name} measured no number for {', '.join(lost)}"
    return replace(outcome, status="error", reason=reason, code=Exit.NO_VERDICT, rank=None)


def _finite(score: Score) -> Score:
    """A score that JSON can hold: what is not a number is no value, and passes nothing."""
    if score.value is None or math.isfinite(score.value):
        return score
    return score.model_copy(update={"value": None, "passed": False})


@dataclass(frozen=True)
class Result:
    """An entry after a stage: its latest status there, and the rank where the stage gives one."""

    entry: Entry
    status: str
    code: Exit = Exit.OK
    reason: str | None = None
    rank: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the asset goes on."""
        return self.status not in ("rejected", "error")


def process(bound: Bound, entry: Entry, keeper: Keeper) -> Iterator[Result]:
    """Run ``bound`` on one entry: one result, or, for a stage that generates, one for each picture as it is made."""
    if bound.stage.kind is Kind.SOURCE and bound.stage.takes_request:
        yield from _generate(bound, entry, keeper)
    else:
        yield _apply(bound, entry, keeper)


def _apply(bound: Bound, entry: Entry, keeper: Keeper) -> Result:
    asset = entry.asset
    _require(bound, asset)
    before = _input_digest(asset)
    request = request_digest(asset.sidecar.request) if asset.sidecar.request is not None else None
    key = bound.key(before, vector_digest(asset.picture), asset.sidecar.id, request)
    if not bound.force:
        done = has_record(asset.sidecar, bound.name, key)
        if done is not None and done.status != "changed":
            return _result(entry, done)
        found = keeper.find(asset.name, key) if bound.stage.kind in (Kind.TRANSFORM, Kind.SOURCE) else None
        if found is not None:
            return _found(found, key)
    outcome, seconds = _timed(bound, asset)
    record = bound.record(outcome, key, before, seconds)
    if outcome.picture is None or not _goes_on(record):
        return _result(keeper.keep_record(entry, record, force=bound.force), record, outcome.rank)
    lineage = [*asset.sidecar.lineage, *([before] if before is not None else [])]
    sidecar = asset.sidecar.with_record(record).model_copy(update={"lineage": lineage})
    made = replace(asset, sidecar=sidecar, picture=_checked(outcome.picture, bound), raw=None)
    return _result(keeper.keep_picture(made, asset.name, key), record, outcome.rank)


def _generate(bound: Bound, entry: Entry, keeper: Keeper) -> Iterator[Result]:
    request = entry.sidecar.request
    if request is None:
        raise InputError(f"{entry.label}: holds no request", hint="name a *.request.json, or write a prompt in quotes")
    for job in bound.stage.plan(request):
        asset = candidate(entry, job)
        key = bound.key(request_digest(request), job.seed, job.ratio, job.width, job.height)
        found = None if bound.force else keeper.find(asset.name, key)
        if found is not None:
            yield _found(found, key)
            continue
        started = time.perf_counter()
        outcome = bound.stage.make(job)
        picture = _checked(outcome.picture, bound)
        record = bound.record(outcome, key, None, time.perf_counter() - started)
        made = replace(asset, sidecar=asset.sidecar.with_record(record), picture=picture)
        yield _result(keeper.keep_picture(made, asset.name, key), record, outcome.rank)


def _require(bound: Bound, asset: Asset) -> None:
    if bound.stage.takes_request and asset.sidecar.request is None:
        raise InputError(f"{asset.name}: holds no request for {bound.name} to check")
    if asset.picture is None and asset.raw is None and not bound.stage.takes_request:
        raise InputError(f"{asset.name}: has no picture yet", hint="pipe it through `imajin generate` first")


def _input_digest(asset: Asset) -> str | None:
    if asset.picture is not None:
        return asset.picture.sha256
    return sha256(asset.raw) if asset.raw is not None else None


def _timed(bound: Bound, asset: Asset) -> tuple[Outcome, float]:
    started = time.perf_counter()
    try:
        outcome = bound.stage.apply(asset)
    except ImajinError as error:
        if bound.stage.kind is not Kind.GATE or error.code is not Exit.NO_VERDICT:
            raise
        # A gate that could not judge fails closed, and its record says what was absent.
        outcome = Outcome("error", reason=error.line(), code=error.code)
    return outcome, time.perf_counter() - started


def _checked(picture: Picture | None, bound: Bound) -> Picture:
    if picture is None:
        raise BackendError(f"{bound.name} gave no picture")
    return picture


def _goes_on(record: Record) -> bool:
    return record.status not in ("rejected", "error")


def _found(entry: Entry, key: str) -> Result:
    record = next(r for r in entry.sidecar.stages if r.key == key)
    return _result(entry, record)


def _result(entry: Entry, record: Record, rank: float | None = None) -> Result:
    if rank is None:
        rank = next((score.value for score in record.scores if score.name == "rank"), None)
    return Result(entry, record.status, Exit(record.code), record.reason, rank)
