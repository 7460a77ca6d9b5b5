"""A folder's manifest: what was published there. New entries go to a journal, which is merged in at the end of a stream.

Rewriting the manifest for every asset would make publishing n assets cost n² bytes. An entry is appended to the journal and
synced; the whole is written anew when the stream ends, and in between each time the journal has outgrown the manifest, so
that n assets cost a few times n bytes. What a killed process left in the journal counts, and is merged in by the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, OutputError
from imajin_cli.run.atomic import TEMP_PREFIX, folder_lock, write_atomic
from imajin_cli.run.reading import read_bytes

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
JOURNAL = f"{TEMP_PREFIX}manifest.jsonl"
# A journal below this many bytes is not merged in before the stream ends.
LEAST_MERGE = 1 << 18
Stamp = tuple[int, int, int]


class Entries:
    """Assets' entries; one that is put in takes the place of earlier ones with a file of the same name."""

    def __init__(self, entries: Iterable[dict[str, Any]] = ()) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        self._first_of: dict[str, str] = {}
        self._by_key: dict[str, str] = {}
        for entry in entries:
            self.put(entry)

    def all(self) -> list[dict[str, Any]]:
        """Every entry, in the order in which they came."""
        return list(self._entries.values())

    def of_key(self, key: str) -> dict[str, Any] | None:
        """The entry of the work with that key."""
        first = self._by_key.get(key)
        return None if first is None else self._entries[first]

    def with_file(self, name: str) -> dict[str, Any] | None:
        """The entry of the asset that has a file called ``name``."""
        first = self._first_of.get(name)
        return None if first is None else self._entries[first]

    def of_file(self, name: str) -> dict[str, Any] | None:
        """What is said of the file ``name``."""
        asset = self.with_file(name)
        files = () if asset is None else asset["files"]
        return next((dict(file) for file in files if file["name"] == name), None)

    def put(self, entry: dict[str, Any]) -> None:
        """Put an entry in."""
        names = [file["name"] for file in entry["files"]]
        for first in {self._first_of[name] for name in names if name in self._first_of}:
            old = self._entries.pop(first)
            for file in old["files"]:
                self._first_of.pop(file["name"], None)
            if self._by_key.get(str(old.get("key"))) == first:
                del self._by_key[str(old.get("key"))]
        self._entries[names[0]] = entry
        self._first_of.update(dict.fromkeys(names, names[0]))
        if isinstance(entry.get("key"), str):
            self._by_key[entry["key"]] = names[0]

    def dump(self, head: Mapping[str, Any]) -> bytes:
        """The manifest's file: ``head`` is what it holds beside the assets."""
        assets = sorted(with_pairs(self._entries.values()), key=lambda asset: str(asset["files"][0]["name"]))
        return json.dumps({**head, "assets": assets}, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def with_pairs(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """``entries``; the light one of a pair of themes has, in ``pair.html``, a ``<picture>`` that shows the dark one too.

    The two are published one after the other, and their names are known only then.
    """
    listed = list(entries)
    dark = {pair["id"]: pair.get("sources") for entry in listed if (pair := _pair(entry)).get("theme") == "dark"}
    return [_joined(entry, dark.get(_pair(entry).get("id"))) for entry in listed]


def _pair(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    pair = entry.get("pair")
    return pair if isinstance(pair, Mapping) and isinstance(pair.get("id"), str) else {}


def _joined(entry: dict[str, Any], sources: Any) -> dict[str, Any]:
    pair, html = _pair(entry), entry.get("html")
    if pair.get("theme") != "light" or not (isinstance(sources, str) and sources and isinstance(html, str)):
        return entry
    head, opened, rest = html.partition("<picture>\n")
    inner = rest if opened else f"  {head}\n</picture>"
    return {**entry, "pair": {**pair, "html": f"<picture>\n{sources}\n{inner}"}}


class Manifest:
    """The manifest of ``folder`` with its journal, held in memory and followed as other processes write to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = str(folder / MANIFEST), str(folder / JOURNAL)
        self._entries = Entries()
        self._manifest: Stamp | None = None
        self._journal: Stamp | None = None
        self._read = 0
        self._loaded = False

    def assets(self) -> list[dict[str, Any]]:
        """Every asset's entry, those of the journal too. Raises InputError for a manifest that is not ours."""
        self._refresh()
        return self._entries.all()

    def entry_of(self, key: str) -> dict[str, Any] | None:
        """The entry of the work with that key. Raises InputError for a manifest that is not ours."""
        self._refresh()
        return self._entries.of_key(key)

    def asset_with(self, name: str) -> dict[str, Any] | None:
        """The entry of the asset that has a file called ``name``. Raises InputError for a manifest that is not ours."""
        self._refresh()
        return self._entries.with_file(name)

    def file_named(self, name: str) -> dict[str, Any] | None:
        """What is said of the file ``name``. Raises InputError for a manifest that is not ours."""
        self._refresh()
        return self._entries.of_file(name)

    def enter(self, entry: Mapping[str, Any]) -> None:
        """Put an asset's entry in, in place of earlier ones with a file of the same name. Call it under the folder's lock."""
        self._refresh()
        self._append(json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._entries.put(dict(entry))
        self._journal = _stamp(self.folder / JOURNAL)
        self._read = self._journal[2] if self._journal is not None else 0
        if self._read > max(LEAST_MERGE, self._manifest[2] if self._manifest is not None else 0):
            self.merge()

    def merge(self) -> None:
        """Write the manifest with what the journal holds, and remove the journal. Call it under the folder's lock."""
        self._refresh()
        write_atomic(self.folder / MANIFEST, self._entries.dump(read_head(self.folder)), sync=True)
        # Killed between the two, the journal is merged in again, which changes nothing.
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._manifest, self._journal, self._read = _stamp(self.folder / MANIFEST), None, 0

    def close(self) -> None:
        """Merge in what the journal holds, if it holds anything. Raises OutputError."""
        if not (self.folder / JOURNAL).exists():
            return
        try:
            with folder_lock(self.folder):
                if (self.folder / JOURNAL).exists():
                    self.merge()
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written: {error.strerror}") from None

    def _append(self, line: bytes) -> None:
        descriptor = os.open(
            self.folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666
        )
        try:
            size = os.fstat(descriptor).st_size
            if size:
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                if os.read(descriptor, 1) != b"\n":  # a line that a kill cut short: its asset is still staged
                    line = b"\n" + line
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _refresh(self) -> None:
        """Take in what others wrote since: all of it where the manifest is another file, else the journal's new lines."""
        manifest, journal = map(_stamp, self._paths)
        if self._loaded and manifest == self._manifest and journal == self._journal:
            return
        same_file = journal is not None and self._journal is not None and journal[0] == self._journal[0]
        grown = journal is not None and journal[2] >= self._read and (same_file or self._journal is None)
        if not (self._loaded and manifest == self._manifest and grown):
            self._entries, self._read = Entries(read_manifest(self.folder)["assets"]), 0
        for entry in self._new_lines():
            self._entries.put(entry)
        self._manifest, self._journal, self._loaded = manifest, journal, True

    def _new_lines(self) -> Iterator[dict[str, Any]]:
        """The entries of the journal from where it was read to. Lines that were cut short are passed over."""
        try:
            with (self.folder / JOURNAL).open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.folder / JOURNAL}: cannot be read: {error.strerror}") from None
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if is_entry(entry):
                yield entry


def manifest_of(folder: Path) -> Manifest:
    """The manifest of ``folder``, which this process keeps in memory from one stream to the next."""
    return _kept(folder, os.getcwd())


@lru_cache(maxsize=16)
def _kept(folder: Path, _at: str) -> Manifest:
    return Manifest(folder)


def _stamp(path: str | Path) -> Stamp | None:
    """What tells one version of a file from another: inode, time of change, size; None where there is none."""
    try:
        known = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return known.st_ino, known.st_mtime_ns, known.st_size


def read_head(folder: Path) -> dict[str, Any]:
    """The folder's manifest without its assets."""
    return {name: value for name, value in read_manifest(folder).items() if name != "assets"}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest, an empty one where there is none. Raises InputError for one that is not ours."""
    path = folder / MANIFEST
    return parse_manifest(read_bytes(path) if path.exists() else None, str(path))


def parse_manifest(data: bytes | None, name: str) -> dict[str, Any]:
    """A manifest from the bytes of its file, an empty one for None. Raises InputError for one that is not ours."""
    if data is None:
        return {"imajin": MANIFEST_VERSION, "assets": []}
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: not JSON", hint="move it away; it is written anew") from None
    version = manifest.get("imajin") if isinstance(manifest, dict) else None
    if isinstance(version, int) and version > MANIFEST_VERSION:
        raise InputError(f"{name}: from a newer imajin (version {version})", hint="pip install --upgrade imajin")
    ours = isinstance(version, int) and isinstance(manifest.get("assets"), list)
    if not ours or not all(map(is_entry, manifest["assets"])):
        raise InputError(f"{name}: not a manifest of imajin", hint="publish into another folder")
    return dict(manifest)


def is_entry(asset: Any) -> bool:
    """Whether ``asset`` has what is read of an asset's entry: at least one file with a bare name and a digest."""
    files = asset.get("files") if isinstance(asset, dict) else None
    return (
        isinstance(files, list)
        and len(files) > 0
        and all(
            isinstance(file, dict) and is_bare(file.get("name")) and isinstance(file.get("sha256"), str)
            for file in files
        )
    )


def is_bare(name: Any) -> bool:
    """Whether ``name`` is a file's name without a folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")
