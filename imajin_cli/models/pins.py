"""Trust on first use: the digests of a model that the catalogue cannot list, pinned by the first pull and held from then on.

A pin is kept beside the model's files, MODELS/NAME/pinned.json. It says what this machine got first, not that this is what
the author published; where that matters, ``run.digests: listed`` refuses such a model, or its digests stand in a models.yaml.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imajin_cli.config.places import home_folder
from imajin_cli.contract.errors import UsageError
from imajin_cli.models.entry import MAX_FILES, Entry

FILE = "pinned.json"
_MOST_BYTES = 1 << 20


class Pin(BaseModel):
    """One file as the first pull found it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Pins(BaseModel):
    """What the first pull of a model brought: each file's pin, and from where (with the commit, where the source told it)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    imajin_pins: Literal[1] = 1
    files: Annotated[dict[str, Pin], Field(min_length=1, max_length=MAX_FILES)]
    source: Annotated[str, Field(max_length=2200)]


def models_folder() -> Path | None:
    """$IMAJIN_MODELS, else $XDG_CACHE_HOME/imajin/models, else ~/.cache/imajin/models; None for somebody without a home."""
    named = os.environ.get("IMAJIN_MODELS")
    if named:
        return Path(named).absolute()
    base = home_folder("XDG_CACHE_HOME", ".cache")
    return None if base is None else base / "models"


def path_of(name: str) -> Path | None:
    """Where the pins of a model are kept, None for somebody without a home."""
    base = models_folder()
    return None if base is None else base / name / FILE


def read(name: str) -> Pins | None:
    """The pins of a model, None where it was never pulled. Raises UsageError for a file that holds none."""
    path = path_of(name)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    try:
        return Pins.model_validate_json(data)
    except ValidationError:
        raise UsageError(
            f"{path}: damaged, so what {name} was pinned to is unknown", hint=f"remove it, and {name} is trusted anew"
        ) from None


def applied(entry: Entry) -> Entry:
    """``entry`` with its files as they were pinned; as it is where its digests are listed, or nothing is pinned.

    Raises UsageError for pins that are damaged, or of other files than the catalogue names now.
    """
    if not entry.first_use or entry.files:
        return entry
    found = read(entry.name)
    if found is None:
        return entry
    path = path_of(entry.name)
    hint = f"remove it, and {entry.name} is trusted anew"
    if set(found.files) != {file.name for file in entry.first_use}:
        raise UsageError(f"{path}: pins other files than the catalogue names", hint=hint)
    try:
        files = [file.pinned(found.files[file.name].size, found.files[file.name].sha256) for file in entry.first_use]
    except ValueError as error:
        raise UsageError(f"{path}: {error}", hint=hint) from None
    return entry.model_copy(update={"files": files})


def write(entry: Entry, found: Mapping[str, tuple[int, str]], source: str) -> None:
    """Pin each file of ``entry`` to a size and a digest. Raises OutputError; existing pins are never replaced."""
    from imajin_cli.run.atomic import make_folder, write_atomic

    path = path_of(entry.name)
    if path is None or path.exists():
        raise UsageError(f"{entry.name}: is pinned already, or there is no home folder to keep pins in")
    made = Pins(files={name: Pin(size=size, sha256=digest) for name, (size, digest) in found.items()}, source=source)
    make_folder(path.parent)
    write_atomic(path, (json.dumps(made.model_dump(), indent=1, sort_keys=True) + "\n").encode())
