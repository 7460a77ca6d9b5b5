"""The sidecar: what is known of an asset, as versioned JSON beside its picture.

Unknown fields survive reading and writing: a newer tool's notes are not ours to lose.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from imajin_cli.contract.digest import json_digest, without_volatile

SIDECAR_VERSION = 1
EVENTS_VERSION = 1
PRIVATE = "private"
"""Key of a record's notes under which a stage keeps what later stages need and nobody else may have."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _bare(name: str) -> str:
    if name in (".", ".."):
        raise ValueError("must be a file name in the sidecar's own folder")
    return name


# A bare name in the sidecar's own folder: no separator, no parent, no NUL.
FileName = Annotated[
    str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^/\\\x00]+$"), AfterValidator(_bare)
]
Status = Literal["passed", "changed", "rejected", "skipped", "error"]
Json = Any


class Doc(BaseModel):
    """Base of every part of a sidecar: fields of a newer version are kept as they are, null ones among them."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


def maybe(**settings: Any) -> Any:
    """A field of ours that is None where there is nothing to say, and is then not written.

    Leaving out every null (``exclude_none``) would lose the nulls of a newer version's fields and of a stage's notes.
    """
    return Field(default=None, exclude_if=_is_none, **settings)


def _is_none(value: object) -> bool:
    return value is None


def _is_one(value: int) -> bool:
    return value == 1


def _is_empty(value: object) -> bool:
    return not value


class FileRef(Doc):
    """A companion file in the sidecar's own folder."""

    file: FileName
    sha256: Sha256


class ImageInfo(Doc):
    """The picture: ``sha256`` is of the decoded pixels, ``file_sha256`` of the file's bytes; sizes in pixels."""

    file: FileName | None = maybe()
    sha256: Sha256
    file_sha256: Sha256 | None = maybe()
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=100_000)
    mode: str = Field(max_length=16)
    vector: FileRef | None = maybe()
    scene: FileRef | None = maybe()
    layers: dict[str, FileRef] = Field(default_factory=dict)


class Drawn(Doc):
    """One candidate of a draw: its seed, its asset's id at each ratio, how it ended, and its rank (the worst ratio's).

    A "failed" one met an error, which is no verdict: of it there may be no file. ``code`` is 0 for one that passed.
    """

    index: int = Field(ge=0)
    seed: int
    ids: list[str] = Field(max_length=64)
    end: Literal["passed", "rejected", "failed"]
    code: int = 0
    rank: float | None = maybe(allow_inf_nan=False)


class Draw(Doc):
    """Candidates drawn until ``wanted`` had passed every gate, at most ``most``, for at most ``seconds``; what was chosen.

    ``order`` lists the indices of those that passed, best first by ``ranked_by``'s rank, ties by seed; the first ``keep``
    of them are ``chosen``.
    """

    wanted: int = Field(ge=1)
    keep: int = Field(ge=1)
    most: int = Field(ge=1)
    seconds: float | None = maybe(allow_inf_nan=False)
    stopped: Literal["enough", "candidates", "seconds", "failed"]
    ranked_by: str | None = maybe(max_length=64)
    candidates: list[Drawn] = Field(max_length=1024)
    order: list[int] = Field(max_length=1024)
    chosen: list[int] = Field(max_length=1024)


class Group(Doc):
    """The candidates of one request: ``index`` of ``size``, at one ``ratio`` ("16:9") of ``ratios`` many.

    Where a candidate is made for several themes, this is ``theme`` of ``themes`` many.
    ``draw`` says how they came about where they were drawn until enough had passed.
    """

    id: str = Field(max_length=64)
    index: int = Field(ge=0)
    size: int = Field(ge=1)
    ratio: str = Field(max_length=32)
    ratios: int = Field(default=1, ge=1)
    theme: str | None = maybe(max_length=32)
    themes: int = Field(default=1, ge=1, exclude_if=_is_one)
    draw: Draw | None = maybe()

    @property
    def pictures(self) -> int:
        """How many pictures one candidate is: at each ratio, for each theme."""
        return self.ratios * self.themes


class Request(Doc):
    """What was asked for: text, sizes ("WIDTHxHEIGHT" in pixels), size families ("NAME=WIDTHxHEIGHT,…"), seed, candidates."""

    prompt: str = Field(max_length=100_000)
    headline: str | None = maybe()
    caption: str | None = maybe()
    size: list[str] = Field(default_factory=list)
    family: list[str] = Field(default_factory=list, max_length=32, exclude_if=_is_empty)
    seed: int = 0
    count: int = 1
    preset: str | None = maybe()


class ParamValue(Doc):
    """A parameter's value and where it came from (default, preset:NAME, a file, env, flag)."""

    value: Json = maybe()
    origin: str = "default"


class ModelRef(Doc):
    """A model that took part: its name, pinned revision and SPDX licence."""

    name: str
    revision: str | None = maybe()
    licence: str | None = maybe()


class Credit(Doc):
    """A part, font or model whose licence is recorded with the asset (SPDX id where there is one)."""

    name: str
    licence: str
    source: str | None = maybe()
    by: str | None = maybe()


class Score(Doc):
    """One measurement. ``value`` is None when it could not be made; ``op`` is how it is held against ``threshold``."""

    name: str
    value: float | None = maybe(allow_inf_nan=False)
    threshold: float | None = maybe(allow_inf_nan=False)
    op: Literal[">=", "<=", "info"] = "info"
    passed: bool | None = maybe()
    unit: str | None = maybe()


class MapRef(Doc):
    """A control map that was made for an asset, an asset of its own: the digest of its pixels, its size in pixels.

    ``file`` stands beside the asset or among intermediate pictures. ``fit`` is how it is brought to another ratio: "cover"
    cuts off what does not fit, "contain" shows all of it.
    """

    file: FileName | None = maybe()
    sha256: Sha256
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=100_000)
    fit: Literal["cover", "contain"] = "cover"


class Record(Doc):
    """What one stage did to one asset. Records are only ever appended.

    ``input`` and ``output`` are pixel digests; where there is no picture yet, the request's digest stands for it. ``code``
    is the exit status that a rejection stands for, ``rank`` orders candidates (higher is better). ``maps`` are control maps
    that the stage made for the asset, by kind.
    """

    stage: str
    version: str
    backend: str | None = maybe()
    model: ModelRef | None = maybe()
    params: dict[str, ParamValue] = Field(default_factory=dict)
    status: Status
    scores: list[Score] = Field(default_factory=list)
    reason: str | None = maybe()
    code: int = 0
    notes: dict[str, Json] = Field(default_factory=dict)
    credits: list[Credit] = Field(default_factory=list)
    maps: dict[str, MapRef] = Field(default_factory=dict, max_length=32, exclude_if=_is_empty)
    input: Sha256 | None = maybe()
    output: Sha256 | None = maybe()
    key: str
    rank: float | None = maybe(allow_inf_nan=False)
    device: str | None = maybe()
    seconds: float | None = maybe()


class Verdict(Doc):
    """Where the asset stands: rejected by the first record that rejected it, else accepted so far."""

    status: Literal["accepted", "rejected", "error"] = "accepted"
    by: str | None = maybe()
    code: int = 0
    reason: str | None = maybe()


class Sidecar(Doc):
    """One asset's record. ``imajin`` is the version of this format; ``lineage`` the pixel digests it came from."""

    imajin: int = SIDECAR_VERSION
    id: str = Field(max_length=64)
    group: Group | None = maybe()
    image: ImageInfo | None = maybe()
    request: Request | None = maybe()
    seed: int | None = maybe()
    stages: list[Record] = Field(default_factory=list)
    verdict: Verdict = Field(default_factory=Verdict)
    lineage: list[Sha256] = Field(default_factory=list)

    def digest(self) -> str:
        """The canonical digest: equal for two ways of doing the same work."""
        return json_digest(without_volatile(self.model_dump(mode="json")))

    def with_record(self, record: Record) -> Sidecar:
        """A copy with ``record`` appended and the verdict brought up to date."""
        return self.with_records([record])

    def with_records(self, records: list[Record]) -> Sidecar:
        """A copy with ``records`` appended and the verdict brought up to date."""
        stages = [*self.stages, *records]
        return self.model_copy(update={"stages": stages, "verdict": verdict_of(stages)})


def without_private(sidecar: Sidecar) -> Sidecar:
    """``sidecar`` as it may be published: what stages noted under `PRIVATE` (the template of somebody's face) is left out."""
    if not any(PRIVATE in record.notes for record in sidecar.stages):
        return sidecar
    records = [
        record.model_copy(update={"notes": {key: value for key, value in record.notes.items() if key != PRIVATE}})
        for record in sidecar.stages
    ]
    return sidecar.model_copy(update={"stages": records})


def verdict_of(stages: list[Record]) -> Verdict:
    """The verdict that a list of records amounts to.

    A stage run again on changed pixels or params replaces its own earlier word, so the latest record of each stage counts;
    of several that reject, the first in time is named.
    """
    latest: dict[str, Record] = {}
    for record in stages:
        latest.pop(record.stage, None)
        latest[record.stage] = record
    for record in latest.values():
        if record.status in ("rejected", "error"):
            status: Literal["rejected", "error"] = "rejected" if record.status == "rejected" else "error"
            return Verdict(status=status, by=record.stage, code=record.code, reason=record.reason)
    return Verdict()
