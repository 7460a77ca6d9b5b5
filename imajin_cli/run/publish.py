"""Publishing one asset through a sink: found again, or made, and put on its shelf whole."""

from __future__ import annotations

import time
from pathlib import Path

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import Record, Sidecar, without_private
from imajin_cli.contract.stage import PublishedFile
from imajin_cli.run.assets import Entry, described_as, vector_digest
from imajin_cli.run.execute import Bound, Result
from imajin_cli.run.naming import file_label
from imajin_cli.run.shelf import Shelf
from imajin_cli.run.signed import with_standing
from imajin_cli.run.store import decode_picture


class Publisher:
    """Publishes onto one shelf, and remembers which names this process gave to which asset."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._taken: dict[str, str] = {}

    def close(self) -> None:
        """Bring the manifest up to date. Raises OutputError."""
        self.shelf.close()

    def publish(self, bound: Bound, entry: Entry) -> Result:
        """Publish one asset through the sink ``bound``. Raises OutputError, InputError for a name that is taken twice."""
        picture = entry.asset.picture
        if picture is None:
            raise InputError(f"{entry.label}: has no picture yet", hint="pipe it through `imajin generate` first")
        self.shelf.prepare()
        request = entry.sidecar.request
        asked = request_digest(request) if request is not None else None
        said = [record.key for record in entry.sidecar.stages if record.stage != bound.name]
        key = bound.key(picture.sha256, vector_digest(picture), entry.sidecar.id, asked, said)
        if not bound.force:
            found = self.shelf.finished(key)
            if found is not None:
                self._claim(found, entry)
                return Result(self._entry(entry, entry.sidecar, found), "changed", bound.name)
        started = time.perf_counter()
        publication = bound.stage.publish(entry.asset)
        record = bound.record(publication.outcome, key, picture.sha256, time.perf_counter() - started)
        if record.status in ("rejected", "error"):
            sidecar = entry.sidecar.with_record(record)
            return Result(entry.with_sidecar(sidecar), record.status, bound.name, Exit(record.code), record.reason)
        names = [file.name for file in publication.files]
        self._claim(names, entry)
        publication = with_standing(publication, self.shelf)
        sidecar = published_sidecar(entry.sidecar, record, publication.files[0])
        self.shelf.commit(publication, sidecar, key)
        return Result(self._entry(entry, sidecar, names), record.status, bound.name)

    def _entry(self, entry: Entry, sidecar: Sidecar, names: list[str]) -> Entry:
        return self.shelf.at(entry.with_sidecar(sidecar), names[0])

    def _claim(self, names: list[str], entry: Entry) -> None:
        for name in names:
            owner = self._taken.setdefault(name, entry.sidecar.id)
            if owner != entry.sidecar.id:
                raise InputError(
                    f"{self.shelf.label(name)}: two different pictures would both get this name",
                    hint="use --name with {index}, {seed} or {ratio}",
                )


def published_sidecar(sidecar: Sidecar, record: Record, first: PublishedFile) -> Sidecar:
    """The sidecar that is published beside ``first``: of the pixels that this file holds, not of the base it was made from.

    An encoded file may differ from its base (scaled, a palette, lossy): a gate that later looks at it judges what it is.
    """
    picture = decode_picture(Path(first.name), first.data)
    lineage = sidecar.lineage
    if record.input is not None and record.input != picture.sha256:
        lineage = [*lineage, record.input]
    record = record.model_copy(update={"output": picture.sha256})
    sidecar = without_private(sidecar)
    files = {"file": file_label(first.name), "file_sha256": sha256(first.data)}
    return described_as(sidecar.with_record(record).model_copy(update={"lineage": lineage}), picture, **files)
