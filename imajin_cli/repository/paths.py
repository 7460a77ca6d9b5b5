"""Paths as a lock holds them: seen from its own folder, with forward slashes, so that they mean the same everywhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath


def expanded(path: str) -> Path:
    """``path`` with ~ in place of nobody's home left as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@dataclass(frozen=True)
class Base:
    """The folder of a lock."""

    folder: Path

    def shown(self, path: str) -> str:
        """How the lock calls ``path``, which is seen from the working folder. URLs, ~ and absolute paths elsewhere stay."""
        if "://" in path or path.startswith("~"):
            return path
        try:
            relative = os.path.relpath(path, self.folder)
        except ValueError:  # another drive
            return PurePath(os.path.abspath(path)).as_posix()
        outside = relative.split(os.sep)[0] == os.pardir
        return PurePath(path if outside and os.path.isabs(path) else relative).as_posix()

    def found(self, shown: str) -> str:
        """The path, seen from the working folder, of what the lock calls ``shown``."""
        if "://" in shown or shown.startswith("~") or os.path.isabs(shown):
            return shown
        return os.path.normpath(os.path.join(self.folder, shown))
