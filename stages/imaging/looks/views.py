"""A picture as the scorer sees it: the whole of it, small, and its busiest places, pixel by pixel.

Blur, blocks and noise vanish when a picture is scaled down, and composition cannot be seen from near: so both views are
given. They are prepared here for training (training/aesthetic) and for judging alike.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from imajin_cli.stages.imaging.looks.composition import Colours, colours
from imajin_cli.stages.imaging.metrics.planes import Planes

if TYPE_CHECKING:
    from collections.abc import Sequence

Bytes = npt.NDArray[np.uint8]
WHOLE, PATCH, PATCHES = 96, 48, 4
WHITE, DARK = (255, 255, 255), (27, 30, 39)
# See-through pictures brighter than this (0..255, mean luma of what is visible) are looked at on a dark ground.
BRIGHT = 190
# Pictures twice as large as this, or more, are reduced by a whole factor before anything is looked at pixel by pixel.
MOST_SIDE = 1024
# The longest side at which measures of composition are taken.
COARSE_SIDE = 192


class Views:
    """``image`` (L, LA, RGB or RGBA, 8-bit sRGB) at the sizes at which it is judged, each made when first asked for.

    What is see-through is looked at on ``on``, by default on what the pixels ask for.
    """

    def __init__(self, image: Image.Image, on: tuple[int, int, int] | None = None) -> None:
        self.size = image.size
        self._on = on
        self.fine = Planes(_reduced(image, max(image.size) // MOST_SIDE))

    @cached_property
    def coarse(self) -> Planes:
        """The picture with at most `COARSE_SIDE` pixels on its longest side; smaller ones as they are."""
        side = max(self.fine.size)
        if side <= COARSE_SIDE:
            return self.fine
        width, height = (max(1, round(s * COARSE_SIDE / side)) for s in self.fine.size)
        image = self.fine.image
        if image.mode == "RGBA":
            small = image.convert("RGBa").resize((width, height), Image.Resampling.BOX).convert("RGBA")
        else:
            small = image.resize((width, height), Image.Resampling.BOX)
        return Planes(small)

    @cached_property
    def ground(self) -> tuple[int, int, int]:
        """What a see-through picture is looked at on: white, or dark where what there is to see is bright."""
        if self._on is not None:
            return self._on
        planes = self.coarse
        if planes.alpha is None:
            return WHITE
        luma = np.asarray(planes.image.convert("L"), np.float32)
        mean = float(np.average(luma, weights=planes.alpha.astype(np.float32) + 1e-6))
        return DARK if mean > BRIGHT else WHITE

    @property
    def see_through(self) -> bool:
        """Whether anything of the picture is, so that its ground counts."""
        return self.fine.alpha is not None

    @property
    def on_ground(self) -> Image.Image:
        """The fine picture on its ground, as RGB."""
        return _on(self.fine.image, self.ground)

    @cached_property
    def colours(self) -> Colours:
        """The coarse picture's colours on its ground."""
        return colours(self.coarse, self.ground)

    @cached_property
    def laid(self) -> Bytes:
        """The fine picture on its ground: height × width × 3."""
        return np.asarray(self.on_ground)

    def whole(self) -> Bytes:
        """5 × `WHOLE` × `WHOLE`: red, green, blue on the ground, alpha, and where the canvas is: the rest is padding."""
        width, height = self.coarse.size
        scale = WHOLE / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BILINEAR
        colour = np.asarray(_on(self.coarse.image, self.ground).resize(size, method))
        alpha = self.coarse.alpha
        cover = np.full(size[::-1], 255, np.uint8)
        if alpha is not None:
            cover = np.asarray(Image.fromarray(alpha).resize(size, method))
        out = np.zeros((5, WHOLE, WHOLE), np.uint8)
        x, y = (WHOLE - size[0]) // 2, (WHOLE - size[1]) // 2
        rows, columns = slice(y, y + size[1]), slice(x, x + size[0])
        out[:3, rows, columns] = colour.transpose(2, 0, 1)
        out[3, rows, columns] = cover
        out[4, rows, columns] = 255
        return out

    def patches(self) -> Bytes:
        """`PATCHES` × 4 × `PATCH` × `PATCH`: the places with most edges at the picture's own pixels, colour and alpha."""
        laid = self.laid
        alpha = self.fine.alpha
        cover = alpha if alpha is not None else np.full(laid.shape[:2], 255, np.uint8)
        both = np.concatenate([laid, cover[..., None]], axis=2)
        height, width = laid.shape[:2]
        both = np.pad(both, ((0, max(0, PATCH - height)), (0, max(0, PATCH - width)), (0, 0)), mode="edge")
        places = busiest(self.fine.grey, PATCH, PATCHES)
        return np.stack([both[y : y + PATCH, x : x + PATCH].transpose(2, 0, 1) for y, x in places])


def busiest(grey: Bytes, side: int, count: int) -> Sequence[tuple[int, int]]:
    """(top, left) of the ``count`` squares of a grid with the most edges, in order; ties go to the upper left.

    The last row and column are moved in to end at the picture's borders. With fewer squares than ``count`` they are repeated.
    """
    step = np.zeros(grey.shape, np.uint8)
    step[:, :-1] = np.maximum(grey[:, 1:], grey[:, :-1]) - np.minimum(grey[:, 1:], grey[:, :-1])
    down = np.maximum(grey[1:], grey[:-1]) - np.minimum(grey[1:], grey[:-1])
    np.maximum(step[:-1], down, out=step[:-1])
    # One large step is one edge, whatever its height: else the few places with most contrast would always win.
    np.minimum(step, 96, out=step)
    height, width = grey.shape
    tops, lefts = np.arange(0, height, side), np.arange(0, width, side)
    rows = np.add.reduceat(step, tops, axis=0, dtype=np.uint32)
    total = np.add.reduceat(rows, lefts, axis=1)
    order = np.argsort(-total.ravel().astype(np.int64), kind="stable")
    found = [
        (min(int(tops[i // len(lefts)]), max(0, height - side)), min(int(lefts[i % len(lefts)]), max(0, width - side)))
        for i in order[:count]
    ]
    return [found[i % len(found)] for i in range(count)]


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """``image`` reduced by a whole factor, alpha respected."""
    if factor < 2:
        return image
    if image.mode not in ("LA", "RGBA"):
        return image.reduce(factor)
    return image.convert("RGBA").convert("RGBa").reduce(factor).convert("RGBA")


def _on(image: Image.Image, ground: tuple[int, int, int]) -> Image.Image:
    """An RGB or RGBA image laid on a colour, as RGB."""
    if image.mode != "RGBA":
        return image
    laid = Image.new("RGB", image.size, ground)
    laid.paste(image, mask=image.getchannel("A"))
    return laid
