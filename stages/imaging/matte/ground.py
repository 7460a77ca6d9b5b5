"""The flat ground that a picture stands on: its colour, how noisy it is, and which pixels belong to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

# Width of the border that is looked at, in pixels, and the grid that its colours are counted on, in bits a channel.
_FRAME, _BITS = 2, 5
_NEAR = 12.0
_NOISE_TO_TOLERANCE, _MOST_TOLERANCE = 4.0, 24.0


@dataclass(frozen=True)
class Ground:
    """``colour`` (3,) in 0..255; ``tolerance``: how far, in levels, a channel of it may be off; ``share`` of the border

    that shows it, 0..1.
    """

    colour: Floats
    tolerance: float
    share: float

    def like(self, pixels: Bytes) -> Bools:
        """Which of ``pixels`` (height, width, 3) are of the ground's colour."""
        off = np.abs(pixels.astype(np.float32) - self.colour).max(axis=2)
        return np.asarray(off <= self.tolerance)


def find_ground(pixels: Bytes) -> Ground:
    """The ground of RGB ``pixels`` (height, width, 3): the commonest colour of the border, and its spread there."""
    edge = min(_FRAME, (min(pixels.shape[:2]) + 1) // 2)
    parts = (pixels[:edge], pixels[-edge:], pixels[edge:-edge, :edge], pixels[edge:-edge, -edge:])
    border = np.concatenate([part.reshape(-1, 3) for part in parts]).astype(np.float32)
    cells = (border.astype(np.uint8) >> (8 - _BITS)).astype(np.int64) @ np.array([1 << 2 * _BITS, 1 << _BITS, 1])
    values, counts = np.unique(cells, return_counts=True)
    colour = np.median(border[cells == values[counts.argmax()]], axis=0)
    near = border[np.abs(border - colour).max(axis=1) <= _NEAR]
    colour = np.median(near, axis=0).astype(np.float32)
    # Median absolute deviation as a standard deviation of normal noise; exact flat colour has none.
    noise = 1.4826 * float(np.median(np.abs(near - colour).max(axis=1)))
    tolerance = min(_MOST_TOLERANCE, max(1.0, _NOISE_TO_TOLERANCE * noise))
    share = float((np.abs(border - colour).max(axis=1) <= tolerance).mean())
    return Ground(colour, tolerance, share)


def outside(like: Bools) -> Bools:
    """The part of ``like`` that the border is connected to, from side to side (4-connected), never across a corner.

    Whole runs of a row, then of a column, are taken in turns until nothing is added.
    """
    found = np.zeros_like(like)
    found[0], found[-1], found[:, 0], found[:, -1] = like[0], like[-1], like[:, 0], like[:, -1]
    rows, columns = _runs(like), _runs(like.T)
    before = -1
    while (count := int(found.sum())) != before:
        before = count
        found = _spread(found, rows)
        found = _spread(np.ascontiguousarray(found.T), columns).T
    return np.ascontiguousarray(found)


def _runs(like: Bools) -> npt.NDArray[np.int64]:
    """A number for each pixel: that of its run in its row, 0 where it is not ``like``."""
    starts = like.copy()
    starts[:, 1:] &= ~like[:, :-1]
    return np.where(like, np.cumsum(starts.ravel()).reshape(like.shape), 0)


def _spread(found: Bools, runs: npt.NDArray[np.int64]) -> Bools:
    hit = np.zeros(int(runs.max()) + 1, np.bool_)
    hit[runs[found]] = True
    hit[0] = False
    return hit[runs]


def grown(mask: Bools) -> Bools:
    """``mask`` and its eight neighbours."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    tall = wide.copy()
    tall[1:] |= wide[:-1]
    tall[:-1] |= wide[1:]
    return tall
