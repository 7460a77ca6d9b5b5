"""Published folders, as they are named on a command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.run.manifest import JOURNAL, MANIFEST, Manifest
from imajin_cli.run.reading import read_bytes

MAX_ASSETS = 10_000
MAX_FILES = 256


@dataclass(frozen=True)
class Published:
    """A folder with a manifest: ``label`` is how decisions name it, ``assets`` are the manifest's entries."""

    path: Path
    label: str
    assets: Sequence[dict[str, Any]]

    @cached_property
    def by_file(self) -> dict[str, dict[str, Any]]:
        """Each asset's entry, by the name of its first file."""
        return {asset["files"][0]["name"]: asset for asset in self.assets}


def published(names: Iterable[str]) -> list[Published]:
    """The folders that ``names`` (folders, or their manifests) mean, each once. Raises InputError."""
    found: dict[str, Published] = {}
    for name in names:
        path = Path(name)
        folder = path.parent if path.name == MANIFEST else path
        if not folder.is_dir():
            raise InputError(f"{name}: not a folder, and not a {MANIFEST}")
        if not ((folder / MANIFEST).exists() or (folder / JOURNAL).exists()):
            raise InputError(f"{folder}: has no {MANIFEST}", hint="imajin output and imajin run write one")
        place = os.path.realpath(folder)
        if place not in found:
            found[place] = Published(folder, label_of(folder), _assets(folder))
    if sum(len(one.assets) for one in found.values()) > MAX_ASSETS:
        raise InputError(f"more than {MAX_ASSETS} assets", hint="name fewer folders")
    return list(found.values())


def label_of(folder: Path) -> str:
    """``folder`` as seen from the working folder, with forward slashes."""
    try:
        return PurePath(os.path.relpath(folder)).as_posix()
    except ValueError:  # another drive
        return PurePath(os.path.abspath(folder)).as_posix()


def _assets(folder: Path) -> list[dict[str, Any]]:
    assets = Manifest(folder).assets()
    for asset in assets:
        if len(asset["files"]) > MAX_FILES:
            raise InputError(f"{folder / MANIFEST}: an asset of more than {MAX_FILES} files")
    return sorted(assets, key=lambda asset: str(asset["files"][0]["name"]))


def digests_of(asset: dict[str, Any]) -> dict[str, str]:
    """The digest of each file of an asset, by name, as the manifest has it."""
    return {file["name"]: file["sha256"] for file in asset["files"]}


def state_of(path: Path, digest: str) -> str:
    """Whether the file at ``path`` is that with ``digest``: "same", "changed" or "missing"."""
    if not os.path.lexists(path):
        return "missing"
    try:
        return "same" if sha256(read_bytes(path)) == digest else "changed"
    except InputError:
        return "changed"
