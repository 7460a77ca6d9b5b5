"""Contrast of letters with what is behind them, and the ink that reaches it.

Relative luminance and contrast ratio as WCAG 2.2 defines them; what counts is the ratio that 95 % of the pixels reach.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

Rgb = tuple[int, int, int]

NORMAL, LARGE = 4.5, 3.0
_LARGE_PX, _LARGE_BOLD_PX, _BOLD = 24.0, 18.66, 700
_TOLERATED = 0.05  # the part of the pixels that may be worse
_COVERED = 40  # of 255: pixels of which the letters cover less are fringe
# How far a caption's ink steps back towards the ground, the furthest first, and what it must keep.
_MUTED = (0.36, 0.28, 0.2, 0.12)
_MUTED_KEEPS = 5.2
_PLATE_OPACITY = (0.82, 0.9, 0.96, 1.0)


def needed(size: float, weight: float) -> float:
    """The ratio that text of ``size`` px and ``weight`` must have (WCAG 1.4.3): large text 3, other text 4.5."""
    large = size >= _LARGE_PX or (size >= _LARGE_BOLD_PX and weight >= _BOLD)
    return LARGE if large else NORMAL


def parse(colour: str) -> Rgb:
    """A "#rgb" or "#rrggbb" colour as 8-bit channels. Raises ValueError for anything else."""
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", colour):
        raise ValueError(f"not a colour: {colour}")
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def hexed(rgb: Sequence[float]) -> str:
    """Channels from 0 to 255 as "#rrggbb"."""
    return "#" + "".join(f"{min(255, max(0, round(float(v)))):02x}" for v in rgb)


def _linear(value: int) -> float:
    unit = value / 255
    return unit / 12.92 if unit <= 0.04045 else float(((unit + 0.055) / 1.055) ** 2.4)


_LINEAR = tuple(_linear(v) for v in range(256))


def luminance(rgb: Rgb) -> float:
    """Relative luminance, 0 to 1, of an 8-bit sRGB colour."""
    return 0.2126 * _LINEAR[rgb[0]] + 0.7152 * _LINEAR[rgb[1]] + 0.0722 * _LINEAR[rgb[2]]


@dataclass(frozen=True)
class Ground:
    """The colours behind letters, each with the number of pixels that have it."""

    colours: Sequence[tuple[int, Rgb]]

    @cached_property
    def _lights(self) -> list[tuple[int, float]]:
        return [(count, luminance(rgb)) for count, rgb in self.colours]

    def ratio(self, ink: Rgb) -> float:
        """Contrast ratio, 1 to 21, that 95 % of the pixels reach with ``ink``; 21 where there are none."""
        own = luminance(ink)
        ratios = sorted(((max(own, y) + 0.05) / (min(own, y) + 0.05), count) for count, y in self._lights)
        left = sum(count for _, count in ratios) * _TOLERATED
        for ratio, count in ratios:
            left -= count
            if left < 0:
                return ratio
        return 21.0

    def veiled(self, cover: Rgb, opacity: float) -> Ground:
        """The same pixels under a plate."""
        return Ground([(count, mixed(rgb, cover, opacity)) for count, rgb in self.colours])

    @property
    def usual(self) -> Rgb:
        """The commonest colour; white where there are no pixels."""
        return max(self.colours, default=(0, (255, 255, 255)))[1]


def mixed(one: Rgb, other: Rgb, part: float) -> Rgb:
    """``one`` with ``part`` (0 to 1) of ``other`` in it."""
    r, g, b = (round(x * (1 - part) + y * part) for x, y in zip(one, other, strict=True))
    return r, g, b


def behind(picture: Image.Image, coverage: Image.Image, paper: Rgb) -> Ground:
    """What of ``picture`` (RGBA) letters cover, laid on ``paper`` where it is transparent.

    ``coverage`` is mode L and of the picture's size.
    """
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, (*paper, 255)), picture)
    present = [value for _, value in _counted(coverage)]
    least = min(_COVERED, max(1, max(value[0] for value in present)))
    flat.putalpha(coverage.point([255 if v >= least else 0 for v in range(256)]))
    return Ground(sorted((count, (c[0], c[1], c[2])) for count, c in _counted(flat) if c[3]))


def _counted(image: Image.Image) -> list[tuple[int, tuple[int, ...]]]:
    """Every colour of a picture with its number of pixels."""
    found = image.getcolors(image.width * image.height) or []
    return [(count, value if isinstance(value, tuple) else (int(value),)) for count, value in found]


@dataclass(frozen=True)
class Inks:
    """The colour of each block, the ratios they reach, and the plate under them (colour, opacity) if any."""

    colours: Sequence[str]
    ratios: Sequence[float]
    plate: tuple[str, float] | None = None


def choose(grounds: Sequence[Ground], needs: Sequence[float], palette: Sequence[str]) -> Inks | None:
    """One ink for all blocks: the first of ``palette`` that has 4.5 on every ground, else the first that passes.

    Blocks after the first are muted as far as they can be. None where no ink passes.
    """
    for strict in (True, False):
        for colour in palette:
            ink = parse(colour)
            wanted = [max(NORMAL, need) if strict else need for need in needs]
            if all(ground.ratio(ink) >= need for ground, need in zip(grounds, wanted, strict=True)):
                inks = [ink, *(_muted(ink, ground) for ground in grounds[1:])]
                reached = [round(g.ratio(i), 2) for i, g in zip(inks, grounds, strict=True)]
                return Inks([hexed(i) for i in inks], reached)
    return None


def choose_on_plate(
    grounds: Sequence[Ground], needs: Sequence[float], palette: Sequence[str], plate: str
) -> Inks | None:
    """As ``choose``, over a plate of colour ``plate`` as transparent as can be. None where even a solid one fails."""
    for opacity in _PLATE_OPACITY:
        veiled = [ground.veiled(parse(plate), opacity) for ground in grounds]
        inks = choose(veiled, needs, palette)
        if inks is not None:
            return Inks(inks.colours, inks.ratios, (plate, opacity))
    return None


def best(grounds: Sequence[Ground], palette: Sequence[str]) -> float:
    """The highest ratio that any ink of ``palette`` has with all grounds, for the reason of a rejection."""
    return max(min(ground.ratio(parse(c)) for ground in grounds) for c in palette)


def _muted(ink: Rgb, ground: Ground) -> Rgb:
    for part in _MUTED:
        candidate = mixed(ink, ground.usual, part)
        if ground.ratio(candidate) >= _MUTED_KEEPS:
            return candidate
    return ink


def edge_colour(picture: Image.Image) -> str | None:
    """The colour of the bottom row of a picture (RGBA) where it is opaque all along: the commonest, else None."""
    row = picture.crop((0, picture.height - 1, picture.width, picture.height))
    colours = _counted(row)
    if min(rgba[3] for _, rgba in colours) < 250:
        return None
    return hexed(max(colours)[1][:3])
