"""Whether a picture is drawn or photographed, told by how much of it is flat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

LEAST_FLAT = 0.5
_MOST_PIXELS = 1 << 20


class Drawn(NamedTuple):
    """``flat``: the share, 0..1, of neighbouring pixels that are equal, outside the commonest colour and what is see-through."""

    drawn: bool
    flat: float


def drawn(image: Image.Image) -> Drawn:
    """Tell for an RGB or RGBA picture. What has no colour beside its commonest is drawn.

    A sensor's noise makes neighbours differ even in a clear sky, flat paint leaves them equal. The commonest colour is
    left out, since a photograph may stand on a white ground.
    """
    pixels = np.asarray(image.convert("RGBA"))
    if pixels.shape[0] * pixels.shape[1] > _MOST_PIXELS:
        # Not scaled, which would blend neighbours: the middle is looked at.
        height, width = pixels.shape[:2]
        pixels = pixels[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]
    codes = np.ascontiguousarray(pixels).view(np.uint32)[:, :, 0]
    kept = pixels[:, :, 3] > 16
    if not kept.any():
        return Drawn(True, 1.0)
    values, counts = np.unique(codes[kept], return_counts=True)
    kept &= codes != values[counts.argmax()]
    equal, pairs = 0, 0
    for one, other, both in (
        (codes[:, 1:], codes[:, :-1], kept[:, 1:] & kept[:, :-1]),
        (codes[1:], codes[:-1], kept[1:] & kept[:-1]),
    ):
        equal += int(((one == other) & both).sum())
        pairs += int(both.sum())
    flat = equal / pairs if pairs else 1.0
    return Drawn(flat >= LEAST_FLAT, round(flat, 4))
