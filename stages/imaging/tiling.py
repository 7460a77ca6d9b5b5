"""A mark laid over a picture again and again: found by its period, and told from the picture by what all repeats share.

Fine detail (luma less its surroundings) repeats by itself where an overlay does: its autocorrelation then has sharp peaks on
a lattice. The median of the detail over the shifts of that lattice keeps the overlay and drops the picture beneath, as
Dekel et al. ("On the Effectiveness of Visible Watermarks", CVPR 2017) take the median over many pictures with one mark.
What a picture repeats by itself (bricks, windows, a pattern that was asked for) is told apart by what an overlay is: it lies
over the whole picture, is made of separate strokes, is thin beside its period, and has hardly any colour of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from imajin_cli.stages.imaging.matte.refine import box

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

LARGEST_SIDE = 1024
"""Longest side in pixels at which periods are looked for."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_AROUND = 9
"""Radius of the surroundings in pixels: strokes of marks are thinner."""
_CLIP = 16.0
"""Detail is cut off here, in levels, so that a picture's own hard edges do not outweigh a faint overlay."""
# Least correlation of a lattice's peaks, and how many deviations of the chart around it a peak must stand out by.
_PEAK, _STANDS_OUT = 0.06, 4.0
_LEAST_PERIOD = 28
_REPEATS = 16
# A stroke's strength over the pattern's noise, where it is certain and where it only goes on; and how many pixels it goes on.
_CERTAIN, _LIKELY, _REACH = 4.0, 2.0, 8
_TOP = 0.99
# What an overlay is: share of the picture that its strokes cover; of blocks that hold it; of colour to luma; levels.
_LEAST_SHARE, _MOST_SHARE = 0.004, 0.4
_BLOCKS, _COVERED, _AGREES = 4, 0.6, 0.12
_MOST_COLOUR = 0.6
_LEAST_LEVELS = 1.6


class Tiled(NamedTuple):
    """An overlay: ``mask`` of its strokes (height, width), its two periods (x, y) in pixels, and how sure it is (its peaks)."""

    mask: Bools
    periods: tuple[tuple[int, int], tuple[int, int]]
    peak: float


def tiled(pixels: npt.NDArray[np.uint8]) -> Tiled | None:
    """The overlay that repeats over RGB ``pixels`` (height, width, 3), None where there is none."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    small = pixels
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    if min(small.shape[:2]) < 4 * _LEAST_PERIOD:
        return None
    levels = small.astype(np.float32)
    detail = _detail(levels @ _LUMA)
    found = _lattice(_autocorrelation(detail))
    if found is None:
        return None
    first, second, peak = found
    shifts = _shifts(first, second, detail.shape)
    pattern = _median(detail, shifts)
    mask = _strokes(pattern)
    if mask is None or not _is_overlay(mask, pattern, levels, detail, shifts):
        return None
    if scale < 1:
        image = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
        mask = np.asarray(image) > 64
    periods = [(round(x / scale), round(y / scale)) for y, x in (first, second)]
    return Tiled(mask, (periods[0], periods[1]), round(peak, 4))


def _detail(plane: Floats) -> Floats:
    """``plane`` less its surroundings, cut off, evened out so that no part of the picture speaks louder than another."""
    fine = np.clip(plane - box(plane, _AROUND), -_CLIP, _CLIP)
    found: Floats = (fine / (np.sqrt(box(fine * fine, 3 * _AROUND)) + 1.0)).astype(np.float32)
    return found


def _autocorrelation(detail: Floats) -> Floats:
    """Correlation of ``detail`` with itself at shifts of up to half its size: (2 · half + 1) rows and columns, 1 at the middle.

    Each shift's sum is divided by how many pixels overlap, so that far repeats count as much as near ones.
    """
    height, width = detail.shape
    shape = (2 * height, 2 * width)
    power = np.abs(np.fft.rfft2(detail - detail.mean(), shape)) ** 2
    sums = np.fft.irfft2(power, shape)
    high, wide = height // 2, width // 2
    rows, columns = np.arange(-high, high + 1), np.arange(-wide, wide + 1)
    overlap = (height - np.abs(rows))[:, None] * (width - np.abs(columns))[None]
    chart = sums[rows[:, None], columns[None]] / overlap
    found: Floats = (chart / max(float(chart[high, wide]), 1e-9)).astype(np.float32)
    return found


def _lattice(chart: Floats) -> tuple[tuple[int, int], tuple[int, int], float] | None:
    """Two shifts (rows, columns) that, with their sum or difference, are all peaks of the ``chart``, and the least of these."""
    peaks = _peaks(chart)
    found: list[tuple[float, float, tuple[int, int], tuple[int, int]]] = []
    for at, first in enumerate(peaks):
        for second in peaks[at + 1 :]:
            area = abs(first[0] * second[1] - first[1] * second[0])
            # Not one behind the other.
            if area < 0.25 * np.hypot(*first) * np.hypot(*second):
                continue
            ends = [(first[0] + sign * second[0], first[1] + sign * second[1]) for sign in (1, -1)]
            third = max(_near(chart, *end) for end in ends)
            values = [_near(chart, *first), _near(chart, *second)]
            if third >= 0.6 * min(values):
                found.append((min(*values, third), area, first, second))
    if not found:
        return None
    # Letters that are alike make weaker peaks at shorter shifts; of those as strong as the strongest, the finest lattice.
    best = max(peak for peak, *_ in found)
    peak, _, first, second = min((one for one in found if one[0] >= 0.8 * best), key=lambda one: one[1])
    return first, second, peak


def _peaks(chart: Floats) -> list[tuple[int, int]]:
    """Shifts that stand out of the chart around them, nearest first; one of each pair of opposites."""
    high, wide = chart.shape[0] // 2, chart.shape[1] // 2
    mean = box(chart, 12)
    spread = np.sqrt(np.maximum(box(chart * chart, 12) - mean * mean, 1e-10))
    # The noise of a flat chart is not nothing, whatever its surroundings say.
    stands = (chart - mean) / np.maximum(spread, 0.004)
    top = np.ones_like(chart, bool)
    padded = np.pad(chart, 3, constant_values=-1)
    for dy in range(7):
        for dx in range(7):
            top &= chart >= padded[dy : dy + chart.shape[0], dx : dx + chart.shape[1]]
    y, x = np.nonzero(top & (chart >= _PEAK) & (stands >= _STANDS_OUT))
    y, x = y - high, x - wide
    kept = (np.hypot(y, x) >= _LEAST_PERIOD) & ((y > 0) | ((y == 0) & (x > 0)))
    order = np.argsort(np.hypot(y, x)[kept], kind="stable")[:32]
    return [(int(a), int(b)) for a, b in zip(y[kept][order], x[kept][order], strict=True)]


def _near(chart: Floats, y: int, x: int) -> float:
    """The chart's largest value within three pixels of a shift, -1 outside of it."""
    row, column = y + chart.shape[0] // 2, x + chart.shape[1] // 2
    if not (3 <= row < chart.shape[0] - 3 and 3 <= column < chart.shape[1] - 3):
        return -1.0
    return float(chart[row - 3 : row + 4, column - 3 : column + 4].max())


def _shifts(first: tuple[int, int], second: tuple[int, int], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The lattice's nearest shifts, itself left out, that leave at least a third of the picture over itself."""
    found = [
        (k * first[0] + m * second[0], k * first[1] + m * second[1])
        for k in range(-3, 4)
        for m in range(-3, 4)
        if (k, m) != (0, 0)
    ]
    inside = [s for s in found if (1 - abs(s[0]) / shape[0]) * (1 - abs(s[1]) / shape[1]) > 1 / 3]
    return sorted(inside, key=lambda s: (np.hypot(*s), s))[:_REPEATS]


def _shifted(plane: Floats, shift: tuple[int, int]) -> Floats:
    """``plane`` as it is ``shift`` away, not a number beyond its border."""
    moved = np.full_like(plane, np.nan)
    (y, x), (height, width) = shift, plane.shape
    moved[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)] = plane[
        max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)
    ]
    return moved


def _median(plane: Floats, shifts: list[tuple[int, int]]) -> Floats:
    """Each pixel's median over what lies at ``shifts`` from it; the pixel itself has no say. 0 where nothing does."""
    stack = np.sort(np.stack([_shifted(plane, shift) for shift in shifts]), axis=0)
    count = np.isfinite(stack).sum(0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, np.maximum(count - 1, 0))
    middle = (np.take_along_axis(stack, low[None], 0) + np.take_along_axis(stack, high[None], 0))[0] / 2
    found: Floats = np.nan_to_num(middle).astype(np.float32)
    return found


def _strokes(pattern: Floats) -> Bools | None:
    """Where the pattern stands out of its own noise, None where that is nowhere or nearly everywhere."""
    noise = 1.4826 * float(np.median(np.abs(pattern - np.median(pattern))))
    # Strokes are all lighter or all darker than their ground; what is left of their surroundings is the other way about.
    low, high = np.quantile(pattern, [1 - _TOP, _TOP])
    strength = pattern if high >= -low else -pattern
    top = float(max(high, -low))
    # What is certain, and what hangs together with it (hysteresis, as in Canny's edges).
    mask = strength > max(_CERTAIN * noise, 0.3 * top, 0.12)
    likely = strength > max(_LIKELY * noise, 0.15 * top, 0.08)
    for _ in range(_REACH):
        mask = (box(mask.astype(np.float32), 1) > 0) & likely
    share = float(mask.mean())
    if not _LEAST_SHARE <= share <= _MOST_SHARE:
        return None
    grown: Bools = box(mask.astype(np.float32), 1) > 0.3
    return grown


def _is_overlay(mask: Bools, pattern: Floats, levels: Floats, detail: Floats, shifts: list[tuple[int, int]]) -> bool:
    """Whether the pattern lies over the whole picture, and has hardly any colour of its own."""
    height, width = mask.shape
    agree = []
    for rows in np.array_split(np.arange(height), _BLOCKS):
        for columns in np.array_split(np.arange(width), _BLOCKS):
            part = np.ix_(rows, columns)
            one, other = detail[part].ravel(), pattern[part].ravel()
            spread = float(one.std() * other.std())
            agree.append(
                spread > 1e-6 and float(((one - one.mean()) * (other - other.mean())).mean()) / spread > _AGREES
            )
    if np.mean(agree) < _COVERED:
        return False
    luma = levels @ _LUMA
    own = [_median((plane - box(plane, _AROUND)).astype(np.float32), shifts[:8]) for plane in
           (luma, levels[..., 0] - luma, levels[..., 2] - luma)]  # fmt: skip
    seen, red, blue = (float(np.abs(one[mask]).mean()) for one in own)
    return seen >= _LEAST_LEVELS and max(red, blue) <= _MOST_COLOUR * seen
