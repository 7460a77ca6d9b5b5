"""Scorers of the catalogue beside the embedded one: each one's z among good pictures of the class, combined in the open.

The embedded parts' combined score and every further scorer's z weigh the same; their mean is brought back to standard
deviations as if they were independent. Which scorer said what stands in the record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imajin_cli.contract.digest import sha256
from imajin_cli.stages.aesthetics.combine import z_of
from imajin_cli.stages.calibration.limits import usual

STAGE = "aesthetic"
EMBEDDED = "imajin-aesthetic"


@dataclass(frozen=True)
class Said:
    """What a scorer of the catalogue said of a picture: its own number, and its z where the class's scale is known."""

    value: float
    z: float | None


def scaled(values: Mapping[str, float], scales: str | None, asset_class: str) -> dict[str, Said]:
    """Each scorer's number with its z by the file ``scales`` of `imajin calibrate`; without a file no z.

    Raises NoVerdictError where the file has no mean and spread for a scorer's revision and the class.
    """
    from imajin_cli.stages.backends.preferences import revision

    found = {}
    for name, value in values.items():
        if scales is None:
            found[name] = Said(value, None)
            continue
        mean, spread = usual(scales, stage=STAGE, score=name, asset_class=asset_class, revision=revision(name))
        found[name] = Said(value, z_of(value, mean, spread, "high"))
    return found


def combined(embedded: float, said: Mapping[str, Said]) -> tuple[float, dict[str, dict[str, float]]]:
    """The score of all together, and each one's z and weight; the embedded score as it is where nothing can be added."""
    zs = {EMBEDDED: embedded, **{name: one.z for name, one in said.items() if one.z is not None}}
    weight = 1 / math.sqrt(len(zs))
    return sum(zs.values()) * weight, {name: {"z": round(z, 3), "weight": round(weight, 4)} for name, z in zs.items()}


def revisions(names: Sequence[str]) -> str:
    """What the scorers' numbers depend on; empty without any."""
    from imajin_cli.stages.backends.preferences import revision

    return "; ".join(revision(name) for name in names)


def together(own: str, names: Sequence[str], scales: str) -> str:
    """A revision for the score of all together: ``own`` where nothing is added to it."""
    return own if not names else sha256("\0".join((own, revisions(names), scales)).encode())[:12]
