"""Wildcard files: NAME.txt below one folder, a choice a line. Names are data: nothing outside the folder is read."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.errors import InputError, UsageError

MOST_FILES = 512
MOST_DEEP = 4
MOST_BYTES = 1 << 20
MOST_LINES = 10_000
_NAME = re.compile(r"[\w*?-][\w.*?-]*(?:/[\w*?-][\w.*?-]*)*\Z", re.ASCII)


class Wildcards:
    """The wildcard files below ``folder``, each read once when it is first asked for; None: there are none."""

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder).expanduser()
        self._names: list[str] | None = None
        self._lines: dict[str, tuple[str, ...]] = {}

    def __call__(self, name: str) -> Sequence[str]:
        """The lines of every file that ``name`` ("colour", "animals/*") fits.

        Raises UsageError where there is no folder or no such file, InputError for a file that cannot be read.
        """
        if not _NAME.match(name) or ".." in name:
            raise UsageError(f"__{name[:60]}__: not the name of a wildcard")
        if self._folder is None:
            raise UsageError(
                f"__{name[:60]}__: no folder of wildcards is set",
                hint="--wildcards FOLDER, or prompt.wildcards in the config",
            )
        found = [line for known in self._fitting(name) for line in self._read(known)]
        if not found:
            raise UsageError(f"__{name[:60]}__: no such wildcard, or an empty one, in {self._folder}")
        return found

    def _fitting(self, name: str) -> list[str]:
        if self._names is None:
            self._names = sorted(self._walk())
        return [known for known in self._names if fnmatch.fnmatchcase(known, name)]

    def _walk(self) -> Iterator[str]:
        """The names of all files, without following links: what is elsewhere is no part of the folder."""
        found, folders = 0, [(self._folder or Path(), "", 0)]
        while folders:
            folder, prefix, deep = folders.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                raise InputError(f"wildcards {folder}: {error.strerror}") from None
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and deep < MOST_DEEP:
                    folders.append((Path(entry.path), f"{prefix}{entry.name}/", deep + 1))
                elif entry.is_file(follow_symlinks=False) and entry.name.endswith(".txt"):
                    found += 1
                    if found > MOST_FILES:
                        raise InputError(f"wildcards {self._folder}: more than {MOST_FILES} files")
                    yield prefix + entry.name.removesuffix(".txt")

    def _read(self, name: str) -> tuple[str, ...]:
        if name not in self._lines:
            path = (self._folder or Path()) / f"{name}.txt"
            data = read_named(str(path), "wildcards", MOST_BYTES)
            if len(data) > MOST_BYTES:
                raise InputError(f"wildcards {path}: larger than {MOST_BYTES // 1024} KiB")
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise InputError(f"wildcards {path}: not UTF-8") from None
            lines = [line.strip() for line in text.splitlines()]
            kept = tuple(line for line in lines if line and not line.startswith("#"))
            if len(kept) > MOST_LINES:
                raise InputError(f"wildcards {path}: more than {MOST_LINES:,} lines")
            self._lines[name] = kept
        return self._lines[name]
