"""One stage on one asset: its key, its record, and what becomes of the asset. The same for a pipe and for `imajin run`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.errors import BackendError, ImajinError, InputError, MissingError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.need import Need, device_of
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import ParamValue, Record, Score, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome, Stage
from imajin_cli.run.assets import Entry, candidate, described_as, digests, has_record, vector_digest
from imajin_cli.run.leasing import residence
from imajin_cli.run.maps import keep_maps
from imajin_cli.run.together import meet

PICTURE_MODES = ("L", "LA", "RGB", "RGBA")
_CODES = frozenset(map(int, Exit))


class Keeper(Protocol):
    """Where assets are kept between stages: files (Store) or memory (Memory)."""

    def find(self, stem: str, key: str) -> Entry | None:
        """The finished picture of exactly this work, if there is one."""

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """Keep a new picture."""

    def keep_map(self, asset: Asset, stem: str, key: str) -> Entry:
        """Keep a control map, which is an asset of its own."""

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """Append a record to an asset."""

    def keep_history(self, found: Entry, source: Sidecar, key: str) -> Entry:
        """Give a picture that was found the records that its source has got since it was made."""


class Memory:
    """Passes assets from stage to stage as they are: `imajin run`, and `-`.

    ``files`` takes the records of pictures that have a file of their own, which a gate may look at before anything changed,
    and control maps.
    """

    def __init__(self, files: Keeper | None = None) -> None:
        self._files = files

    def find(self, stem: str, key: str) -> Entry | None:
        """Nothing is found again."""
        return None

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """The asset, its picture described."""
        if asset.picture is None:
            return Entry(asset)
        return Entry(replace(asset, sidecar=described_as(asset.sidecar, asset.picture)))

    def keep_map(self, asset: Asset, stem: str, key: str) -> Entry:
        """The map as a file, where there are files."""
        return Entry(asset) if self._files is None else self._files.keep_map(asset, stem, key)

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """The asset with the record."""
        if entry.path is not None and self._files is not None:
            return self._files.keep_record(entry, record, force=force)
        return entry.with_sidecar(entry.sidecar.with_record(record))

    def keep_history(self, found: Entry, source: Sidecar, key: str) -> Entry:
        """What was found, as it is."""
        return found


@dataclass(frozen=True)
class Bound:
    """A stage with its params, and how its records say them."""

    name: str
    stage: Stage[Any]
    params: Mapping[str, ParamValue]
    force: bool = False
    policy: Literal["any", "commercial"] = "any"
    # What this stage, and those that run with it, need of a device.
    needs: tuple[Need, ...] = ()

    def key(self, *what: Any) -> str:
        """The digest of this stage's work on ``what`` (JSON)."""
        values = {name: param.value for name, param in sorted(self.params.items())}
        return json_digest([self.name, self.stage.version, self.stage.revision(), values, list(what)])

    def record(self, outcome: Outcome, key: str, before: str | None, seconds: float) -> Record:
        """The record of ``outcome``. ``before`` is the digest of what went in.

        Raises BackendError for a picture in a mode that files and pipes cannot carry.
        """
        after = before
        if outcome.picture is not None:
            mode = outcome.picture.image.mode
            if mode not in PICTURE_MODES:
                raise BackendError(f"{self.name} gave a picture in mode {mode}, not one of {', '.join(PICTURE_MODES)}")
            after = outcome.picture.sha256
        if self.stage.kind is Kind.GATE:
            outcome = _judged(outcome, self.name)
        return Record(
            stage=self.name,
            version=self.stage.version,
            backend=outcome.backend,
            model=outcome.model,
            params=dict(self.params),
            status=outcome.status,
            scores=[_finite(score) for score in outcome.scores],
            reason=outcome.reason,
            code=int(self._code(outcome)),
            notes=dict(outcome.notes),
            credits=list(outcome.credits),
            input=before,
            output=after,
            key=key,
            rank=outcome.rank if outcome.rank is not None and math.isfinite(outcome.rank) else None,
            device=self._device(),
            seconds=round(seconds, 4),
        )

    def _device(self) -> str:
        """Where the stage's models have their lease: a GPU, where one of them has."""
        return next((place for one in self.stage.needs() if (place := device_of(one.model)) != "cpu"), "cpu")

    def _code(self, outcome: Outcome) -> Exit:
        """The exit code that ``outcome`` stands for: never OK where the asset does not go on."""
        if outcome.status == "rejected":
            return outcome.code or self.stage.rejects_with or Exit.USAGE
        if outcome.status == "error":
            return outcome.code or (Exit.NO_VERDICT if self.stage.kind is Kind.GATE else Exit.ERROR)
        return Exit.OK


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
    """An entry after a stage: which one, its latest status there, and the rank where the stage gives one."""

    entry: Entry
    status: str
    stage: str = ""
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
    request = request_digest(asset.sidecar.request) if asset.sidecar.request is not None else None
    before = _input_digest(asset)
    key = bound.key(before, vector_digest(asset.picture), asset.sidecar.id, request)
    if not bound.force:
        done = _finished(bound, entry, key, keeper)
        if done is not None:
            return done
    residence.ready(bound.needs)
    outcome, seconds = _timed(bound, asset)
    record = bound.record(outcome, key, before or request, seconds)
    if outcome.maps:
        record = record.model_copy(update={"maps": keep_maps(keeper.keep_map, asset, outcome.maps, record)})
        entry = replace(entry, asset=replace(asset, maps={**asset.maps, **outcome.maps}))
    if outcome.picture is None or not _goes_on(record):
        return _result(keeper.keep_record(entry, record, force=bound.force), record)
    if asset.picture is not None and asset.picture.vector is not None:
        fate = "carried on" if outcome.picture.vector is not None else "dropped"
        record = record.model_copy(update={"notes": {"vector": fate, **record.notes}})
    lineage = [*asset.sidecar.lineage, *([before] if before is not None else [])]
    sidecar = asset.sidecar.with_record(record).model_copy(update={"lineage": lineage})
    made = replace(asset, sidecar=sidecar, picture=outcome.picture, raw=None)
    return _result(keeper.keep_picture(made, asset.name, key), record)


def _finished(bound: Bound, entry: Entry, key: str, keeper: Keeper) -> Result | None:
    """What exactly this work came to earlier, None where it has to be done. Work that ended in an error is tried again."""
    done = has_record(entry.sidecar, bound.name, key)
    if done is not None and done.status not in ("changed", "error") and all(k in entry.asset.maps for k in done.maps):
        return _result(entry, done)
    found = keeper.find(entry.asset.name, key) if bound.stage.kind in (Kind.TRANSFORM, Kind.SOURCE) else None
    return None if found is None else _found(found, entry, key, keeper)


def _generate(bound: Bound, entry: Entry, keeper: Keeper) -> Iterator[Result]:
    request = entry.sidecar.request
    if request is None:
        raise InputError(f"{entry.label}: holds no request", hint="name a *.request.json, or write a prompt in quotes")
    asked = request_digest(request)
    maps = {} if bound.stage.maps_wanted() == "no" else entry.asset.maps
    for job in bound.stage.plan(request):
        job = replace(job, maps=maps)
        asset = candidate(entry, job)
        more = [*([job.theme] if job.theme else []), *digests(maps)]
        key = bound.key(asked, job.seed, job.ratio, job.width, job.height, *more)
        found = None if bound.force else keeper.find(asset.name, key)
        if found is not None:
            yield _found(found, entry, key, keeper)
            continue
        residence.ready(bound.needs)
        meet(bound.stage, job)
        started = time.perf_counter()
        outcome = bound.stage.make(job)
        if outcome.picture is None:
            raise BackendError(f"{bound.name} gave no picture")
        record = bound.record(outcome, key, asked, time.perf_counter() - started)
        made = replace(asset, sidecar=asset.sidecar.with_record(record), picture=outcome.picture)
        yield _result(keeper.keep_picture(made, asset.name, key), record)


def _require(bound: Bound, asset: Asset) -> None:
    if bound.stage.takes_picture and (asset.picture is not None or asset.raw is not None):
        return
    if bound.stage.takes_request and asset.sidecar.request is None:
        raise InputError(f"{asset.name}: holds no request for {bound.name} to check")
    if asset.picture is None and asset.raw is None and not bound.stage.takes_request:
        raise InputError(f"{asset.name}: has no picture yet", hint="pipe it through `imajin generate` first")


def _input_digest(asset: Asset) -> str | None:
    if asset.picture is not None:
        return asset.picture.sha256
    return sha256(asset.raw) if asset.raw is not None else None


def _timed(bound: Bound, asset: Asset) -> tuple[Outcome, float]:
    """What the stage says, and the seconds that it took. A gate that could not judge fails closed: see ``_unjudged``."""
    meet(bound.stage, asset)
    started = time.perf_counter()
    try:
        outcome = bound.stage.apply(asset)
    except (NoVerdictError, MissingError, BackendError) as error:
        if bound.stage.kind is not Kind.GATE:
            raise
        outcome = _unjudged(error)
    return outcome, time.perf_counter() - started


def _unjudged(error: ImajinError) -> Outcome:
    """No verdict is never a pass: the record says what was absent or broken, and the code is 22."""
    return Outcome("error", reason=error.line(), code=Exit.NO_VERDICT)


def _goes_on(record: Record) -> bool:
    return record.status not in ("rejected", "error")


def _found(found: Entry, entry: Entry, key: str, keeper: Keeper) -> Result:
    found = keeper.keep_history(found, entry.sidecar, key)
    return _result(found, next(record for record in found.sidecar.stages if record.key == key))


def _result(entry: Entry, record: Record) -> Result:
    code = Exit(record.code) if record.code in _CODES else Exit.ERROR
    if not _goes_on(record):
        # A sidecar that somebody edited cannot make a rejection look like success.
        code = code or Exit.ERROR
    return Result(entry, record.status, record.stage, code, record.reason, record.rank)
