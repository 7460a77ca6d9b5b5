"""Bits in a plane of pixels by the dwtDctSvd method, as the package invisible-watermark 0.2.0 (MIT) publishes it.

One level of the Haar transform; the approximation band in blocks of 4 × 4; the largest singular value of a block's DCT
quantised to steps of which the lower half stands for 0 and the upper half for 1. The DCT is orthonormal, so it changes
neither the singular values nor, turned back, the changed block: it is left out. Block n, row by row, holds bit n modulo
their number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
CELL = 8
"""Pixels of a plane that one block stands for, each way: 4 of the approximation band, each of 2 pixels."""
STEP = 36.0
"""Step of the quantiser: the package's own."""


def cells(plane: Floats) -> Floats:
    """The whole cells of a plane (height, width): (rows, columns, 8, 8). What is left over at the edges holds no bit."""
    rows, columns = plane.shape[0] // CELL, plane.shape[1] // CELL
    whole = plane[: rows * CELL, : columns * CELL]
    return whole.reshape(rows, CELL, columns, CELL).swapaxes(1, 2)


def approximation(found: Floats) -> Floats:
    """The Haar approximation band of cells (rows, columns, 8, 8): (rows, columns, 4, 4), twice each four pixels' mean."""
    halves = found[..., 0::2, :] + found[..., 1::2, :]
    band: Floats = (halves[..., 0::2] + halves[..., 1::2]) * np.float32(0.5)
    return band


def largest(blocks: Floats) -> Floats:
    """The largest singular value of each block (…, 4, 4)."""
    values: Floats = np.linalg.svd(blocks, compute_uv=False)[..., 0]
    return values


def nearest(values: Floats, bits: Flags, step: float = STEP) -> tuple[Floats, Floats]:
    """The two values next to each of ``values`` that say its bit: the nearer and the farther. None is below zero."""
    offset = np.where(bits, 0.75, 0.25).astype(np.float32)
    below = np.floor(values / step - offset)
    one = (below + offset) * step
    other = one + step
    swap = (other - values < values - one) | (one < 0)
    return np.where(swap, other, one).astype(np.float32), np.where(swap & (one >= 0), one, other).astype(np.float32)


def said(values: Floats, step: float = STEP) -> Floats:
    """How clearly each value says its bit: from -1 (surely 0) to 1 (surely 1)."""
    found: Floats = -np.sin(2 * np.pi * (values / np.float32(step))).astype(np.float32)
    return found


def change(blocks: Floats, wanted: Floats) -> Floats:
    """What to add to each pixel of each cell (…, 8, 8) so that its block's largest singular value becomes ``wanted``."""
    left, values, right = np.linalg.svd(blocks)
    rank_one = left[..., :, 0, None] * right[..., 0, None, :]
    shift = (wanted - values[..., 0])[..., None, None] * rank_one
    # A band value is twice its four pixels' mean: half of its change on each of them is that change.
    spread: Floats = np.repeat(np.repeat(shift * np.float32(0.5), 2, axis=-1), 2, axis=-2).astype(np.float32)
    return spread
