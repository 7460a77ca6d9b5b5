"""What stands where an asset of the lock was published: its assets by the folders' manifests, and what they lack."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from imajin_cli.contract.errors import InputError
from imajin_cli.repository.lock import Lock
from imajin_cli.run.shelf import Shelf, parted


class Fault(NamedTuple):
    """A published file that is not as it was published: whether it is gone or another one, and the words for people."""

    gone: bool
    text: str


def placed(to: str, name: str) -> str:
    """A published file as `parted` takes it apart."""
    return f"{to}/{name}" if is_remote(to) else os.path.join(to, name)


class Listed(NamedTuple):
    """An asset as the manifest of the folder ``to`` lists it."""

    to: str
    entry: Mapping[str, Any]

    def paths(self) -> list[str]:
        """Its files, seen from the working folder; the first one gives the asset's name."""
        return [placed(self.to, file["name"]) for file in self.entry["files"]]

    def sidecar(self) -> str:
        """Its sidecar."""
        return f"{self.paths()[0]}.json"


def is_remote(path: str) -> bool:
    """Whether a file lies in an object store, which nobody asks who may ask no network."""
    return "://" in path


def published(name: str, lock: Lock, *, remote: bool) -> list[str]:
    """The files of the lock's asset ``name``, seen from the working folder: those in object stores, or those in folders."""
    return [lock.base.found(shown) for shown in lock.assets[name].files if is_remote(shown) is remote]


def listed(paths: Iterable[str], shelf: Callable[[str], Shelf]) -> dict[str, Listed | None]:
    """Each of the published files with its asset, as the manifest where it lies has it; None where none is listed.

    Raises InputError for a manifest that is none of ours.
    """
    found: dict[str, Listed | None] = {}
    for path in paths:
        to, file = parted(path)
        entry = shelf(to).asset_with(file)
        found[path] = None if entry is None else Listed(to, entry)
    return found


def faults(name: str, lock: Lock, shelf: Callable[[str], Shelf]) -> Iterator[Fault]:
    """What is not as the lock and the manifest have it. Where files are, nobody is told that their record is not, too.

    Files in an object store are not looked at: there is no network.
    """
    found = list(_file_faults(name, lock))
    try:
        yield from found or _record_faults(name, lock, shelf)
    except InputError as error:
        yield Fault(False, error.message)


def _file_faults(name: str, lock: Lock) -> Iterator[Fault]:
    for shown, digest in lock.assets[name].files.items():
        if not is_remote(shown):
            yield from _fault(lock.base.found(shown), shown, digest)


def _fault(path: str, shown: str, digest: str) -> Iterator[Fault]:
    try:
        with open(path, "rb") as file:
            now = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        yield Fault(True, shown if not Path(path).exists() else f"{shown}: {error.strerror}")
        return
    if now != digest:
        yield Fault(False, f"{shown} has other bytes than were published")


def _record_faults(name: str, lock: Lock, shelf: Callable[[str], Shelf]) -> Iterator[Fault]:
    """What the manifests say otherwise than the lock, and sidecars that are gone: with it the files cannot be accounted for."""
    files = lock.assets[name].files
    seen = set()
    for path, asset in listed(published(name, lock, remote=False), shelf).items():
        if asset is None:
            yield Fault(True, f"{lock.base.shown(path)} is not in the manifest beside it")
        elif asset.sidecar() not in seen:
            seen.add(asset.sidecar())
            for own, file in zip(asset.paths(), asset.entry["files"], strict=True):
                shown = lock.base.shown(own)
                if shown not in files:
                    yield from _fault(own, shown, file["sha256"])
                elif files[shown] != file["sha256"]:
                    yield Fault(False, f"{shown} has other bytes than the manifest beside it says")
            if not os.path.isfile(asset.sidecar()):
                yield Fault(True, f"{lock.base.shown(asset.sidecar())}, the sidecar")
