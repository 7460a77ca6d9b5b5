"""What a person approved in a folder: a plain, versioned file beside the manifest, with the digests of what was seen.

``assets`` holds the decision that counts for each asset, ``journal`` every decision in the order in which they were
recorded; a decision that changes nothing is not recorded again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import FileName, Sha256
from imajin_cli.review.folders import MAX_FILES, digests_of, state_of
from imajin_cli.run.atomic import folder_lock, write_atomic
from imajin_cli.run.reading import read_bytes

APPROVED = "imajin.approved.json"
VERSION = 1
MAX_BYTES = 64 << 20
_Model = TypeVar("_Model", bound=BaseModel)
State = Literal["approved", "rejected", "changed", "undecided"]


class SeenFile(BaseModel):
    """A file as it was when the decision was taken."""

    model_config = ConfigDict(strict=True, extra="forbid")
    name: FileName
    sha256: Sha256


class Decision(BaseModel):
    """One decision on one asset: of all its files, or of none."""

    model_config = ConfigDict(strict=True, extra="forbid")
    name: str = Field(max_length=1024)
    id: str | None = Field(default=None, max_length=64)
    decision: Literal["approved", "rejected"]
    note: str = Field(default="", max_length=2000)
    files: list[SeenFile] = Field(min_length=1, max_length=MAX_FILES)

    @property
    def first(self) -> str:
        """The name of the asset's first file, which tells it from others of its folder."""
        return self.files[0].name

    def digests(self) -> dict[str, str]:
        """The digest of each file by its name."""
        return {file.name: file.sha256 for file in self.files}


class Approvals(BaseModel):
    """The file of a folder."""

    model_config = ConfigDict(strict=True, extra="forbid")
    imajin: Literal[1] = 1
    kind: Literal["approvals"] = "approvals"
    assets: list[Decision] = Field(default_factory=list, max_length=100_000)
    journal: list[Decision] = Field(default_factory=list, max_length=1_000_000)

    def by_file(self) -> dict[str, Decision]:
        """The decision that counts, by the name of an asset's first file."""
        return {one.first: one for one in self.assets}


def last_approved(known: Approvals) -> dict[str, Decision]:
    """The newest approval of each asset, whatever was decided since, by the name of its first file."""
    return {one.first: one for one in [*known.assets, *known.journal] if one.decision == "approved"}


def parsed(model: type[_Model], data: bytes, name: str, what: str) -> _Model:
    """``data`` as a ``model``. Raises InputError for anything else, and for what a newer version wrote."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if _version(data) > VERSION:
            raise InputError(f"{name}: from a newer imajin", hint="pip install --upgrade imajin") from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "top"
        raise InputError(f"{name}: not {what}: {where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None


def _version(data: bytes) -> int:
    try:
        found = json.loads(data)["imajin"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return 0
    return found if isinstance(found, int) else 0


def read_approvals(folder: Path) -> Approvals:
    """What was decided in ``folder``, nothing where there is no file. Raises InputError for one that is not ours."""
    path = folder / APPROVED
    if not path.exists():
        return Approvals()
    return parsed(Approvals, read_bytes(path, MAX_BYTES), str(path), "a file of approvals")


def record(folder: Path, decisions: Sequence[Decision]) -> int:
    """Write ``decisions`` into the folder's file, whole or not at all. Returns how many said something new.

    Where none did, the file and its time are left as they are. Raises InputError and OutputError.
    """
    with folder_lock(folder):
        known = read_approvals(folder)
        now = known.by_file()
        news = [one for one in decisions if now.get(one.first) != one]
        if not news:
            return 0
        now.update({one.first: one for one in news})
        merged = Approvals(assets=[now[name] for name in sorted(now)], journal=[*known.journal, *news])
        write_atomic(folder / APPROVED, merged.model_dump_json(indent=1).encode() + b"\n", sync=True)
    return len(news)


def approval_of(asset: dict[str, Any], decision: Decision | None, states: Mapping[str, str]) -> State:
    """Where an asset stands: a decision counts for the very files that it was taken on, as ``states`` says of them now."""
    if decision is None:
        return "undecided"
    same = decision.digests() == digests_of(asset) and all(states[name] == "same" for name in digests_of(asset))
    return decision.decision if same else "changed"


def states_of(folder: Path, asset: dict[str, Any]) -> dict[str, str]:
    """Whether each file of an asset is as the manifest names it, by name."""
    return {name: state_of(folder / name, digest) for name, digest in digests_of(asset).items()}
