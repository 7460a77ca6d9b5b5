"""Publishing into a folder: a whole set of files appears, or none does, and a kill in between is made good next time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, OutputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Publication
from imajin_cli.run.assets import Entry
from imajin_cli.run.atomic import folder_lock, make_folder, sync_folder, write_atomic
from imajin_cli.run.manifest import Manifest, is_entry, manifest_of
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.shelf import PLAN, SIDECAR, by_first, checked_name, entry_for
from imajin_cli.run.sidecars import dump_sidecar

STAGING_PREFIX = ".imajin-publish-"


class Folder:
    """A folder that is published into: a `Shelf`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ready = False
        self._manifest = manifest_of(folder)
        self._files: dict[str, list[dict[str, Any]]] | None = None

    def label(self, name: str) -> str:
        """How messages call one of its files."""
        return str(self.folder / name)

    def at(self, entry: Entry, name: str) -> Entry:
        """``entry`` as it is kept under ``name``."""
        return replace(entry, path=self.folder / name)

    def close(self) -> None:
        """Bring the manifest up to date: what was published since is in its journal. Raises OutputError."""
        self._manifest.close()

    def prepare(self) -> None:
        """Once a process, complete what a killed one left staged. Raises OutputError where the folder is none."""
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file, not a folder to publish into")
        if not self._ready and next(self.folder.glob(f"{STAGING_PREFIX}*"), None) is not None:
            with folder_lock(self.folder):
                finish_interrupted(self.folder, self._manifest)
        self._ready = True

    def finished(self, key: str) -> list[str] | None:
        """The names of exactly this work's files, where all of it is there."""
        asset = self._manifest.entry_of(key)
        return (
            None if asset is None or not are_whole(self.folder, asset["files"]) else [f["name"] for f in asset["files"]]
        )

    def whole(self, first: str) -> bool:
        """See `Shelf`. The manifest is read once."""
        if self._files is None:
            self._files = by_first(self._manifest.assets())
        files = self._files.get(first)
        return files is not None and are_whole(self.folder, files)

    def asset_with(self, name: str) -> Mapping[str, Any] | None:
        """See `Shelf`."""
        return self._manifest.asset_with(name)

    def standing(self, name: str) -> tuple[Mapping[str, Any], bytes] | None:
        """See `Shelf`."""
        listed = self._manifest.file_named(name)
        try:
            return None if listed is None else (listed, read_bytes(self.folder / name))
        except InputError:
            return None

    def commit(self, publication: Publication, sidecar: Sidecar, key: str) -> None:
        """Let the whole set appear. Raises OutputError."""
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


def _stage(staging: Path, publication: Publication, sidecar: Sidecar, key: str) -> None:
    """Write the whole set, synced, into ``staging``; its plan last: a staging folder with a plan is complete."""
    entry = entry_for(publication, sidecar, key)
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    for file in publication.files:
        write_atomic(staging / file.name, file.data, sync=True)
    write_atomic(staging / SIDECAR, dump_sidecar(sidecar), sync=True)
    names = [file.name for file in publication.files]
    plan = {"files": names, "sidecar": names[0] + ".json", "entry": entry}
    write_atomic(staging / PLAN, json.dumps(plan, ensure_ascii=False, allow_nan=False).encode(), sync=True)


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
        checked_name(name)
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
