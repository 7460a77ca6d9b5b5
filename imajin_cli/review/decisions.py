"""The file of decisions that a review page hands out, and where they may be recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from imajin_cli.contract.errors import InputError
from imajin_cli.review.approvals import Decision, last_approved, parsed, read_approvals, record, states_of
from imajin_cli.review.folders import MAX_ASSETS, Published, digests_of, published
from imajin_cli.review.kept import keep
from imajin_cli.run.reading import read_bytes

MAX_DECISIONS_BYTES = 32 << 20


class Placed(Decision):
    """A decision and the folder that it is about, as the page named it."""

    folder: str = Field(max_length=4096)

    def bare(self) -> Decision:
        """The decision as the folder's own file holds it."""
        return Decision.model_validate(self.model_dump(exclude={"folder"}))


class Decisions(BaseModel):
    """``decisions.json``."""

    model_config = ConfigDict(strict=True, extra="forbid")
    imajin: Literal[1]
    kind: Literal["decisions"]
    assets: list[Placed] = Field(max_length=MAX_ASSETS)


def read_decisions(path: Path) -> Decisions:
    """The decisions in the file ``path``. Raises InputError for anything else, and for two on one asset."""
    found = parsed(Decisions, read_bytes(path, MAX_DECISIONS_BYTES), str(path), "a file of decisions")
    seen: set[tuple[str, str]] = set()
    for one in found.assets:
        if (one.folder, one.first) in seen:
            raise InputError(f"{path}: two decisions on {one.first}")
        seen.add((one.folder, one.first))
    return found


def record_all(path: Path, folders: Sequence[str], *, copies: bool = False) -> list[tuple[Path, int]]:
    """Record the decisions of the file ``path``: each folder, and how many said something new there.

    ``folders`` are those that may be written to; where none is given, those that the file names, below the working folder.
    With ``copies``, what is approved is also copied, to be compared with later. Every decision is held against manifests
    and files first, so that nothing is recorded where one does not fit. Raises InputError and OutputError.
    """
    found = read_decisions(path).assets
    places = {name: _place(name, path, folders) for name in dict.fromkeys(one.folder for one in found)}
    for one in found:
        _check(one, places[one.folder])
    done: list[tuple[Path, int]] = []
    for place in dict.fromkeys(one.path for one in places.values()):
        mine = [one.bare() for one in found if places[one.folder].path == place]
        before = last_approved(read_approvals(place))
        done.append((place, record(place, mine)))
        if copies:
            keep(place, mine, before, last_approved(read_approvals(place)))
    return done


def _place(name: str, path: Path, folders: Sequence[str]) -> Published:
    """The folder that decisions on ``name`` are for. A file of decisions is data: it leads to no place of its own choice."""
    if folders:
        given = published(folders)
        same = (
            [one for one in given if os.path.realpath(name) == os.path.realpath(one.path)] if "\0" not in name else []
        )
        if same or len(given) == 1:
            return (same or given)[0]
        raise InputError(f"{path}: is also about {name}, which was not given")
    here, there = os.path.realpath("."), os.path.realpath(name) if "\0" not in name else ""
    if os.path.isabs(name) or os.path.commonpath([here, there or "/"]) != here:
        raise InputError(f"{path}: is about {name}, outside the working folder", hint=f"imajin approve {path} FOLDER")
    return published([name])[0]


def _check(decision: Placed, place: Published) -> None:
    """Raise InputError unless ``decision`` was taken on the files that are published now."""
    label = place.path / decision.first
    asset = place.by_file.get(decision.first)
    if asset is None:
        raise InputError(f"{label}: is not in the manifest")
    if digests_of(asset) != decision.digests() or len(asset["files"]) != len(decision.files):
        raise InputError(f"{label}: was published anew since it was reviewed", hint="imajin report, and decide again")
    for name, state in states_of(place.path, asset).items():
        if state != "same":
            raise InputError(f"{place.path / name}: is {state} since it was published", hint="publish it again")
