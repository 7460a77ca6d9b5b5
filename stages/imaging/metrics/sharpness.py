"""Sharpness: how much of an edge's height its steepest pixel step takes, at the sharpest edges.

The inverse of the edge width in pixels (compare Marziliano et al., "A no-reference perceptual blur metric", ICIP 2002,
who average the widths of all edges): normalised by the height of each edge, so that pale and flat art is not marked
down for having little contrast or few edges.
"""

from __future__ import annotations

import numpy as np

from imajin_cli.stages.imaging.metrics.planes import Bytes, Floats, Planes

_BLOCK = 8
# Share of all blocks, counted from the sharpest, that is judged.
_SHARPEST = 0.005
# (halvings, levels): strong edges are looked for first, also at coarser scales, so that noise is not taken for detail.
_SEARCH = ((0, 64), (1, 64), (2, 64), (0, 20), (1, 20), (2, 20), (3, 20), (4, 20), (5, 20))


def sharpness(planes: Planes) -> float:
    """0..1: 1 for a step from pixel to pixel, about 0.4 / σ for an edge under a Gaussian blur of σ pixels, 0 without edges."""
    scaled = {0: planes.grey_image}
    for halvings, height in _SEARCH:
        if halvings not in scaled:
            scaled[halvings] = scaled[halvings - 1].reduce(2)
        steep, span = _blocks(np.asarray(scaled[halvings]))
        strong = span >= height
        if strong.any():
            count = max(1, round(span.size * _SHARPEST))
            ratios = np.sort(steep[strong] / span[strong])
            return float(ratios[-count:].mean()) * 0.5**halvings
    return 0.0


def _blocks(grey: Bytes) -> tuple[Floats, Floats]:
    """For each block of 8 × 8: its largest step between neighbours, and the range of levels in it and the blocks round it."""
    height, width = grey.shape
    grey = np.pad(grey, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge")
    step = np.zeros_like(grey)
    step[:, :-1] = _apart(grey[:, 1:], grey[:, :-1])
    np.maximum(step[:-1], _apart(grey[1:], grey[:-1]), out=step[:-1])
    low, high = _pooled(grey, np.minimum), _pooled(grey, np.maximum)
    span = _around(high, np.maximum) - _around(low, np.minimum)
    return _pooled(step, np.maximum), span


def _apart(a: Bytes, b: Bytes) -> Bytes:
    result: Bytes = np.maximum(a, b) - np.minimum(a, b)
    return result


def _pooled(plane: Bytes, fold: np.ufunc) -> Floats:
    """Each block of 8 × 8 folded to one value."""
    height, width = plane.shape
    rows = fold.reduce(plane.reshape(height // _BLOCK, _BLOCK, width), axis=1)
    result: Floats = fold.reduce(rows.reshape(height // _BLOCK, width // _BLOCK, _BLOCK), axis=2).astype(np.float32)
    return result


def _around(plane: Floats, fold: np.ufunc) -> Floats:
    """Each value folded with its eight neighbours."""
    padded = np.pad(plane, 1, mode="edge")
    rows = fold(fold(padded[:-2], padded[1:-1]), padded[2:])
    result: Floats = fold(fold(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return result
