"""Every file of a model that is on this machine, hashed again, whatever was noted before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imajin_cli.models.entry import Entry, ModelFile
from imajin_cli.models.formats import check_format
from imajin_cli.models.store import candidates, command_for, holds, size_fits


@dataclass(frozen=True)
class Checked:
    """What came of one file in one place; ``path`` is None where it is nowhere."""

    model: str
    file: str
    status: Literal["whole", "damaged", "absent"]
    path: Path | None
    place: str
    hint: str | None = None


def verify(entries: Iterable[Entry]) -> Iterator[Checked]:
    """Each file of each model in each place where it lies."""
    for entry in entries:
        for file in entry.files:
            yield from _checked(entry, file)
        if entry.open:
            yield Checked(entry.name, entry.first_use[0].name, "absent", None, "", command_for(entry))


def _checked(entry: Entry, file: ModelFile) -> Iterator[Checked]:
    there = [(path, place) for path, place in candidates(entry, file) if path.exists()]
    for path, place in there:
        whole = size_fits(entry, file, path) and holds(entry, file, path, trust=False) and _is_of_its_kind(file, path)
        hint = None if whole else command_for(entry)
        yield Checked(entry.name, file.name, "whole" if whole else "damaged", path, place, hint)
    if not there:
        yield Checked(entry.name, file.name, "absent", None, "", command_for(entry))


def _is_of_its_kind(file: ModelFile, path: Path) -> bool:
    from imajin_cli.contract.errors import InputError

    try:
        check_format(path, file.name)
    except InputError:
        return False
    return True
