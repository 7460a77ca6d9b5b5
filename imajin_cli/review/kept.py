"""Copies of approved pictures, so that a later version can be held against the one that was approved.

They lie in ``.imajin/approved`` of the working folder, one for an asset, and are a convenience: no decision rests on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.review.approvals import Decision, SeenFile
from imajin_cli.review.pictures import TYPES
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.reading import read_bytes

KEPT = Path(".imajin") / "approved"


def kept_copy(decision: Decision) -> tuple[Path, str] | None:
    """Where the copy of an approved picture lies, and its digest; None where none was kept."""
    shown = _shown(decision)
    if shown is None:
        return None
    path = _path(shown)
    return (path, shown.sha256) if path.is_file() else None


def keep(
    folder: Path, decisions: Iterable[Decision], before: Mapping[str, Decision], after: Mapping[str, Decision]
) -> None:
    """Copy what ``decisions`` approve of ``folder``, and drop the copies of what was approved ``before`` and not ``after``.

    Raises OutputError.
    """
    make_folder(KEPT)
    ignore = KEPT.parent / ".gitignore"
    if not ignore.exists():
        write_atomic(ignore, b"*\n")
    for decision in decisions:
        shown = _shown(decision)
        if decision.decision == "approved" and shown is not None:
            _copy(folder / shown.name, shown)
    for path in _paths(before.values()) - _paths(after.values()):
        path.unlink(missing_ok=True)


def _paths(decisions: Iterable[Decision]) -> set[Path]:
    return {_path(shown) for decision in decisions if (shown := _shown(decision)) is not None}


def _copy(source: Path, shown: SeenFile) -> None:
    """Only the very bytes that were approved are worth keeping; where they went meanwhile, there is no copy."""
    if _path(shown).is_file():
        return
    try:
        data = read_bytes(source)
    except InputError:
        return
    if sha256(data) == shown.sha256:
        write_atomic(_path(shown), data)


def _shown(decision: Decision) -> SeenFile | None:
    return next((file for file in decision.files if Path(file.name).suffix.lower() in TYPES), None)


def _path(file: SeenFile) -> Path:
    """The copy's place: of a name that a manifest may have made up, only a suffix that is known gets into it."""
    return KEPT / (file.sha256 + Path(file.name).suffix.lower())
