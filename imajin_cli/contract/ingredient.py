"""What a result depends on beside a stage's version and params: models, fonts, packs, files, and data of imajin's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

IngredientKind = Literal["model", "font", "pack", "file", "data"]
SHOWN_DIGITS = 12
_CHUNK = 1 << 20
_MOST_FILES = 20_000


@dataclass(frozen=True)
class Ingredient:
    """One of them: ``name`` is how people know it, ``revision`` tells one state of it from another.

    Where ``revision`` is None the runtime finds it out: of a model by the catalogue, of a file or folder at ``path`` by its
    contents. Whether a model is on this machine is no part of it: a recipe is the same wherever it is read.
    """

    kind: IngredientKind
    name: str
    revision: str | None = None
    path: str | None = None


def file(path: str) -> Ingredient:
    """A file or folder that somebody named, by its contents."""
    return Ingredient("file", path, path=path)


def digest_of(path: Path) -> str | None:
    """Twelve hex digits over the contents of a file, or of all files of a folder by name; None where nothing can be read.

    Raises ValueError for a folder of more than 20,000 files. A file that has not changed since is not read again.
    """
    try:
        if path.is_dir():
            return _folder_digest(path)
        known = path.stat()
        return _file_digest(str(path.absolute()), known.st_mtime_ns, known.st_size, known.st_ino)[:SHOWN_DIGITS]
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _file_digest(path: str, *_state: int) -> str:
    state = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(_CHUNK):
            state.update(piece)
    return state.hexdigest()


def _folder_digest(folder: Path) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    if len(paths) > _MOST_FILES:
        raise ValueError(f"{folder}: more than {_MOST_FILES} files")
    state = hashlib.sha256()
    for path in paths:
        state.update(f"{path.relative_to(folder).as_posix()}\0{digest_of(path)}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()[:SHOWN_DIGITS]
