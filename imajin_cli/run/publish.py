"""Publishing: a whole set of files appears in its folder, or none does, and a kill in between is made good next time."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, OutputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import Record, Sidecar, without_private
from imajin_cli.contract.stage import Publication, PublishedFile
from imajin_cli.run.assets import Entry, described_as, vector_digest
from imajin_cli.run.atomic import TEMP_PREFIX, folder_lock, make_folder, sync_folder, write_atomic
from imajin_cli.run.execute import Bound, Result
from imajin_cli.run.manifest import MANIFEST, Manifest, is_bare, is_entry, manifest_of
from imajin_cli.run.naming import file_label, printable
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.sidecars import dump_sidecar
from imajin_cli.run.store import decode_picture

STAGING_PREFIX = ".imajin-publish-"
PLAN = "publication.json"
SIDECAR = "sidecar.json"


class Publisher:
    """Publishes into one folder, and remembers which names this process gave to which asset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: dict[str, str] = {}
        self._ready = False
        self._manifest = manifest_of(folder)

    def close(self) -> None:
        """Bring the manifest up to date: what was published since is in its journal. Raises OutputError."""
        self._manifest.close()

    def publish(self, bound: Bound, entry: Entry) -> Result:
        """Publish one asset through the sink ``bound``. Raises OutputError, InputError for a name that is taken twice."""
        picture = entry.asset.picture
        if picture is None:
            raise InputError(f"{entry.label}: has no picture yet", hint="pipe it through `imajin generate` first")
        self._take_up()
        request = entry.sidecar.request
        asked = request_digest(request) if request is not None else None
        said = [record.key for record in entry.sidecar.stages if record.stage != bound.name]
        key = bound.key(picture.sha256, vector_digest(picture), entry.sidecar.id, asked, said)
        if not bound.force:
            found = self._finished(key)
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
        sidecar = published_sidecar(entry.sidecar, record, publication.files[0])
        self._commit(publication, sidecar, key)
        return Result(self._entry(entry, sidecar, names), record.status, bound.name)

    def _take_up(self) -> None:
        """Once a process, complete what a killed one left staged. Raises OutputError where the folder is none."""
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file, not a folder to publish into")
        if not self._ready and next(self.folder.glob(f"{STAGING_PREFIX}*"), None) is not None:
            with folder_lock(self.folder):
                finish_interrupted(self.folder, self._manifest)
        self._ready = True

    def _entry(self, entry: Entry, sidecar: Sidecar, names: list[str]) -> Entry:
        return replace(entry.with_sidecar(sidecar), path=self.folder / names[0])

    def _claim(self, names: list[str], entry: Entry) -> None:
        for name in names:
            owner = self._taken.setdefault(name, entry.sidecar.id)
            if owner != entry.sidecar.id:
                raise InputError(
                    f"{self.folder / name}: two different pictures would both get this name",
                    hint="use --name with {index}, {seed} or {ratio}",
                )

    def _finished(self, key: str) -> list[str] | None:
        """The names of exactly this work's files, where all of it is there."""
        asset = self._manifest.entry_of(key)
        return (
            None if asset is None or not are_whole(self.folder, asset["files"]) else [f["name"] for f in asset["files"]]
        )

    def _commit(self, publication: Publication, sidecar: Sidecar, key: str) -> None:
        make_folder(self.folder)
        with folder_lock(self.folder):
            for file in publication.files:
                if (self.folder / file.name).is_dir():
                    raise OutputError(f"{self.folder / file.name}: is a folder: no file can take its name")
            staging = self.folder / f"{STAGING_PREFIX}{key[:12]}"
            try:
                _stage(staging, publication, sidecar, key)
            except BaseException as error:
                shutil.rmtree(staging, ignore_errors=True)
                if isinstance(error, OSError):
                    raise OutputError(f"{self.folder}: cannot be written: {error.strerror}") from None
                raise
            _move_in(staging, self.folder, self._manifest)


def are_whole(folder: Path, files: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a manifest entry's ``files`` are in ``folder`` with the bytes that it says, and their sidecar is there too."""
    try:
        same = all(sha256(read_bytes(folder / file["name"])) == file["sha256"] for file in files)
    except InputError:
        return False
    return same and (folder / f"{files[0]['name']}.json").is_file()


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


def _stage(staging: Path, publication: Publication, sidecar: Sidecar, key: str) -> None:
    """Write the whole set, synced, into ``staging``; its plan last: a staging folder with a plan is complete."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    files = []
    for file in publication.files:
        _checked_name(file.name)
        write_atomic(staging / file.name, file.data, sync=True)
        files.append({"name": file.name, "bytes": len(file.data), "sha256": sha256(file.data), **file.entry})
    write_atomic(staging / SIDECAR, dump_sidecar(sidecar), sync=True)
    entry = {**publication.entry, "id": sidecar.id, "key": key, "files": files}
    plan = {"files": [file.name for file in publication.files], "sidecar": files[0]["name"] + ".json", "entry": entry}
    write_atomic(staging / PLAN, json.dumps(plan, ensure_ascii=False, allow_nan=False).encode(), sync=True)


def _checked_name(name: str) -> None:
    if not is_bare(name) or name in (MANIFEST, PLAN, SIDECAR) or name.startswith(TEMP_PREFIX):
        raise OutputError(f"{printable(name)}: not a name that a published file can have")


def _move_in(staging: Path, folder: Path, manifest: Manifest) -> None:
    """Rename a complete staging folder's files into place, then its sidecar, then its manifest entry. Can be taken up again."""
    plan = _plan_of(staging)
    try:
        for name in plan["files"]:
            _rename(staging / name, folder / name)
        _rename(staging / SIDECAR, folder / plan["sidecar"])
        manifest.enter(plan["entry"])
        sync_folder(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    shutil.rmtree(staging, ignore_errors=True)


def _plan_of(staging: Path) -> dict[str, Any]:
    """What a staging folder is to become. Raises OutputError for a plan that is none of ours."""
    try:
        plan = json.loads(read_bytes(staging / PLAN))
        names = [*plan["files"], plan["sidecar"]]
        if not (all(isinstance(name, str) for name in names) and is_entry(plan["entry"])):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise OutputError(f"{staging}: not a publication that was interrupted", hint="remove that folder") from None
    for name in names:
        _checked_name(name)
    return dict(plan)


def _rename(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except FileNotFoundError:
        if not target.exists():
            raise


def finish_interrupted(folder: Path, manifest: Manifest) -> None:
    """Complete what a killed process had wholly staged in ``folder``, and drop what it had not. Call it under the lock.

    Dropped is also a set of which somebody removed a file since: it is published anew when it is asked for.
    """
    for staging in sorted(folder.glob(f"{STAGING_PREFIX}*")):
        if (staging / PLAN).is_file() and _is_whole(staging, folder):
            _move_in(staging, folder, manifest)
        else:
            shutil.rmtree(staging, ignore_errors=True)


def _is_whole(staging: Path, folder: Path) -> bool:
    plan = _plan_of(staging)
    moves = [*((name, name) for name in plan["files"]), (SIDECAR, plan["sidecar"])]
    return all((staging / source).is_file() or (folder / target).is_file() for source, target in moves)
