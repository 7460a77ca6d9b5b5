"""A picture as the encoder sees it: its content cropped, squared on one ground, scaled to 48 pixels; then its subject.

The same steps prepare the training pictures (training/clip/icons.py), so that an icon with wide margins and one
without look alike to the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from imajin_cli.stages.imaging.metrics.planes import Planes

SIDE, MARGIN = 48, 2
# A subject that takes more of the picture than this is not looked at again from nearer; none is taken to be smaller
# than the other.
CLOSE, LEAST_SIDE = 0.8, 0.15
# How wide the nearer looks are, in sides of the subject's box; before them, one look this wide corrects the box.
WIDTHS, FIRST_WIDTH = (0.8, 1.0, 1.3, 1.7), 1.7
# From shares of the input that `whole` makes to shares of the canvas.
SCALE = SIDE / (SIDE - 2 * MARGIN)
# Larger pictures are reduced by a whole factor first: nothing of 48 pixels is lost, and measuring stays cheap.
MOST_SIDE = 512
WHITE, DARK = (255, 255, 255), (27, 30, 39)
# See-through pictures brighter than this (0..255, mean luma of what is visible) are looked at on a dark ground.
BRIGHT = 240


def reduced(image: Image) -> Image:
    """``image``, its longer side brought to at most `MOST_SIDE` pixels or a little more, alpha respected."""
    factor = max(image.size) // MOST_SIDE
    if factor < 2:
        return image
    modes = {"LA": "La", "RGBA": "RGBa"}
    if image.mode not in modes:
        return image.reduce(factor)
    # Pillow has no way back from La; RGBa has one.
    return image.convert("RGBA").convert("RGBa").reduce(factor).convert("RGBA")


def box_of(planes: Planes) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what there is to see, None for a blank picture."""
    import numpy as np

    seen = planes.content > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def ground_of(planes: Planes) -> tuple[int, int, int]:
    """The colour to square the picture on: its own uniform ground, the mean of its border, or white or dark behind alpha."""
    import numpy as np

    if planes.ground is not None:
        return planes.ground
    p = planes.pixels
    if planes.alpha is None:
        border = np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]]).mean(0)
        return int(border[0]), int(border[1]), int(border[2])
    luma = p[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    mean = float(np.average(luma, weights=planes.alpha.astype(np.float32) + 1e-6))
    return DARK if mean > BRIGHT else WHITE


def made_for(theme: str) -> tuple[int, int, int] | None:
    """The ground that a see-through picture of a theme is made to stand on; None where its pixels are to tell."""
    return DARK if theme == "dark" else None


def canvas_of(planes: Planes, on: tuple[int, int, int] | None = None) -> tuple[Image, tuple[int, int, int]] | None:
    """The content squared on its ground, at full size, and the ground; None where there is nothing to see.

    ``on`` is what a see-through picture is to stand on, where that is known.
    """
    from PIL import Image

    box = box_of(planes)
    if box is None:
        return None
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    side = max(width, height, max(planes.size) // 4)
    ground = ground_of(planes) if on is None or planes.alpha is None else on
    canvas = Image.new("RGB", (side, side), ground)
    part = planes.image.crop(box)
    place = ((side - width) // 2, (side - height) // 2)
    canvas.paste(part.convert("RGB"), place, part.getchannel("A") if planes.alpha is not None else None)
    return canvas, ground


def look(planes: Planes) -> NDArray[np.float32] | None:
    """The encoder's input, float32 of shape (1, 3, 48, 48) in -1..1, or None where there is nothing to see."""
    found = canvas_of(planes)
    return None if found is None else whole(*found)


def whole(canvas: Image, ground: tuple[int, int, int]) -> NDArray[np.float32]:
    """A squared picture with a small margin as the encoder's input (1, 3, 48, 48)."""
    from PIL import Image

    inner = SIDE - 2 * MARGIN
    method = Image.Resampling.BOX if canvas.width > inner else Image.Resampling.BILINEAR
    framed = Image.new("RGB", (SIDE, SIDE), ground)
    framed.paste(canvas.resize((inner, inner), method), (MARGIN, MARGIN))
    return array_of(framed)


def area_of(box: Sequence[float]) -> tuple[float, float, float]:
    """Left, top and side of a square of the canvas, in its shares, brought inside it, from a box in shares of the input
    that `whole` makes (middle x, middle y, side).
    """
    x, y, side = (min(1.0, max(0.0, float(value))) for value in box)
    side = min(1.0, max(LEAST_SIDE, side) * SCALE)
    left, top = (min(max((v - 0.5) * SCALE + 0.5 - side / 2, 0.0), 1.0 - side) for v in (x, y))
    return left, top, side


def closer(canvas: Image, box: Sequence[float]) -> NDArray[np.float32] | None:
    """The part of a squared picture that ``box`` tells (middle x, middle y and side, in shares of the input that `whole`
    makes) as the encoder's input; None where that is nearly all of it.

    The box comes from the encoder, which says where it sees the subject; it is brought inside the picture.
    """
    from PIL import Image

    if float(box[2]) > CLOSE:
        return None
    left, top, side = area_of(box)
    pixels = side * canvas.width
    method = Image.Resampling.BOX if pixels > SIDE else Image.Resampling.BILINEAR
    corner = (left * canvas.width, top * canvas.width)
    area = (*corner, min(corner[0] + pixels, canvas.width), min(corner[1] + pixels, canvas.width))
    return array_of(canvas.resize((SIDE, SIDE), method, box=area))


def widened(box: Sequence[float], factor: float) -> tuple[float, float, float]:
    """A box about the same middle, its side ``factor`` times as long."""
    return float(box[0]), float(box[1]), float(box[2]) * factor


def outer(box: Sequence[float], inner: Sequence[float]) -> tuple[float, float, float]:
    """What a look at ``box`` tells (``inner``, in shares of that look), in shares of the whole's input as ``box`` is."""
    left, top, side = area_of(box)
    x, y = (corner + float(v) * side for corner, v in zip((left, top), inner[:2], strict=True))
    return (x - 0.5) / SCALE + 0.5, (y - 0.5) / SCALE + 0.5, float(inner[2]) * side / SCALE


def array_of(image: Image) -> NDArray[np.float32]:
    """An RGB picture of `SIDE` pixels as the encoder's input (1, 3, 48, 48), -1..1."""
    import numpy as np

    array = np.asarray(image, np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(array.transpose(2, 0, 1)[None])
