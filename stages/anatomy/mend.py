"""Bad parts painted anew one after another; a change is kept only where the part's score rose and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.anatomy.find import Part, same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

Paint = Callable[["Bytes", "NDArray[np.bool_]", Part, int], "Bytes"]
"""Pixels, mask, part and number of the try → pixels."""
Find = Callable[["Bytes"], Sequence[Part]]


@dataclass(frozen=True)
class Fate:
    """What became of a bad part: its score afterwards, None where it was not kept, and why not."""

    part: Part
    after: float | None = None
    tries: int = 0
    why: str | None = None

    def is_good(self, least: float) -> bool:
        """Whether it is no longer bad."""
        return self.after is not None and self.after >= least


def mended(
    pixels: Bytes, bad: Sequence[Part], paint: Paint, find: Find, *, feather: float, gain: float, tries: int
) -> tuple[Bytes, list[Fate]]:
    """``pixels`` with the ``bad`` parts painted anew as far as that made them better, and each part's fate.

    ``feather`` is the soft edge in parts of the part's longer side, ``gain`` what a score must rise by at least. Raises
    BackendError where something outside the mask changed.
    """
    fates = []
    for part in bad:
        pixels, fate = _one(pixels, part, paint, find, feather, gain, tries)
        fates.append(fate)
    return pixels, fates


def _one(
    pixels: Bytes, part: Part, paint: Paint, find: Find, feather: float, gain: float, tries: int
) -> tuple[Bytes, Fate]:
    from imajin_cli.stages.imaging.patch import blended, feathered, same_outside

    mask = part.mask(pixels.shape)
    if not mask.any():
        return pixels, Fate(part, why="it lies outside the picture")
    side = max(part.box[2] - part.box[0], part.box[3] - part.box[1])
    weights = feathered(mask, round(feather * side))
    best, seen = part.score, 0.0
    kept = None
    for number in range(tries):
        done = blended(pixels, paint(pixels, weights > 0, part, number), weights)
        if not same_outside(pixels, done, weights):
            raise BackendError("pixels outside the mask changed")
        again = same(part, find(done))
        after = 0.0 if again is None else again.score
        seen = max(seen, after)
        if after >= part.score + gain and after > best:
            kept, best = done, after
    if kept is None:
        how = (
            "it was not found again"
            if seen == 0.0
            else f"its score did not rise enough ({part.score:.2f} to {seen:.2f})"
        )
        return pixels, Fate(part, tries=tries, why=how)
    return kept, Fate(part, best, tries)
