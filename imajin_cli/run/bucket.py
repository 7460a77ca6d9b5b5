"""Publishing into an object store, where nothing can be renamed or locked: content first, what tells of it last.

An asset's files are written, then its sidecar, then its manifest entry as an object of its own, called after the work's
key. With the entry the asset is published: what a kill left before it is overwritten by the next try. Entries are merged
into the manifest at the end of a stream: read, merge, write where nobody wrote in between (If-Match), look again. Whoever
writes last has looked after all others, so nothing is lost, also in a store that knows no conditions: there the entries
stay, and the next merge makes good what two at the same moment did to each other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import OutputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Publication
from imajin_cli.run.address import Address
from imajin_cli.run.assets import Entry
from imajin_cli.run.manifest import MANIFEST, Entries, is_entry, parse_manifest
from imajin_cli.run.objects import ConflictError, Listed, Objects
from imajin_cli.run.reading import MAX_PICTURE_BYTES
from imajin_cli.run.shelf import by_first, entry_for
from imajin_cli.run.sidecars import MAX_SIDECAR_BYTES, dump_sidecar

ENTRIES = ".imajin-manifest"
MAX_MANIFEST = 1 << 30
MAX_ENTRY = 4 << 20
# So often is a manifest merged anew because others wrote to it, and so long is waited in between, longer each time.
MOST_MERGES = 24
MERGE_SECONDS = 0.05
_KINDS = {
    "png": "image/png", "webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml", "jpg": "image/jpeg",
    "jpeg": "image/jpeg", "ico": "image/vnd.microsoft.icon", "json": "application/json", "c2pa": "application/c2pa",
}  # fmt: skip


class Bucket:
    """A place in an object store that is published into: a `Shelf`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: Entries | None = None
        self._files: dict[str, list[dict[str, Any]]] | None = None
        self._merged_once: Entries | None = None

    def label(self, name: str) -> str:
        """How messages call one of its files."""
        return self._objects.label(name)

    def at(self, entry: Entry, name: str) -> Entry:
        """``entry`` as it is kept under ``name``."""
        return replace(entry, path=None, stamp=None, url=self._objects.label(name))

    def prepare(self) -> None:
        """Read the manifest, once: where the store is down or closed to us, that shows here."""
        if self._known is None:
            self._known = Entries(self._manifest()[0]["assets"])

    def finished(self, key: str) -> list[str] | None:
        """See `Shelf`. An entry that is not merged in yet counts; one that another process merged in since may not."""
        self.prepare()
        assert self._known is not None
        entry = self._known.of_key(key) or self._entry(key)
        return (
            [file["name"] for file in entry["files"]] if entry is not None and self._is_whole(entry["files"]) else None
        )

    def whole(self, first: str) -> bool:
        """See `Shelf`. The manifest and the entries beside it are read once."""
        if self._files is None:
            self._files = by_first(self._merged(self._manifest()[0], self._objects.list(ENTRIES)).all())
        files = self._files.get(first)
        return files is not None and self._is_whole(files)

    def asset_with(self, name: str) -> Mapping[str, Any] | None:
        """See `Shelf`. The manifest and the entries beside it are read once."""
        if self._merged_once is None:
            self._merged_once = self._merged(self._manifest()[0], self._objects.list(ENTRIES))
        return self._merged_once.with_file(name)

    def standing(self, name: str) -> tuple[Mapping[str, Any], bytes] | None:
        """See `Shelf`: by the manifest as it was read first."""
        listed = self._known.of_file(name) if self._known is not None else None
        found = self._objects.read(name, MAX_PICTURE_BYTES) if listed is not None else None
        return None if listed is None or found is None else (listed, found[0])

    def commit(self, publication: Publication, sidecar: Sidecar, key: str) -> None:
        """Write the set, then what tells of it."""
        entry = entry_for(publication, sidecar, key)
        for file in publication.files:
            self._objects.write(file.name, file.data, kind=_KINDS.get(file.name.rpartition(".")[2]))
        self._objects.write(publication.files[0].name + ".json", dump_sidecar(sidecar), kind=_KINDS["json"])
        self._objects.write(
            _name(key), json.dumps(entry, ensure_ascii=False, allow_nan=False).encode(), kind=_KINDS["json"]
        )

    def close(self) -> None:
        """Merge the entries into the manifest. Raises OutputError, also where others keep writing to it."""
        for turn in range(MOST_MERGES):
            listed = self._objects.list(ENTRIES)
            if not listed:
                return
            manifest, data, tag = self._manifest()
            entries = self._merged(manifest, listed)
            merged = entries.dump({name: value for name, value in manifest.items() if name != "assets"})
            if merged == data:
                if self._dropped(entries, listed, merged):
                    return
                continue
            try:
                self._objects.replace(MANIFEST, merged, tag)
            except ConflictError:
                time.sleep(MERGE_SECONDS * (turn + 1))
        raise OutputError(f"{self.label(MANIFEST)}: others write to it all the time", hint="run the same command again")

    def _dropped(self, entries: Entries, listed: list[Listed], data: bytes) -> bool:
        """Remove entries that have been replaced; all of them where the store has shown that it keeps conditions.

        It shows that by refusing to create a manifest where there is one. False where it did not: that write may have
        undone another's, so everything has to be looked at again.
        """
        keys = [one.name.removesuffix(".json") for one in listed]
        if not self._objects.conditional:
            self._objects.remove(_name(key) for key in keys if entries.of_key(key) is None)
            return True
        try:
            self._objects.replace(MANIFEST, data, None)
        except ConflictError:
            self._objects.remove(map(_name, keys))
            return True
        self._objects.conditional = False
        return False

    def _manifest(self) -> tuple[dict[str, Any], bytes | None, str | None]:
        """The manifest, its bytes and its version; an empty one, and None, where there is none."""
        found = self._objects.read(MANIFEST, MAX_MANIFEST)
        data, tag = (None, None) if found is None else found
        return parse_manifest(data, self.label(MANIFEST)), data, tag

    def _merged(self, manifest: dict[str, Any], listed: list[Listed]) -> Entries:
        """The manifest's entries and, later than those, the listed ones in the order in which they were written."""
        known = Entries(manifest["assets"])
        keys = [one.name.removesuffix(".json") for one in sorted(listed, key=lambda one: (one.modified, one.name))]
        newer = set(keys)
        merged = Entries(entry for entry in known.all() if entry.get("key") not in newer)
        for key in keys:
            entry = known.of_key(key) or self._entry(key)
            if entry is not None:
                merged.put(entry)
        return merged

    def _entry(self, key: str) -> dict[str, Any] | None:
        """The entry of that work beside the manifest, None where there is none, or it is none of ours."""
        found = self._objects.read(_name(key), MAX_ENTRY)
        try:
            entry: Any = None if found is None else json.loads(found[0])
        except (ValueError, RecursionError):
            return None
        return dict(entry) if is_entry(entry) and entry.get("key") == key else None

    def _is_whole(self, files: list[dict[str, Any]]) -> bool:
        for file in files:
            found = self._objects.read(file["name"], MAX_PICTURE_BYTES)
            if found is None or sha256(found[0]) != file["sha256"]:
                return False
        return self._objects.read(f"{files[0]['name']}.json", MAX_SIDECAR_BYTES) is not None


def _name(key: str) -> str:
    return f"{ENTRIES}/{key}.json"


def bucket_of(address: Address) -> Bucket:
    """The shelf at ``address``. Raises MissingError where the file system is not installed."""
    return Bucket(Objects(address))
