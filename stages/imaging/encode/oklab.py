"""How different two 8-bit colours look, with their transparency taken into account."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# A step that is just noticeable (CSS Color Module Level 4, section 13.2, deltaEOK).
JUST_NOTICEABLE = 0.02

# Linear sRGB to cone responses, and their cube roots to Lab (Björn Ottosson, "A perceptual color space for image
# processing", 2020).
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)


@cache
def linear_table() -> Floats:
    """Linear light 0..1 of each 8-bit sRGB level, shape (256,) (IEC 61966-2-1)."""
    level = np.arange(256, dtype=np.float64) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


def oklab(rgb: NDArray[Any]) -> Floats:
    """OKLab of sRGB colours, shape (n, 3), levels 0..255 (fractions allowed) → shape (n, 3)."""
    level = rgb.astype(np.float32) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)
    lab: Floats = np.cbrt(linear @ _CONES.T) @ _LAB.T
    return lab


class Looks:
    """What n RGBA colours look like: each over black and over white, as browsers blend them.

    ``rgba`` has shape (n, 4), levels 0..255, straight alpha.
    """

    def __init__(self, rgba: NDArray[np.uint8]) -> None:
        alpha = rgba[:, 3:].astype(np.float32) / 255
        over_black = rgba[:, :3] * alpha
        self.black = oklab(over_black)
        self.white = self.black if bool((rgba[:, 3] == 255).all()) else oklab(over_black + 255 * (1 - alpha))
        # Nothing may turn opaque or transparent that was not, however little it shows.
        self.kind = (rgba[:, 3] > 0).astype(np.int8) + (rgba[:, 3] == 255)

    def distance(self, to: int) -> Floats:
        """OKLab distance of every colour to the colour at index ``to`` over the worse ground, (n,); 9 across kinds."""
        black = _norm(self.black - self.black[to])
        worst = black if self.white is self.black else np.maximum(black, _norm(self.white - self.white[to]))
        found: Floats = np.where(self.kind == self.kind[to], worst, np.float32(9))
        return found

    def distances(self, to: Looks) -> Floats:
        """OKLab distances of every colour to every colour of ``to`` over the worse ground, (n, m); 9 across kinds."""
        worst = _apart(self.black, to.black)
        if self.white is not self.black or to.white is not to.black:
            worst = np.maximum(worst, _apart(self.white, to.white))
        found: Floats = np.where(self.kind[:, None] == to.kind, worst, np.float32(9))
        return found


def _apart(one: Floats, other: Floats) -> Floats:
    """Distances of the rows of ``one`` (n, 3) from those of ``other`` (m, 3), (n, m)."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    found: Floats = np.sqrt(np.maximum(squares, 0))
    return found


def _norm(difference: Floats) -> Floats:
    found: Floats = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return found
