"""An asset on its way through stages, and the identities that are given to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.picture import ControlMap, Picture
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import Group, ImageInfo, Record, Request, Sidecar, verdict_of
from imajin_cli.contract.stage import Asset, Job
from imajin_cli.run.naming import slug
from imajin_cli.run.sidecars import Stamp


@dataclass(frozen=True)
class Entry:
    """An asset and the file that it is kept in (its picture, or its request), None while it lives in memory alone.

    ``stamp`` tells whether the sidecar's file is still the one that was read, None where that is not known. ``url`` is where
    it was published, where that is no file.
    """

    asset: Asset
    path: Path | None = None
    stamp: Stamp | None = None
    url: str | None = None

    @property
    def sidecar(self) -> Sidecar:
        """What is known of the asset."""
        return self.asset.sidecar

    def with_sidecar(self, sidecar: Sidecar) -> Entry:
        """The same entry with other knowledge."""
        return Entry(replace(self.asset, sidecar=sidecar), self.path)

    @property
    def place(self) -> str | None:
        """The file or the URL that it is kept in, None while it lives in memory alone."""
        return self.url or (str(self.path) if self.path is not None else None)

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.place or self.asset.name


def request_entry(request: Request, name: str) -> Entry:
    """An asset that is only asked for as yet. ``name`` is what its files are called after."""
    sidecar = Sidecar(id=request_digest(request)[:16], request=request, seed=request.seed)
    return Entry(Asset(sidecar, name=slug(name, "request")))


def candidate(entry: Entry, job: Job) -> Asset:
    """The asset that ``job`` is to become, with what its request has gone through, and no picture yet."""
    whole = request_digest(job.request)
    # Neither the number of candidates nor the first seed makes a candidate another one.
    own = request_digest(job.request.model_copy(update={"count": 1, "seed": 0, "size": [], "family": []}))
    more = [*([job.theme] if job.theme else []), *digests(job.maps)]
    identity = json_digest([own, job.seed, job.ratio, [job.width, job.height], *more])
    shared = json_digest([whole, *digests(job.maps)]) if job.maps else whole
    group = Group(id=shared[:16], index=job.index, size=job.request.count, ratio=job.ratio, ratios=job.ratios)
    sidecar = entry.sidecar.model_copy(
        update={
            "id": identity[:16],
            "group": group.model_copy(update={"theme": job.theme, "themes": job.themes}),
            "request": job.request,
            "seed": job.seed,
        }
    )
    return Asset(sidecar, name=entry.asset.name)


def digests(maps: Mapping[str, ControlMap]) -> list[list[str]]:
    """Kind and pixel digest of each of ``maps``, in the order of kinds."""
    return [[kind, one.picture.sha256] for kind, one in sorted(maps.items())]


def foreign_sidecar(picture: Picture) -> Sidecar:
    """The sidecar of a picture that imajin never saw."""
    return Sidecar(id=picture.sha256[:16], image=image_info(picture))


def image_info(picture: Picture) -> ImageInfo:
    """What a sidecar says of ``picture``, before it has a file."""
    return ImageInfo(sha256=picture.sha256, width=picture.width, height=picture.height, mode=picture.image.mode)


def described_as(sidecar: Sidecar, picture: Picture, **files: Any) -> Sidecar:
    """``sidecar`` with ``picture`` for its image. ``files`` are the fields that tell of files (file, file_sha256, vector,
    scene); those of the image before go. What a newer version says of the image stays.
    """
    unknown = sidecar.image.model_extra if sidecar.image is not None else None
    info = image_info(picture).model_copy(update={**(unknown or {}), **files})
    return sidecar.model_copy(update={"image": info})


def with_history(made: Sidecar, source: Sidecar, key: str) -> Sidecar:
    """``made``, which came from ``source`` by the work of ``key``, with the records that ``source`` has got since.

    They come before the work's own record, as they would if it were done now. Nothing that ``made`` holds is lost. Gives
    ``made`` itself where nothing is missing.
    """
    at = next((i for i, record in enumerate(made.stages) if record.key == key), None)
    if at is None:
        return made
    theirs = [record.key for record in source.stages]
    if [record.key for record in made.stages[:at]][-len(theirs) :] == theirs or not theirs:
        return made
    older = [record for record in made.stages[:at] if record.key not in theirs]
    stages = [*older, *source.stages, *made.stages[at:]]
    return made.model_copy(update={"stages": stages, "verdict": verdict_of(stages)})


def vector_digest(picture: Picture | None) -> str | None:
    """Digest of the SVG that a picture was drawn from, None where there is none."""
    return None if picture is None or picture.vector is None else sha256(picture.vector.svg.encode())


def has_record(sidecar: Sidecar, stage: str, key: str) -> Record | None:
    """The latest record of ``stage`` if it is of exactly this work."""
    for record in reversed(sidecar.stages):
        if record.stage == stage:
            return record if record.key == key else None
    return None
