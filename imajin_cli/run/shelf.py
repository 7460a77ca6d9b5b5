"""Where a set of files is published: a folder, or a place in an object store. What both have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import OutputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Publication
from imajin_cli.run.assets import Entry
from imajin_cli.run.atomic import TEMP_PREFIX
from imajin_cli.run.manifest import MANIFEST, is_bare
from imajin_cli.run.naming import printable

PLAN = "publication.json"
SIDECAR = "sidecar.json"


class Shelf(Protocol):
    """Takes whole sets of files with their manifest entry. All of it raises OutputError, and InputError for a manifest that
    is not ours.
    """

    def label(self, name: str) -> str:
        """How messages call one of its files."""

    def at(self, entry: Entry, name: str) -> Entry:
        """``entry`` as it is kept under ``name``."""

    def prepare(self) -> None:
        """Once a process: see that it can be published into, and take up what a killed one left."""

    def finished(self, key: str) -> list[str] | None:
        """The names of exactly this work's files, where all of it is there."""

    def whole(self, first: str) -> bool:
        """Whether the asset whose first file is called ``first`` is there with all its files, as the manifest says."""

    def asset_with(self, name: str) -> Mapping[str, Any] | None:
        """The manifest's entry of the asset that has a file called ``name``; None where there is none."""

    def standing(self, name: str) -> tuple[Mapping[str, Any], bytes] | None:
        """What the manifest says of the file ``name``, and its bytes; None where it is not listed or not there."""

    def commit(self, publication: Publication, sidecar: Sidecar, key: str) -> None:
        """Let the whole set appear, in place of what has the same names."""

    def close(self) -> None:
        """Bring the manifest up to date."""


def shelf_of(to: str) -> Shelf:
    """The shelf that ``to`` names: a URL's, or the folder's. Raises UsageError for a URL that is none."""
    from imajin_cli.run.address import address_of

    address = address_of(to)
    if address is None or address.folder is not None:
        from imajin_cli.run.folder import Folder

        return Folder(Path(to) if address is None or address.folder is None else address.folder)
    from imajin_cli.run.bucket import bucket_of

    return bucket_of(address)


def parted(path: str) -> tuple[str, str]:
    """What `shelf_of` is to be asked for, and the file's name there, of a published file as `Entry.place` names it."""
    if "://" in path:
        to, _, name = path.rpartition("/")
        return to, name
    return str(Path(path).parent), Path(path).name


def checked_name(name: str) -> str:
    """``name``. Raises OutputError where a published file cannot be called so."""
    if not is_bare(name) or name in (MANIFEST, PLAN, SIDECAR) or name.startswith(TEMP_PREFIX):
        raise OutputError(f"{printable(name)}: not a name that a published file can have")
    return name


def entry_for(publication: Publication, sidecar: Sidecar, key: str) -> dict[str, Any]:
    """The manifest's entry of what is published. Raises OutputError for a name that no published file can have."""
    files = [
        {"name": checked_name(file.name), "bytes": len(file.data), "sha256": sha256(file.data), **file.entry}
        for file in publication.files
    ]
    return {**publication.entry, "id": sidecar.id, "key": key, "files": files}


def by_first(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The files of every entry, by the name of the first of them."""
    return {entry["files"][0]["name"]: entry["files"] for entry in entries}
