"""Clipping: photographic tones run into pure white or pure black."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.metrics.planes import VISIBLE, Bytes, Planes

Flags = npt.NDArray[np.bool_]

# Flat art uses pure white and black on purpose: only where neighbouring tones mostly differ is there a photo to clip.
_PHOTO_FLATNESS = 0.5
_SIDES = 3
# Share of the picture that must have tones between the extremes; less is line art, whose edges alone are grey.
_LEAST_PHOTO = 0.2
_LINES = 256


def clipping(planes: Planes) -> float:
    """Share of the visible pixels, 0..1, at level 0 or 255 in every channel; 0 in flat art.

    An extreme colour that closes in at least three sides of the picture is a ground, not lost detail, and is left out.
    """
    rows = slice(None, None, max(1, planes.size[1] // _LINES))
    lowest, highest = planes.extremes
    low, high = highest[rows] == 0, lowest[rows] == 255
    seen = np.ones(low.shape, bool) if planes.alpha is None else planes.alpha[rows] >= VISIBLE
    if _flatness(planes.grey[rows], seen & ~low & ~high) > _PHOTO_FLATNESS:
        return 0.0
    counted = np.zeros_like(seen)
    for extreme in (low, high):
        lost = seen & extreme
        if _encloses(extreme):
            lost &= ~_from_the_sides(extreme)
        counted |= lost
    visible = int(np.count_nonzero(seen))
    return float(np.count_nonzero(counted)) / visible if visible else 0.0


def _flatness(grey: Bytes, inside: Flags) -> float:
    """Share of neighbours within ``inside`` that are alike; 1 where there are hardly any."""
    both = inside[:, 1:] & inside[:, :-1]
    count = int(np.count_nonzero(both))
    if count < inside.size * _LEAST_PHOTO:
        return 1.0
    return float(np.count_nonzero((grey[:, 1:] == grey[:, :-1]) & both)) / count


def _encloses(extreme: Flags) -> bool:
    sides = (extreme[0], extreme[-1], extreme[:, 0], extreme[:, -1])
    return sum(float(side.mean()) > 0.5 for side in sides) >= _SIDES


def _from_the_sides(extreme: Flags) -> Flags:
    """Pixels from which a straight line of extreme ones leads to a side of the picture."""
    reach = np.logical_and.accumulate
    down, right = reach(extreme, axis=0), reach(extreme, axis=1)
    up, left = reach(extreme[::-1], axis=0)[::-1], reach(extreme[:, ::-1], axis=1)[:, ::-1]
    result: Flags = down | right | up | left
    return result
