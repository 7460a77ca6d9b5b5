"""What stands where an asset of the lock was published: its assets by the folders' manifests, and what they lack."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from imajin_cli.contract.errors import InputError
from imajin_cli.repository.lock import Lock
from imajin_cli.run.shelf import Shelf, parted

_CHUNK = 1 << 17


class Fault(NamedTuple):
    """A published file that is not as it was published: whether it is gone or another one, and the words for people."""

    gone: bool
    text: str


def placed(to: str, name: str) -> str:
    """A published file as `parted` takes it apart."""
    return f"{to}/{name}" if is_remote(to) else os.path.normpath(os.path.join(to, name))


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


def published(name: str, lock: Lock, *, remote: bool) -> dict[str, str]:
    """Digests of the lock's asset ``name``, by its files as the working folder sees them: in object stores, or in folders."""
    files = lock.assets[name].files.items()
    return {lock.base.found(shown): digest for shown, digest in files if is_remote(shown) is remote}


def listed(paths: Iterable[str], shelf: Callable[[str], Shelf]) -> dict[str, Listed | None]:
    """Each of the published files with its asset, as the manifest where it lies has it; None where none is listed.

    Raises InputError for a manifest that is none of ours.
    """
    found: dict[str, Listed | None] = {}
    for path in paths:
        if path not in found:
            to, file = parted(path)
            entry = shelf(to).asset_with(file)
            asset = None if entry is None else Listed(to, entry)
            found.update(dict.fromkeys([path] if asset is None else asset.paths(), asset))
    return {path: found[path] for path in paths}


def faults(name: str, lock: Lock, shelf: Callable[[str], Shelf]) -> Iterator[Fault]:
    """What is not as the lock and the manifest have it. Where files are, nobody is told that their record is not, too.

    Files in an object store are not looked at: there is no network.
    """
    files = published(name, lock, remote=False)
    try:
        yield from list(_file_faults(files, lock)) or _record_faults(files, lock, shelf)
    except InputError as error:
        yield Fault(False, error.message)


def _file_faults(files: Mapping[str, str], lock: Lock) -> Iterator[Fault]:
    for path, digest in files.items():
        yield from _fault(path, digest, lock)


def _fault(path: str, digest: str, lock: Lock) -> Iterator[Fault]:
    try:
        now = _digest(path)
    except OSError as error:
        shown = lock.base.shown(path)
        yield Fault(True, f"{shown}: {error.strerror}" if os.path.exists(path) else shown)
        return
    if now != digest:
        yield Fault(False, f"{lock.base.shown(path)} has other bytes than were published")


def _digest(path: str) -> str:
    """`hashlib.file_digest` without its buffer of 256 KiB, which takes longer to clear than most pictures to read."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while data := file.read(_CHUNK):
            found.update(data)
    return found.hexdigest()


def _record_faults(files: Mapping[str, str], lock: Lock, shelf: Callable[[str], Shelf]) -> Iterator[Fault]:
    """What the manifests say otherwise than the lock, and sidecars that are gone: nobody could account for the files."""
    seen = set()
    for path, asset in listed(files, shelf).items():
        if asset is None:
            yield Fault(True, f"{lock.base.shown(path)} is not in the manifest beside it")
        elif (sidecar := asset.sidecar()) not in seen:
            seen.add(sidecar)
            for own, file in zip(asset.paths(), asset.entry["files"], strict=True):
                if own not in files:
                    yield from _fault(own, file["sha256"], lock)
                elif files[own] != file["sha256"]:
                    yield Fault(False, f"{lock.base.shown(own)} has other bytes than the manifest beside it says")
            if not os.path.isfile(sidecar):
                yield Fault(True, f"{lock.base.shown(sidecar)}, the sidecar")
