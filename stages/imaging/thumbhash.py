"""ThumbHash: a picture's look in about 25 bytes, transparency and aspect ratio included, to show while it loads.

Evan Wallace, 2023, https://evanw.github.io/thumbhash/ (the published algorithm, MIT): the lowest frequencies of a discrete
cosine transform of luminance, two colour differences and alpha, quantised to four bits each.
"""

from __future__ import annotations

import base64
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The method is made for pictures of at most 100 pixels a side; what it keeps has seven waves at most.
_SIDE = 48

Channel = NDArray[np.float64]


def thumbhash(image: Image.Image) -> str:
    """The ThumbHash of ``image`` (any mode) as base64."""
    small = image.convert("RGBA")
    if max(small.size) > _SIDE:
        scale = _SIDE / max(small.size)
        size = max(1, round(small.width * scale)), max(1, round(small.height * scale))
        # Premultiplied while it is scaled: what transparent pixels hide has no say.
        small = small.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    return base64.b64encode(thumbhash_bytes(np.asarray(small))).decode()


def thumbhash_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """The hash of RGBA ``pixels`` of shape (height, width, 4), at most 100 a side."""
    height, width = pixels.shape[:2]
    rgba = pixels.astype(np.float64) / 255
    alpha = rgba[..., 3]
    weight = alpha.sum()
    average = (rgba[..., :3] * alpha[..., None]).sum((0, 1)) / weight if weight else np.zeros(3)
    see_through = bool(weight < width * height - 1e-9)
    red, green, blue = np.moveaxis(average * (1 - alpha[..., None]) + rgba[..., :3] * alpha[..., None], 2, 0)
    limit = 5 if see_through else 7
    across = max(1, _rounded(limit * width / max(width, height)))
    down = max(1, _rounded(limit * height / max(width, height)))
    light = _waves((red + green + blue) / 3, max(3, across), max(3, down))
    yellow = _waves((red + green) / 2 - blue, 3, 3)
    reddish = _waves(red - green, 3, 3)
    landscape = width > height
    head = _rounded(63 * light[0]) | _rounded(31.5 + 31.5 * yellow[0]) << 6 | _rounded(31.5 + 31.5 * reddish[0]) << 12
    head |= _rounded(31 * light[2]) << 18 | see_through << 23
    tail = (down if landscape else across) | _rounded(63 * yellow[2]) << 3 | _rounded(63 * reddish[2]) << 9
    found = bytearray((head | (tail | landscape << 15) << 24).to_bytes(5, "little"))
    waves = [*light[1], *yellow[1], *reddish[1]]
    if see_through:
        clear = _waves(alpha, 5, 5)
        found.append(_rounded(15 * clear[0]) | _rounded(15 * clear[2]) << 4)
        waves += clear[1]
    steps = [_rounded(15 * value) for value in waves]
    steps += [0] * (len(steps) % 2)
    found += bytes(low | high << 4 for low, high in zip(steps[::2], steps[1::2], strict=True))
    return bytes(found)


def _waves(channel: Channel, across: int, down: int) -> tuple[float, list[float], float]:
    """The mean of ``channel``, its other low frequencies as parts (0..1) of the largest, and that one's size."""
    height, width = channel.shape
    x = np.cos(np.pi / width * np.outer(np.arange(across), np.arange(width) + 0.5))
    y = np.cos(np.pi / height * np.outer(np.arange(down), np.arange(height) + 0.5))
    every = y @ channel @ x.T / (width * height)
    kept = [
        float(every[cy, cx])
        for cy in range(down)
        for cx in range(across)
        if (cx or cy) and cx * down < across * (down - cy)
    ]
    scale = max(map(abs, kept), default=0.0)
    return float(every[0, 0]), [0.5 + 0.5 / scale * wave for wave in kept] if scale else kept, scale


def _rounded(value: float) -> int:
    """The nearest whole number, halves up, as the published code rounds."""
    return math.floor(value + 0.5)
