"""Contrast of letters with what is behind them, and the ink that reaches it.

Relative luminance and contrast ratio as WCAG 2.2 defines them; what counts is the ratio that 95 % of the pixels reach.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float64]
Rgb = tuple[int, int, int]

NORMAL, LARGE = 4.5, 3.0
_LARGE_PX, _LARGE_BOLD_PX, _BOLD = 24.0, 18.66, 700
_PERCENTILE = 5
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


def luminance(rgb: Pixels) -> Pixels:
    """Relative luminance, 0 to 1, of sRGB pixels (…, 3) from 0 to 255."""
    unit = rgb / 255.0
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    weighted: Pixels = linear @ np.array([0.2126, 0.7152, 0.0722])
    return weighted


def behind(picture: Image.Image, coverage: Image.Image, paper: Rgb) -> Pixels:
    """The pixels (n, 3) of ``picture`` that letters cover, laid on ``paper`` where it is transparent.

    ``coverage`` is mode L and of the picture's size.
    """
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float64)
    mask = np.asarray(coverage)
    chosen = mask >= min(_COVERED, max(1, int(mask.max())))
    alpha = rgba[chosen][:, 3:] / 255.0
    flat: Pixels = rgba[chosen][:, :3] * alpha + np.array(paper, dtype=np.float64) * (1.0 - alpha)
    return flat


def ratio(ink: Rgb, ground: Pixels) -> float:
    """Contrast ratio, 1 to 21, that 95 % of the pixels (n, 3) reach with ``ink``; 21 where there are none."""
    if not len(ground):
        return 21.0
    own = float(luminance(np.array([ink], dtype=np.float64))[0])
    other = luminance(ground)
    high, low = np.maximum(own, other), np.minimum(own, other)
    return float(np.percentile((high + 0.05) / (low + 0.05), _PERCENTILE))


@dataclass(frozen=True)
class Inks:
    """The colour of each block, the ratios they reach, and the plate under them (colour, opacity) if any."""

    colours: Sequence[str]
    ratios: Sequence[float]
    plate: tuple[str, float] | None = None


def choose(grounds: Sequence[Pixels], needs: Sequence[float], palette: Sequence[str]) -> Inks | None:
    """One ink for all blocks: the first of ``palette`` that has 4.5 on every ground, else the first that passes.

    Blocks after the first are muted as far as they can be. None where no ink passes.
    """
    for strict in (True, False):
        for colour in palette:
            ink = parse(colour)
            wanted = [max(NORMAL, need) if strict else need for need in needs]
            if all(ratio(ink, ground) >= need for ground, need in zip(grounds, wanted, strict=True)):
                inks = [ink, *(_muted(ink, ground) for ground in grounds[1:])]
                reached = [round(ratio(i, g), 2) for i, g in zip(inks, grounds, strict=True)]
                return Inks([hexed(i) for i in inks], reached)
    return None


def choose_on_plate(
    grounds: Sequence[Pixels], needs: Sequence[float], palette: Sequence[str], plate: str
) -> Inks | None:
    """As ``choose``, over a plate of colour ``plate`` as transparent as it can be. None where even a solid one fails."""
    cover = np.array(parse(plate), dtype=np.float64)
    for opacity in _PLATE_OPACITY:
        veiled = [ground * (1.0 - opacity) + cover * opacity for ground in grounds]
        inks = choose(veiled, needs, palette)
        if inks is not None:
            return Inks(inks.colours, inks.ratios, (plate, opacity))
    return None


def best(grounds: Sequence[Pixels], palette: Sequence[str]) -> float:
    """The highest ratio that any ink of ``palette`` has with all grounds, for the reason of a rejection."""
    return max(min(ratio(parse(c), ground) for ground in grounds) for c in palette)


def _muted(ink: Rgb, ground: Pixels) -> Rgb:
    if not len(ground):
        return ink
    middle = np.median(ground, axis=0)
    for part in _MUTED:
        mixed = np.array(ink) * (1 - part) + middle * part
        candidate = (round(float(mixed[0])), round(float(mixed[1])), round(float(mixed[2])))
        if ratio(candidate, ground) >= _MUTED_KEEPS:
            return candidate
    return ink


def edge_colour(picture: Image.Image) -> str | None:
    """The colour of a picture's bottom row where it is opaque all along (its median), else None."""
    row: Any = np.asarray(picture.convert("RGBA"))[-1]
    if row[:, 3].min() < 250:
        return None
    return hexed(np.median(row[:, :3].astype(np.float64), axis=0))
