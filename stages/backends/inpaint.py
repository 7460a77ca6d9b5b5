"""What OpenCV does for a part that is painted anew: Telea's filling, the ink inside a box of text, a picture's contrast raised.

Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools 9(1), 2004.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from imajin_cli.stages.backends.opencv import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Bools = NDArray[np.bool_]

_INK = (0.04, 0.6)
"""Share of a box that strokes of letters cover; outside of it the box is painted anew as a whole."""
_LEAST_OFF = 3
"""Levels by which ink stands out of what is around it, at least."""


def telea(pixels: Bytes, mask: Bools, radius: int = 4) -> Bytes:
    """RGB ``pixels`` (height, width, 3) with what ``mask`` covers filled from its surroundings, nothing else changed."""
    import numpy as np

    cv2 = library()
    found: Bytes = cv2.inpaint(np.ascontiguousarray(pixels), mask.astype(np.uint8), radius, cv2.INPAINT_TELEA)
    return np.where(mask[..., None], found, pixels)


def raised(pixels: Bytes) -> Bytes:
    """RGB ``pixels`` with local contrast evened out, so that a faint overlay is as plain as any letter.

    Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994) of the luma.
    """
    import numpy as np

    cv2 = library()
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    plane = cv2.createCLAHE(clipLimit=6.0, tileGridSize=(8, 8)).apply(grey)
    return np.repeat(plane[..., None], 3, axis=2)


def inside(boxes: Iterable[Any], shape: tuple[int, ...], *, grow: float = 0.0) -> Bools:
    """What lies inside rotated ``boxes`` ((x, y), (width, height), angle), each grown by ``grow`` of its shorter side."""
    import numpy as np

    cv2 = library()
    plane = np.zeros(shape[:2], np.uint8)
    for middle, (wide, high), angle in boxes:
        more = 2 * grow * min(wide, high)
        corners = cv2.boxPoints((middle, (wide + more, high + more), angle))
        cv2.fillPoly(plane, [np.round(corners).astype(np.int32)], 1)
    return plane.astype(bool)


def overlap(one: Any, other: Any) -> float:
    """The share of the smaller of two rotated boxes that lies in the other, 0..1."""
    cv2 = library()
    _, shape = cv2.rotatedRectangleIntersection(one, other)
    if shape is None:
        return 0.0
    smaller = min(one[1][0] * one[1][1], other[1][0] * other[1][1])
    return float(cv2.contourArea(cv2.convexHull(shape)) / max(smaller, 1e-6))


def ink(pixels: Bytes, box: Any) -> Bools:
    """The strokes of the text in a rotated ``box`` of RGB ``pixels``, grown by their soft edge; all of it where they are unclear.

    A median filter wider than a stroke and narrower than a line gives the ground; what stands out of it, on the side on which
    more does, is ink (the threshold is Otsu's, 1979).
    """
    import numpy as np

    cv2 = library()
    whole = inside([box], pixels.shape, grow=0.1)
    rows, columns = np.nonzero(whole)
    if not rows.size:
        return whole
    high = max(3.0, min(box[1]))
    pad = int(high)
    top, left = max(0, rows.min() - pad), max(0, columns.min() - pad)
    part = np.ascontiguousarray(pixels[top : rows.max() + pad + 1, left : columns.max() + pad + 1])
    size = min(255, 2 * int(0.45 * high) + 1)
    off = part.astype(np.int16) - cv2.medianBlur(part, max(3, size))
    # The channel that shows most: coloured ink may be as light as its ground.
    channel = off[np.arange(off.shape[0])[:, None], np.arange(off.shape[1])[None], np.abs(off).argmax(2)]
    held = whole[top : top + part.shape[0], left : left + part.shape[1]]
    side = 1 if np.clip(channel[held], 0, None).sum() >= np.clip(-channel[held], 0, None).sum() else -1
    plane = np.clip(side * channel, 0, 255).astype(np.uint8)
    limit, _ = cv2.threshold(plane[held].reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    strokes = (plane > max(_LEAST_OFF, 0.5 * limit)) & held
    share = float(strokes[held].mean())
    if not _INK[0] <= share <= _INK[1]:
        return whole
    reach = max(1, round(high / 16))
    found = np.zeros_like(whole)
    found[top : top + part.shape[0], left : left + part.shape[1]] = grown(strokes, reach)
    return found & inside([box], pixels.shape, grow=0.3)


def grown(mask: Bools, pixels: int) -> Bools:
    """``mask`` and what is within ``pixels`` of it."""
    import numpy as np

    cv2 = library()
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)).astype(bool)
