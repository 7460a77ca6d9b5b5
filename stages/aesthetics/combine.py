"""From several scores of one picture to one, in the open: each part's own number, how unusual it is, and its weight.

A part is held against good pictures of the same asset class (committed statistics, made by training/aesthetic): z is how
many standard deviations better than their mean it is. The weighted sum of all z, once more in standard deviations of
good pictures, is the picture's score: 0 is as good as good pictures are on average, most of them lie above -2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import NoVerdictError

FOLDER = Path(__file__).parent / "compiled"
STATISTICS = "statistics.json"
MOST_BYTES = 1_000_000
LEARNED = "learned"
# Part → weight, and whether more is better ("high"), less ("low"), or what is usual for the class ("usual").
PARTS: dict[str, tuple[float, str]] = {
    LEARNED: (0.64, "high"),
    "balance": (0.06, "high"),
    "crowding": (0.06, "low"),
    "empty": (0.06, "usual"),
    "harmony": (0.06, "high"),
    "contrast": (0.06, "high"),
    "clearance": (0.06, "usual"),
}
# Beyond this many deviations a part grows by the logarithm alone: one strange number must not decide everything.
MOST_Z = 4.0
# Mean distance from the mean, in standard deviations, of normally distributed numbers.
_USUAL = math.sqrt(2 / math.pi)


@dataclass(frozen=True)
class Part:
    """One part of a score: its own number, its z (higher is better), and its weight."""

    raw: float
    z: float
    weight: float


@dataclass(frozen=True)
class Norm:
    """One class's good pictures: mean and spread of each part and of the weighted sum, and the score to reject below."""

    parts: Mapping[str, tuple[float, float]]
    sum: tuple[float, float]
    threshold: float

    def judged(self, raw: Mapping[str, float]) -> tuple[float, dict[str, Part]]:
        """The combined score, and every part."""
        parts = {
            name: Part(raw[name], z_of(raw[name], *self.parts[name], side), weight)
            for name, (weight, side) in PARTS.items()
        }
        total = sum(part.weight * part.z for part in parts.values())
        return (total - self.sum[0]) / self.sum[1], parts


def z_of(raw: float, mean: float, spread: float, side: str) -> float:
    """How many standard deviations better than the mean; "usual": how much nearer to it than most are.

    Beyond `MOST_Z` it is compressed, but what is worse stays worse.
    """
    z = (raw - mean) / spread
    if side == "usual":
        z = _USUAL - abs(z)
    elif side == "low":
        z = -z
    beyond = abs(z) - MOST_Z
    return z if beyond <= 0 else math.copysign(MOST_Z + math.log1p(beyond), z)


@lru_cache(maxsize=4)
def statistics(path: Path = FOLDER / STATISTICS) -> Mapping[str, Any]:
    """The statistics as they stand in their file. Raises NoVerdictError where it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too large")
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found["classes"], dict):
            raise TypeError("classes")
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "pip install --force-reinstall imajin"
        raise NoVerdictError(f"aesthetic: its statistics cannot be read ({path.name})", hint=hint) from error
    return dict(found)


def norm(asset_class: str, scorer: str, revision: str, path: Path = FOLDER / STATISTICS) -> Norm:
    """The norm of a class for a scorer's revision.

    Raises NoVerdictError for statistics of another scorer or revision, of no such class, or that hold no numbers.
    """
    found = statistics(path)
    made_for = f"{found.get('scorer')} {found.get('revision')}"
    if made_for != f"{scorer} {revision}":
        raise NoVerdictError(
            f"aesthetic: its statistics were made for {made_for}, and the scorer is {scorer} {revision}",
            hint="pip install --force-reinstall imajin",
        )
    entry = found["classes"].get(asset_class)
    if entry is None:
        raise NoVerdictError(f"aesthetic: there are no statistics for the class {asset_class}")
    try:
        made = Norm(
            {name: _pair(entry["parts"][name]) for name in PARTS}, _pair(entry["sum"]), float(entry["threshold"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoVerdictError(f"aesthetic: the statistics of the class {asset_class} are damaged") from error
    if not math.isfinite(made.threshold):
        raise NoVerdictError(f"aesthetic: the threshold of the class {asset_class} is no number")
    return made


def _pair(values: Any) -> tuple[float, float]:
    mean, spread = float(values[0]), float(values[1])
    if not (math.isfinite(mean) and math.isfinite(spread) and spread > 0):
        raise ValueError("no numbers")
    return mean, spread
