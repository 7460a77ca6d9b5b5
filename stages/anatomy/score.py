"""One score, 0..1, of what was measured of a part: how far each measure is on its way from bad to good, the worst one counting.

Where bad and good lie was taken from 31 faces, 29 pairs of eyes and 11 hands in sample photographs, and from damaged copies of
them (``benchmarks/anatomy.py``): good is the middle of clean parts, bad is beyond what any clean part reached. The score says
how photograph-like a part is to networks that learnt from photographs; it counts no fingers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

PartKind = Literal["face", "eyes", "hand"]
KINDS: tuple[PartKind, ...] = ("face", "eyes", "hand")


class Ramp(NamedTuple):
    """A measure's value that counts as 0, and the one that counts as 1; linear between."""

    bad: float
    good: float

    def at(self, value: float) -> float:
        """Where ``value`` lies, 0..1."""
        return min(1.0, max(0.0, (value - self.bad) / (self.good - self.bad)))


RAMPS: Mapping[PartKind, Mapping[str, Ramp]] = {
    "face": {"presence": Ramp(0.9, 0.998), "steady": Ramp(0.08, 0.02), "sharp": Ramp(0.2, 0.85)},
    "eyes": {"even": Ramp(0.55, 0.1), "agree": Ramp(0.3, 0.1), "steady": Ramp(0.12, 0.015)},
    "hand": {
        "presence": Ramp(0.5, 0.99),
        "steady": Ramp(0.2, 0.02),
        "crossed": Ramp(5.0, 0.0),
        "sharp": Ramp(0.2, 0.8),
    },
}
LEAST: Mapping[PartKind, float] = {"face": 0.45, "eyes": 0.45, "hand": 0.0}
"""Scores below which a part is bad. Hands are measured and by default not judged: of clean ones too many score low."""


def score(kind: PartKind, measures: Mapping[str, float]) -> float:
    """The least of the measures' places on their ramps."""
    return round(min(ramp.at(measures[name]) for name, ramp in RAMPS[kind].items() if name in measures), 4)


def worst(kind: PartKind, measures: Mapping[str, float]) -> str:
    """The measure that the score comes from."""
    return min(
        (name for name in RAMPS[kind] if name in measures), key=lambda name: RAMPS[kind][name].at(measures[name])
    )
