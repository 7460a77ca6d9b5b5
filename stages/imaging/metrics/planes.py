"""The views of a picture that measurements share, each made once and only when asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from imajin_cli.stages.imaging.metrics.light import LUMINANCE

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Alpha from which a pixel is part of what one sees, and from which it is solid.
VISIBLE = 16
SOLID = 250
# Levels by which a pixel of an opaque picture must differ from the ground to be content.
_GROUND_TOLERANCE = 12
# Share of the border that must show one colour for the picture to stand on a ground.
_GROUND_SHARE = 0.85


class Planes:
    """``image`` (L, LA, RGB or RGBA, 8-bit sRGB) as arrays of height × width."""

    def __init__(self, image: Image.Image) -> None:
        alpha = image.mode in ("LA", "RGBA")
        self.image = image.convert("RGBA" if alpha else "RGB")
        self.size = image.size
        self._alpha_band = self.image.getchannel("A") if alpha else None
        if self._alpha_band is not None and self._alpha_band.getextrema()[0] == 255:
            self._alpha_band = None
            self.image = self.image.convert("RGB")

    @cached_property
    def pixels(self) -> Bytes:
        """Height × width × 3 or 4."""
        return np.asarray(self.image)

    @cached_property
    def alpha(self) -> Bytes | None:
        """Height × width; None where every pixel is opaque."""
        return None if self._alpha_band is None else np.asarray(self._alpha_band)

    @cached_property
    def grey_image(self) -> Image.Image:
        """Luma (ITU-R BT.601, as Pillow makes it) on white, or on black where what one sees is bright."""
        grey = self.image.convert("L")
        if self._alpha_band is None:
            return grey
        mean = float(np.average(np.asarray(grey), weights=np.asarray(self._alpha_band).astype(np.float32) + 1e-6))
        return Image.composite(grey, Image.new("L", self.size, 0 if mean > 150 else 255), self._alpha_band)

    @cached_property
    def grey(self) -> Bytes:
        """``grey_image`` as an array."""
        return np.asarray(self.grey_image)

    @cached_property
    def ground(self) -> tuple[int, int, int] | None:
        """The one colour round the border of an opaque picture; None where it has none or is see-through."""
        if self.alpha is not None:
            return None
        p = self.pixels
        border = np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]])
        middle = np.median(border, axis=0)
        near = (np.abs(border - middle) <= _GROUND_TOLERANCE).all(axis=1)
        return (int(middle[0]), int(middle[1]), int(middle[2])) if near.mean() >= _GROUND_SHARE else None

    @cached_property
    def content(self) -> Bytes:
        """Height × width, nonzero where there is something to see: visible, and not the ground."""
        if self.alpha is not None:
            return np.where(self.alpha >= VISIBLE, self.alpha, 0).astype(np.uint8)
        if self.ground is None:
            return np.full(self.size[::-1], 255, np.uint8)
        off = ImageChops.difference(self.image, Image.new("RGB", self.size, self.ground))
        red, green, blue = off.split()
        most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        return np.asarray(most.point([0 if level <= _GROUND_TOLERANCE else 255 for level in range(256)]))

    @cached_property
    def flatness(self) -> float:
        """Share, 0..1, of neighbouring pixels inside the content that are alike: about 0.9 in flat art, 0.1 in photos."""
        inside = self.content > 0
        both = inside[:, 1:] & inside[:, :-1]
        count = int(np.count_nonzero(both))
        if count == 0:
            return 1.0
        return float(np.count_nonzero((self.grey[:, 1:] == self.grey[:, :-1]) & both)) / count

    @cached_property
    def extremes(self) -> tuple[Bytes, Bytes]:
        """Height × width each: the lowest and the highest of the three colour channels."""
        red, green, blue = self.image.split()[:3]
        low = ImageChops.darker(ImageChops.darker(red, green), blue)
        high = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        return np.asarray(low), np.asarray(high)

    @cached_property
    def small(self) -> Floats:
        """At most 64 pixels on the longest side, height × width × 2: luminance 0..1, premultiplied, and alpha 0..1."""
        pixels = self.pixels
        red, green, blue = (LUMINANCE[i].take(pixels[..., i]) for i in range(3))
        y = red + green + blue
        if self.alpha is None:
            small = shrink(y, 64)
            return np.stack([small, np.ones_like(small)], axis=2)
        cover = self.alpha * np.float32(1 / 255)
        return np.stack([shrink(y * cover, 64), shrink(cover, 64)], axis=2)


def shrink(plane: Floats, side: int) -> Floats:
    """``plane`` (height × width) averaged over areas to at most ``side`` pixels on its longest side."""
    height, width = plane.shape
    scale = side / max(height, width)
    if scale >= 1:
        return plane
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    scaled = _area_weights(height, rows) @ plane @ _area_weights(width, columns).T
    return scaled.astype(np.float32, copy=False)


def _area_weights(source: int, target: int) -> Floats:
    """Target × source: how much of each source pixel falls into each target pixel, rows summing to one."""
    edges = np.linspace(0, source, target + 1)
    at = np.arange(source)
    overlap = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    weights = np.clip(overlap, 0, None)
    result: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return result
