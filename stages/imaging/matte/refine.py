"""A network's coarse matte made sharp at the picture's own size, and colours freed of what was behind them.

Edges follow the picture by the guided filter (He, Sun and Tang, "Guided Image Filtering", IEEE TPAMI 35(6), 2013);
colours by blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021). Both are box filters alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

# Radii of the two passes of blur fusion, as published for pictures of about 1,000 pixels.
_WIDE, _NARROW = 90, 6
# What counts as decided: the matte stays as it is there.
_LOW, _HIGH = 0.02, 0.98


def box(plane: Floats, radius: int) -> Floats:
    """The mean of each (2 · radius + 1)² window of ``plane`` (height, width), cut off at the border."""
    out = plane.astype(np.float64)
    for axis in (0, 1):
        size = out.shape[axis]
        sums = np.concatenate([np.zeros_like(np.take(out, [0], axis)), np.cumsum(out, axis=axis)], axis=axis)
        ends = np.minimum(np.arange(size) + radius + 1, size)
        starts = np.maximum(np.arange(size) - radius, 0)
        shape = [1, 1]
        shape[axis] = size
        out = (np.take(sums, ends, axis) - np.take(sums, starts, axis)) / (ends - starts).reshape(shape)
    return out.astype(np.float32)


def resized(matte: Floats, size: tuple[int, int]) -> Floats:
    """``matte`` (height, width), 0..1, at ``size`` (width, height), bicubic."""
    image = Image.fromarray(np.ascontiguousarray(matte, np.float32), "F")
    scaled = image.resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(scaled, np.float32), 0, 1)


def guided(matte: Floats, pixels: npt.NDArray[np.uint8], radius: int, softness: float = 1e-3) -> Floats:
    """``matte`` (height, width), 0..1, with its edges where those of RGB ``pixels`` are: the filter with a colour guide.

    ``radius`` is the window's in pixels, ``softness`` the filter's ε for values 0..1. What is decided and has no undecided
    pixel near stays exactly as it was.
    """
    near = box(((matte > _LOW) & (matte < _HIGH)).astype(np.float32), radius) > 1e-6
    if not near.any():
        return matte
    planes = [(pixels[..., c] / np.float32(255)).astype(np.float32) for c in range(3)]
    means, mean = [box(plane, radius) for plane in planes], box(matte, radius)
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    spread = {
        (i, j): (box(planes[i] * planes[j], radius) - means[i] * means[j] + (softness if i == j else 0.0))[near]
        for i, j in pairs
    }
    shared = [(box(planes[i] * matte, radius) - means[i] * mean)[near] for i in range(3)]
    matrix = np.stack([np.stack([spread[min(i, j), max(i, j)] for j in range(3)], -1) for i in range(3)], -2)
    found = np.linalg.solve(matrix.astype(np.float64), np.stack(shared, -1)[..., None].astype(np.float64))[..., 0]
    slopes = []
    for i in range(3):
        slope = np.zeros_like(mean)
        slope[near] = found[..., i]
        slopes.append(slope)
    offset = np.where(near, mean - sum(s * m for s, m in zip(slopes, means, strict=True)), 0).astype(np.float32)
    # Windows without an undecided pixel have no line of their own, and are left out of the mean.
    share = np.maximum(box(near.astype(np.float32), radius), 1e-6)
    fine = sum(box(s, radius) * plane for s, plane in zip(slopes, planes, strict=True)) + box(offset, radius)
    return np.where(near, np.clip(fine / share, 0, 1), matte).astype(np.float32)


def stretched(matte: Floats, low: float, high: float) -> Floats:
    """``matte`` with what is all but decided decided: ``low`` and below to 0, ``high`` and above to 1, linear between."""
    spread: Floats = np.clip((matte - low) / (high - low), 0, 1).astype(np.float32)
    return spread


def decontaminated(pixels: npt.NDArray[np.uint8], alpha: Floats) -> npt.NDArray[np.uint8]:
    """The colours of RGB ``pixels`` (height, width, 3) without the ground's share, for ``alpha`` (height, width), 0..1."""
    image: Floats = (pixels / np.float32(255)).astype(np.float32)
    front, back = image, image
    for radius in (_WIDE, _NARROW):
        front, back = _fused(image, front, back, alpha, max(1, min(radius, min(alpha.shape) // 2)))
    done = np.where((alpha > 0)[..., None] & (alpha < 1)[..., None], np.clip(front, 0, 1), image)
    done[alpha == 0] = 0
    return np.round(done * 255).astype(np.uint8)


def _fused(image: Floats, front: Floats, back: Floats, alpha: Floats, radius: int) -> tuple[Floats, Floats]:
    """One pass: both colours blurred by their own shares, then the front corrected by what does not add up."""
    share = box(alpha, radius) + 1e-5
    rest = box(1 - alpha, radius) + 1e-5
    fronts = np.dstack([box(front[..., c] * alpha, radius) / share for c in range(3)])
    backs = np.dstack([box(back[..., c] * (1 - alpha), radius) / rest for c in range(3)])
    a = alpha[..., None]
    corrected = np.clip(fronts + a * (image - a * fronts - (1 - a) * backs), 0, 1)
    return corrected.astype(np.float32), backs.astype(np.float32)
