"""The sidecar: what is known of an asset, as versioned JSON beside its picture.

Unknown fields survive reading and writing: a newer tool's notes are not ours to lose.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from imajin_cli.contract.digest import json_digest, without_volatile

SIDECAR_VERSION = 1

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
    """Base of every part of a sidecar: fields of a newer version are kept as they are."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class FileRef(Doc):
    """A companion file in the sidecar's own folder."""

    file: FileName
    sha256: Sha256


class ImageInfo(Doc):
    """The picture: ``sha256`` is of the decoded pixels, ``file_sha256`` of the file's bytes; sizes in pixels."""

    file: FileName | None = None
    sha256: Sha256
    file_sha256: Sha256 | None = None
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=100_000)
    mode: str = Field(max_length=16)
    vector: FileRef | None = None
    scene: FileRef | None = None
    layers: dict[str, FileRef] = Field(default_factory=dict)


class Group(Doc):
    """The candidates of one request: ``index`` of ``size``, at one ``ratio`` ("16:9") of ``ratios`` many."""

    id: str = Field(max_length=64)
    index: int = Field(ge=0)
    size: int = Field(ge=1)
    ratio: str = Field(max_length=32)
    ratios: int = Field(default=1, ge=1)


class Request(Doc):
    """What was asked for: text, sizes ("WIDTHxHEIGHT" in pixels), seed, number of candidates."""

    prompt: str = Field(max_length=100_000)
    headline: str | None = None
    caption: str | None = None
    size: list[str] = Field(default_factory=list)
    seed: int = 0
    count: int = 1
    preset: str | None = None


class ParamValue(Doc):
    """A parameter's value and where it came from (default, preset:NAME, a file, env, flag)."""

    value: Json = None
    origin: str = "default"


class ModelRef(Doc):
    """A model that took part: its name, pinned revision and SPDX licence."""

    name: str
    revision: str | None = None
    licence: str | None = None


class Credit(Doc):
    """A part, font or model whose licence is recorded with the asset (SPDX id where there is one)."""

    name: str
    licence: str
    source: str | None = None
    by: str | None = None


class Score(Doc):
    """One measurement. ``value`` is None when it could not be made; ``op`` is how it is held against ``threshold``."""

    name: str
    value: float | None = Field(default=None, allow_inf_nan=False)
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    op: Literal[">=", "<=", "info"] = "info"
    passed: bool | None = None
    unit: str | None = None


class Record(Doc):
    """What one stage did to one asset. Records are only ever appended."""

    stage: str
    version: str
    backend: str | None = None
    model: ModelRef | None = None
    params: dict[str, ParamValue] = Field(default_factory=dict)
    status: Status
    scores: list[Score] = Field(default_factory=list)
    reason: str | None = None
    code: int = 0
    notes: dict[str, Json] = Field(default_factory=dict)
    credits: list[Credit] = Field(default_factory=list)
    input: Sha256 | None = None
    output: Sha256 | None = None
    key: str
    device: str | None = None
    seconds: float | None = None


class Verdict(Doc):
    """Where the asset stands: rejected by the first record that rejected it, else accepted so far."""

    status: Literal["accepted", "rejected", "error"] = "accepted"
    by: str | None = None
    code: int = 0
    reason: str | None = None


class Sidecar(Doc):
    """One asset's record. ``imajin`` is the version of this format; ``lineage`` the pixel digests it came from."""

    imajin: int = SIDECAR_VERSION
    id: str = Field(max_length=64)
    group: Group | None = None
    image: ImageInfo | None = None
    request: Request | None = None
    seed: int | None = None
    stages: list[Record] = Field(default_factory=list)
    verdict: Verdict = Field(default_factory=Verdict)
    lineage: list[Sha256] = Field(default_factory=list)

    def digest(self) -> str:
        """The canonical digest: equal for two ways of doing the same work."""
        return json_digest(without_volatile(self.model_dump(mode="json", exclude_none=True)))

    def with_record(self, record: Record) -> Sidecar:
        """A copy with ``record`` appended and the verdict brought up to date."""
        return self.with_records([record])

    def with_records(self, records: list[Record]) -> Sidecar:
        """A copy with ``records`` appended and the verdict brought up to date."""
        stages = [*self.stages, *records]
        return self.model_copy(update={"stages": stages, "verdict": verdict_of(stages)})


def verdict_of(stages: list[Record]) -> Verdict:
    """The verdict that a list of records amounts to.

    A stage run again on changed pixels or params replaces its own earlier word, so the latest record of each stage counts.
    """
    latest = {record.stage: record for record in stages}
    for record in latest.values():
        if record.status in ("rejected", "error"):
            status: Literal["rejected", "error"] = "rejected" if record.status == "rejected" else "error"
            return Verdict(status=status, by=record.stage, code=record.code, reason=record.reason)
    return Verdict()
