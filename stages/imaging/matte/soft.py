"""From a network's small matte to a cut-out picture, and how far the matte is to be believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.matte.refine import Floats, decontaminated, guided, resized, stretched

_PRESENT = 0.1
# The filter's window covers this many pixels of the network's own matte.
_REACH = 1.5
# What is decided: the filter leaves a little of each side in the other, which the picture's noise makes visible.
_LOW, _HIGH = 0.12, 0.88
_BARE = 0.02


class Belief(NamedTuple):
    """``share``: how much of the picture is foreground; ``decided``: how sure the matte is of what it takes for it, 0..1."""

    share: float
    decided: float


def belief(matte: Floats) -> Belief:
    """How far ``matte`` (height, width), 0..1, is to be believed. Where nothing is found nothing is decided."""
    present = matte > _PRESENT
    if not present.any():
        return Belief(0.0, 0.0)
    return Belief(float((matte > 0.5).mean()), float(np.abs(2 * matte[present] - 1).mean()))


def cut_out(pixels: npt.NDArray[np.uint8], matte: Floats, *, refine: bool, clean: bool) -> npt.NDArray[np.uint8]:
    """RGB ``pixels`` (height, width, 3) with ``matte``, of any size, as alpha: (height, width, 4), straight.

    ``refine`` moves edges to where the picture's own are, ``clean`` takes the background out of their colours.
    """
    height, width = pixels.shape[:2]
    alpha = resized(matte, (width, height))
    if refine:
        radius = max(2, round(_REACH * max(height / matte.shape[0], width / matte.shape[1])))
        alpha = guided(alpha, pixels, radius)
    alpha = (
        np.round(stretched(alpha, *((_LOW, _HIGH) if refine else (_BARE, 1 - _BARE))) * 255) / np.float32(255)
    ).astype(np.float32)
    colours = decontaminated(pixels, alpha) if clean else np.where((alpha > 0)[..., None], pixels, np.uint8(0))
    return np.dstack([colours, np.round(alpha * 255).astype(np.uint8)])
