"""JPEG blockiness: small steps that gather on a grid of 8 pixels.

After Wang, Bovik and Evans, "Blind measurement of blocking artifacts in images" (ICIP 2000), in the pixel domain: the
usual step across block borders against the usual step elsewhere. Larger steps are edges of what is drawn, wherever they lie.
"""

from __future__ import annotations

import numpy as np

from imajin_cli.stages.imaging.metrics.planes import Bytes, Planes

_BLOCK = 8
_LARGEST = 24
_LINES = 256


def blockiness(planes: Planes) -> float:
    """0 without a grid; 1 where steps across the grid are twice those elsewhere; the mean of rows and columns, at least 0."""
    grey = planes.grey
    rows = grey[:: max(1, grey.shape[0] // _LINES)]
    columns = np.ascontiguousarray(grey.T[:: max(1, grey.shape[1] // _LINES)])
    return max(0.0, (_excess(rows) + _excess(columns)) / 2)


def _excess(lines: Bytes) -> float:
    if lines.shape[1] < 4 * _BLOCK:
        return 0.0
    right, left = lines[:, 1:], lines[:, :-1]
    step = (np.maximum(right, left) - np.minimum(right, left)).astype(np.float32)
    small = step <= _LARGEST
    mean = (step * small).sum(axis=0) / np.maximum(small.sum(axis=0), 1)
    on_grid = np.arange(1, lines.shape[1]) % _BLOCK == 0
    # The median, since blocks step at every line of the grid while a drawing keeps to it here and there; half a level in
    # the divisor, since a grid fainter than that is none.
    on, off = float(np.median(mean[on_grid])), float(np.median(mean[~on_grid]))
    return (on - off) / (off + 0.5)
