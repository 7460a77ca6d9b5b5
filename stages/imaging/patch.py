"""A part of a picture painted anew: a soft mask, the blend, and the proof that nothing outside the mask changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.matte.refine import box

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_FAINT = 1 / 512
"""Weights below this change no level, and count as none."""


def feathered(mask: Bools, radius: int) -> Floats:
    """Weights 0..1 (height, width): 1 inside ``mask``, falling to 0 within ``radius`` pixels around it.

    The fall is a blur of the mask grown by half of it; three box filters are close to a Gaussian (Wells, "Efficient synthesis
    of Gaussian filters by cascaded uniform filters", IEEE TPAMI 8(2), 1986).
    """
    weights = mask.astype(np.float32)
    if radius > 0 and mask.any():
        step = radius // 6
        grown = box(weights, radius - 3 * step)
        if step:
            grown = (grown > 0).astype(np.float32)
            for _ in range(3):
                grown = box(grown, step)
        weights = np.maximum(weights, np.where(grown < _FAINT, 0, grown))
    return np.clip(weights, 0, 1).astype(np.float32)


def blended(old: Bytes, new: Bytes, weights: Floats) -> Bytes:
    """``new`` laid over ``old`` (both height × width × channels) by ``weights``; where they are 0 it is ``old``, bit for bit."""
    share = weights[..., None]
    mixed = np.round(old * (1 - share) + new.astype(np.float32) * share)
    found: Bytes = np.where(share > 0, np.clip(mixed, 0, 255), old).astype(np.uint8)
    return found


def same_outside(old: Bytes, new: Bytes, weights: Floats) -> bool:
    """Whether every pixel of weight 0 is the same in both pictures, and they are of one shape."""
    return old.shape == new.shape and bool((old == new)[weights == 0].all())
