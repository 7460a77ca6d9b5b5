"""One score, 0..1, of what was measured of a part: how far each measure is on its way from bad to good, the worst one counting.

Where bad and good lie was taken from sample photographs and damaged copies of them (``benchmarks/anatomy.py``): good is the
middle of clean parts, bad is what no clean part reached. The score says how photograph-like a part is to networks that learnt
from photographs; it counts no fingers.
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
    "face": {"presence": Ramp(0.5, 0.99), "steady": Ramp(0.12, 0.025), "sharp": Ramp(0.1, 0.6)},
    "eyes": {"even": Ramp(0.6, 0.1), "agree": Ramp(0.6, 0.12), "steady": Ramp(0.2, 0.03)},
    "hand": {
        "presence": Ramp(0.3, 0.98),
        "steady": Ramp(0.5, 0.06),
        "bones": Ramp(0.6, 0.15),
        "crossed": Ramp(4.0, 0.0),
        "sharp": Ramp(0.1, 0.6),
    },
}
LEAST: Mapping[PartKind, float] = {"face": 0.35, "eyes": 0.25, "hand": 0.3}
"""Scores below which a part is bad."""


def score(kind: PartKind, measures: Mapping[str, float]) -> float:
    """The least of the measures' places on their ramps."""
    return round(min(ramp.at(measures[name]) for name, ramp in RAMPS[kind].items() if name in measures), 4)


def worst(kind: PartKind, measures: Mapping[str, float]) -> str:
    """The measure that the score comes from."""
    return min(
        (name for name in RAMPS[kind] if name in measures), key=lambda name: RAMPS[kind][name].at(measures[name])
    )
