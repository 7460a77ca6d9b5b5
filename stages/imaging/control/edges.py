"""Soft edges, scribbles and lines of a picture, white on black: classical stand-ins for the networks that draw such maps.

Soft edges are gradients of Gaussian-smoothed colour at several scales (Canny 1986; Lindeberg 1998), each thinned to its
ridges, so that a contour stands once however soft it is; strong contours of coarse scales count most, as in holistically
nested edges (Xie and Tu 2015), which this is no match for in clutter. Lines are a difference of Gaussians (Winnemöller,
Kyprianidis and Olsen 2012), which keeps to the dark side of an edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Deviations in pixels of the smoothing, at a longer side of 512, and how much each scale's ridges count.
SCALES = ((1.0, 0.55), (2.0, 0.8), (4.0, 1.0))
_DESIGNED_FOR = 512
# Answers below these are texture or noise: of soft edges and of lines.
_FLOOR, _FAINT = 0.1, 0.12
# Soft edges and lines of a picture without much contrast are made stronger, up to so many times.
_SOFT_GAIN, _LINE_GAIN = 2.0, 3.0
# Difference of Gaussians: the second deviation's ratio, as the human eye's; its answer that is a full line.
_RATIO, _FULL = 1.6, 0.06
# A contour goes on below the high mark as long as it stays above the low one (hysteresis), of the strongest ridge.
_HIGH, _LOW = 0.28, 0.12


def blur(plane: Floats, deviation: float) -> Floats:
    """``plane`` (height, width) or (height, width, channels) smoothed by a Gaussian; edges repeat their last pixels."""
    reach = max(1, round(3 * deviation))
    at = np.arange(-reach, reach + 1, dtype=np.float32)
    kernel = np.exp(-(at**2) / np.float32(2 * deviation**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        width = [(reach, reach) if dim == axis else (0, 0) for dim in range(plane.ndim)]
        padded = np.pad(plane, width, mode="edge")
        length = plane.shape[axis]
        out = np.zeros_like(plane)
        for i, weight in enumerate(kernel):
            out += weight * padded[(slice(None),) * axis + (slice(i, i + length),)]
        plane = out
    return plane


def opponent(pixels: Bytes) -> Floats:
    """RGB ``pixels`` (height, width, 3) as lightness and two opponent colours, about 0..1 and -0.5..0.5."""
    red, green, blue = (pixels[..., i].astype(np.float32) / 255 for i in range(3))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([light, (red - green) / 2, (red + green) / 4 - blue / 2], axis=-1)


def slopes(plane: Floats) -> tuple[Floats, Floats]:
    """How ``plane`` rises downwards and to the right at every pixel, by its neighbours; beyond the border it goes on level."""
    padded = np.pad(plane, [(1, 1), (1, 1), *[(0, 0)] * (plane.ndim - 2)], mode="edge")
    half = np.float32(0.5)
    return half * (padded[2:, 1:-1] - padded[:-2, 1:-1]), half * (padded[1:-1, 2:] - padded[1:-1, :-2])


def gradient(plane: Floats) -> tuple[Floats, Floats, Floats]:
    """Strength, and the direction as (x, y) of unit length, of the steepest channel at every pixel (height, width)."""
    down, across = slopes(plane)
    strength = np.hypot(across, down)
    best = strength.argmax(axis=-1)[..., None]
    most, x, y = (np.take_along_axis(item, best, -1)[..., 0] for item in (strength, across, down))
    length = np.maximum(most, 1e-12)
    return most, x / length, y / length


def ridges(strength: Floats, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Where ``strength`` is no less than its neighbours on either side along the direction (``x``, ``y``)."""
    padded = np.pad(strength, 1, mode="edge")
    rows, columns = np.indices(strength.shape)
    step_x, step_y = np.rint(x).astype(int), np.rint(y).astype(int)
    before = padded[rows + 1 - step_y, columns + 1 - step_x]
    after = padded[rows + 1 + step_y, columns + 1 + step_x]
    # Of a plateau two pixels wide one side alone is the ridge.
    return (strength >= before) & (strength > after)


def _scale(shape: tuple[int, ...]) -> float:
    return max(1.0, max(shape[:2]) / _DESIGNED_FOR)


def _contours(planes: Floats, deviation: float) -> Floats:
    """The strength of the gradient at ``deviation``, 0..1, on its ridges alone."""
    strength, x, y = gradient(blur(planes, deviation))
    kept = np.where(ridges(strength, x, y), strength * deviation, 0)
    # A full step of lightness from black to white, smoothed, rises by 1 / sqrt(2 pi) of it each deviation.
    return np.clip(kept * np.float32(np.sqrt(2 * np.pi)), 0, 1).astype(np.float32)


def soft_edges(pixels: Bytes) -> Bytes:
    """Soft edges (height, width) of RGB ``pixels``, 0..255: brighter where the contour is stronger and shows at more scales."""
    planes, scale = opponent(pixels), _scale(pixels.shape)
    total = np.zeros(pixels.shape[:2], np.float32)
    for deviation, weight in SCALES:
        thin = np.sqrt(_contours(planes, deviation * scale))
        spread = 0.6 * deviation * scale
        # Blurring a line one pixel wide leaves 1 / (sqrt(2 pi) deviation) of it: brought back to its height.
        soft = blur(thin, spread) * np.float32(np.sqrt(2 * np.pi) * max(spread, 0.4))
        total = np.maximum(total, weight * np.clip(soft, 0, 1))
    return _stronger(total, _SOFT_GAIN, _FLOOR)


def levels(plane: Floats) -> Bytes:
    """``plane``, 0..1, as 0..255."""
    found: Bytes = np.round(255 * np.clip(plane, 0, 1)).astype(np.uint8)
    return found


def strokes(pixels: Bytes) -> NDArray[np.bool_]:
    """The main contours of RGB ``pixels`` as thin lines: strong ridges, and weaker ones that they go on in."""
    thin = np.sqrt(_contours(opponent(pixels), 2.5 * _scale(pixels.shape)))
    most = float(thin.max())
    if most < _FAINT:
        return np.zeros(thin.shape, bool)
    return grown(thin >= _HIGH * most, thin >= _LOW * most)


def grown(seeds: NDArray[np.bool_], within: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``seeds`` spread over all of ``within`` that touches them, also at corners."""
    found = seeds & within
    count = -1
    while count != (count := int(found.sum())):
        for _ in range(16):
            found = dilated(found) & within
    return found


def dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``mask`` and all pixels that touch it, also at corners."""
    for axis in (0, 1):
        padded = np.pad(mask, [(1, 1) if dim == axis else (0, 0) for dim in range(2)])
        length = mask.shape[axis]
        views = [padded[(slice(None),) * axis + (slice(i, i + length),)] for i in range(3)]
        mask = views[0] | views[1] | views[2]
    return mask


def scribble(pixels: Bytes) -> Bytes:
    """Thick lines (height, width), 0 or 255, of the main contours of RGB ``pixels``, about a 130th of the longer side wide."""
    lines = strokes(pixels).astype(np.float32)
    wide = max(1.0, max(pixels.shape[:2]) / 400)
    # A thin line, blurred, stays above a tenth of its height for a little more than twice the deviation on either side.
    soft = blur(lines, wide) * np.float32(np.sqrt(2 * np.pi) * wide)
    return np.where(soft > 0.42, 255, 0).astype(np.uint8)


def line_art(pixels: Bytes) -> Bytes:
    """Lines (height, width), 0..255, white on black: dark lines and the dark side of edges, and where colours meet."""
    planes, scale = opponent(pixels), _scale(pixels.shape)
    fine, coarse = blur(planes[..., :1], 0.9 * scale), blur(planes[..., :1], 0.9 * _RATIO * scale)
    dark = np.clip((coarse - fine)[..., 0] / _FULL, 0, 1)
    colours = planes.copy()
    colours[..., 0] = 0
    met = blur(np.sqrt(_contours(colours, 1.2 * scale)), 0.5 * scale) * np.float32(np.sqrt(2 * np.pi) * 0.5 * scale)
    drawn = np.maximum(dark, np.clip(met * 1.3, 0, 1))
    return _stronger(drawn, _LINE_GAIN, _FAINT)


def _stronger(drawn: Floats, most: float, faint: float) -> Bytes:
    """``drawn``, 0..1, so much stronger that its strongest lines are full, ``most`` times at most, without what is ``faint``."""
    gain = min(most, max(1.0, 1 / max(float(np.percentile(drawn, 99.5)), 1e-6)))
    # What is made stronger is noise, too.
    level = faint * gain**0.5
    return levels((gain * drawn - level) / (1 - level))
