"""Publishing: a whole set of files appears in its folder, or none does, and a kill in between is made good next time."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, OutputError
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Publication
from imajin_cli.run.assets import Entry, vector_digest
from imajin_cli.run.atomic import folder_lock, make_folder, sync_folder, write_atomic
from imajin_cli.run.execute import Bound, Result
from imajin_cli.run.naming import file_label, printable
from imajin_cli.run.store import dump_sidecar, read_bytes

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
STAGING_PREFIX = ".imajin-publish-"
PLAN = "publication.json"
SIDECAR = "sidecar.json"


class Publisher:
    """Publishes into one folder, and remembers which names this process gave to which asset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: dict[str, str] = {}
        self._ready = False

    def publish(self, bound: Bound, entry: Entry) -> Result:
        """Publish one asset through the sink ``bound``. Raises OutputError, InputError for a name that is taken twice."""
        picture = entry.asset.picture
        if picture is None:
            raise InputError(f"{entry.label}: has no picture yet", hint="pipe it through `imajin generate` first")
        request = entry.sidecar.request
        asked = request_digest(request) if request is not None else None
        key = bound.key(picture.sha256, vector_digest(picture), entry.sidecar.id, asked, _credentials(entry.sidecar))
        if not bound.force:
            found = self._finished(key)
            if found is not None:
                self._claim(found, entry)
                return Result(self._entry(entry, entry.sidecar, found), "changed")
        started = time.perf_counter()
        publication = bound.stage.publish(entry.asset)
        record = bound.record(publication.outcome, key, picture.sha256, time.perf_counter() - started)
        sidecar = entry.sidecar.with_record(record)
        if record.status in ("rejected", "error"):
            return Result(entry.with_sidecar(sidecar), record.status, publication.outcome.code, record.reason)
        names = [file.name for file in publication.files]
        self._claim(names, entry)
        self._commit(publication, sidecar, key)
        return Result(self._entry(entry, sidecar, names), record.status)

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
        """The names of exactly this work's files, where all are there with the bytes that the manifest says."""
        for asset in read_manifest(self.folder)["assets"]:
            if asset.get("key") == key and asset.get("files"):
                files = {file["name"]: file["sha256"] for file in asset["files"]}
                try:
                    whole = all(sha256(read_bytes(self.folder / name)) == digest for name, digest in files.items())
                except InputError:
                    return None
                return list(files) if whole else None
        return None

    def _commit(self, publication: Publication, sidecar: Sidecar, key: str) -> None:
        make_folder(self.folder)
        with folder_lock(self.folder):
            if not self._ready:
                finish_interrupted(self.folder)
                self._ready = True
            staging = self.folder / f"{STAGING_PREFIX}{key[:12]}"
            try:
                _stage(staging, publication, sidecar, key)
            except BaseException as error:
                shutil.rmtree(staging, ignore_errors=True)
                if isinstance(error, OSError):
                    raise OutputError(f"{self.folder}: cannot be written: {error.strerror}") from None
                raise
            _move_in(staging, self.folder)


def _credentials(sidecar: Sidecar) -> list[str]:
    """The keys of what was decided and done so far: the published sidecar and manifest repeat it."""
    return [record.key for record in sidecar.stages]


def _stage(staging: Path, publication: Publication, sidecar: Sidecar, key: str) -> None:
    """Write the whole set, synced, into ``staging``; its plan last: a staging folder with a plan is complete."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    files = []
    for file in publication.files:
        _checked_name(file.name)
        write_atomic(staging / file.name, file.data, sync=True)
        files.append({"name": file.name, "bytes": len(file.data), "sha256": sha256(file.data), **file.entry})
    first = publication.files[0]
    image = sidecar.image
    if image is not None:
        update: dict[str, Any] = {
            "file": file_label(first.name),
            "file_sha256": sha256(first.data),
            "vector": None,
            "scene": None,
            "layers": {},
        }
        sidecar = sidecar.model_copy(update={"image": image.model_copy(update=update)})
    write_atomic(staging / SIDECAR, dump_sidecar(sidecar), sync=True)
    entry = {**publication.entry, "id": sidecar.id, "key": key, "files": files}
    plan = {"files": [file.name for file in publication.files], "sidecar": first.name + ".json", "entry": entry}
    write_atomic(staging / PLAN, json.dumps(plan, ensure_ascii=False, allow_nan=False).encode(), sync=True)


def _checked_name(name: str) -> None:
    if (
        name in ("", ".", "..", MANIFEST, PLAN, SIDECAR)
        or name.startswith(".imajin-")
        or "/" in name
        or "\\" in name
        or "\0" in name
    ):
        raise OutputError(f"{printable(name)}: not a name that a published file can have")


def _move_in(staging: Path, folder: Path) -> None:
    """Rename a complete staging folder's files into place, then its sidecar, then the manifest. Can be taken up again."""
    plan = json.loads(read_bytes(staging / PLAN))
    try:
        for name in plan["files"]:
            _checked_name(name)
            _rename(staging / name, folder / name)
        _rename(staging / SIDECAR, folder / os.path.basename(plan["sidecar"]))
        _enter(folder, plan["entry"])
        sync_folder(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    shutil.rmtree(staging, ignore_errors=True)


def _rename(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except FileNotFoundError:
        if not target.exists():
            raise


def finish_interrupted(folder: Path) -> None:
    """Complete what a killed process had wholly staged in ``folder``, and drop what it had not. Call it under the lock."""
    for staging in sorted(folder.glob(f"{STAGING_PREFIX}*")):
        if (staging / PLAN).is_file():
            _move_in(staging, folder)
        else:
            shutil.rmtree(staging, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest, an empty one where there is none. Raises InputError for one that is not ours."""
    path = folder / MANIFEST
    if not path.exists():
        return {"imajin": MANIFEST_VERSION, "assets": []}
    try:
        manifest = json.loads(read_bytes(path))
    except ValueError:
        raise InputError(f"{path}: not JSON", hint="move it away; it is written anew") from None
    if (
        not isinstance(manifest, dict)
        or not isinstance(manifest.get("imajin"), int)
        or not isinstance(manifest.get("assets"), list)
    ):
        raise InputError(f"{path}: not a manifest of imajin", hint="publish into another folder")
    return manifest


def _enter(folder: Path, entry: Mapping[str, Any]) -> None:
    """Put an asset's entry into the manifest, in place of an earlier one of the same name."""
    manifest = read_manifest(folder)
    names = {file["name"] for file in entry["files"]}

    def replaced(old: Mapping[str, Any]) -> bool:
        return bool(names & {file.get("name") for file in old.get("files", [])})

    assets = [old for old in manifest["assets"] if not replaced(old)]
    manifest["assets"] = sorted([*assets, dict(entry)], key=lambda asset: asset["files"][0]["name"])
    data = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    write_atomic(folder / MANIFEST, data, sync=True)
