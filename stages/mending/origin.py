"""Whose pixels an asset's are, as its records say: which record of `generate` made them, and why it cannot be said.

A sidecar can be edited by whoever owns it: this is policy, not a seal.
"""

from __future__ import annotations

from collections.abc import Mapping

from imajin_cli.contract.chain import leads_to
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Record, Sidecar


def made_by(sidecar: Sidecar, sha256: str) -> Record:
    """The record of `generate` that made the picture whose pixels ``sha256`` names, through recorded changes alone.

    Raises InputError where another program or a file had a part in it: no such record, a file that was loaded, a picture
    that the model began from (what is painted over is somebody's, and so may be what is to be taken off), pixels that were
    edited since.
    """
    changed = [record for record in sidecar.stages if record.status == "changed"]
    made = next((record for record in reversed(changed) if record.stage == "generate"), None)
    if made is None:
        raise InputError("its sidecar does not say that imajin generated it")
    if any(record.stage == "load" for record in changed):
        raise InputError("it was loaded from a file, so imajin did not make its pixels")
    given = made.notes.get("inputs")
    if isinstance(given, Mapping) and "image" in given:
        raise InputError("a picture was given that it was painted from, so imajin did not make all of its pixels")
    if not leads_to(sidecar.stages[sidecar.stages.index(made) :], sha256):
        raise InputError("its pixels were changed since imajin generated it")
    return made


def is_composed(made: Record, sidecar: Sidecar) -> bool:
    """Whether the picture is a scene of `compose`, and no model has painted on it since."""
    later = sidecar.stages[sidecar.stages.index(made) + 1 :]
    return made.backend == "compose" and not any(r.status == "changed" and r.model is not None for r in later)
