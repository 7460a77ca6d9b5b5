"""Text in pictures: PP-OCRv6's detector and recogniser, as ONNX inside rapidocr, opened directly; and QR codes.

rapidocr itself takes over a second to start and reads whatever its detector finds. Here the detector alone runs first,
and the recogniser is opened only where there is something to read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.backends.onnx import network
from imajin_cli.stages.backends.opencv import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTOR, RECOGNISER = "ocr-detect", "ocr-recognise"
"""Their names in the model catalogue."""
SMALLEST_SIDE, LARGEST_SIDE = 320, 640
"""Longest side, in pixels, at which text is looked for: smaller and larger pictures are scaled."""
MOST_LINES = 64
# The detector's own settings in rapidocr's configuration: a pixel's and a box's least score, how far a box is widened.
_PIXEL, _BOX, _WIDEN = 0.3, 0.5, 1.6
_STEP = 32
_HEIGHT, _LONGEST = 48, 25


class Line(NamedTuple):
    """A line of text that was read, how sure the recogniser is (0..1), the middle of its box in pixels, and the box."""

    text: str
    score: float
    middle: tuple[float, float]
    box: Any = None

    def moved(self, right: float, down: float) -> Line:
        """The line, which was read in a part of a picture, where that part lies ``right`` and ``down`` in the whole."""
        (x, y), size, angle = self.box
        middle = (x + right, y + down)
        return self._replace(middle=middle, box=(middle, size, angle))


def boxes(pixels: NDArray[np.uint8], longest: int | None = None) -> list[Any]:
    """Where there is text in RGB ``pixels`` (height, width, 3): rotated boxes ((x, y), (width, height), angle), surest first.

    ``longest`` is the longest side of the picture that they are a part of, by which they are scaled: by default their own.

    Raises MissingError where OpenCV, onnxruntime or the model is absent, BackendError for a result that makes no sense.
    """
    import numpy as np

    cv2 = library()
    height, width = pixels.shape[:2]
    side = longest or max(height, width)
    scale = min(max(SMALLEST_SIDE / side, 1.0), LARGEST_SIDE / side)
    size = (_stepped(width * scale), _stepped(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    batch = (small[:, :, ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
    chart = network(DETECTOR, one_shape=False).run(np.ascontiguousarray(batch))
    if chart.shape != (1, 1, size[1], size[0]):
        raise BackendError(f"the text detector gave a result of shape {chart.shape}")
    if not np.isfinite(chart).all():
        raise BackendError("the text detector gave a result that is no number")
    return _boxes(chart[0, 0], width / size[0], height / size[1])


def _stepped(length: float) -> int:
    return max(_STEP, round(length / _STEP) * _STEP)


def _boxes(chart: NDArray[np.float32], across: float, down: float) -> list[Any]:
    """The boxes of a likelihood chart, scaled to the picture by ``across`` and ``down``."""
    import numpy as np

    cv2 = library()
    mask = cv2.dilate((chart > _PIXEL).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        (x, y), (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) < 3:
            continue
        score = _mean_inside(chart, cv2.boxPoints(((x, y), (wide, high), angle)))
        if score >= _BOX:
            grow = 2 * _WIDEN * wide * high / (2 * (wide + high))
            corners = cv2.boxPoints(((x, y), (wide + grow, high + grow), angle)) * np.array([across, down], np.float32)
            found.append((score, cv2.minAreaRect(corners)))
    found.sort(key=lambda pair: -pair[0])
    return [box for _, box in found]


def _mean_inside(chart: NDArray[np.float32], corners: NDArray[np.float32]) -> float:
    import numpy as np

    cv2 = library()
    low = np.clip(np.floor(corners.min(axis=0)), 0, None).astype(int)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    part = np.ascontiguousarray(chart[low[1] : high[1], low[0] : high[0]])
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(part, mask)[0])


def read(pixels: NDArray[np.uint8], found: Sequence[Any]) -> list[Line]:
    """The text in the boxes ``found`` of RGB ``pixels``, at most `MOST_LINES` lines, from top to bottom.

    Raises MissingError and BackendError as `boxes` does.
    """
    # One at a time: on one core a batch is no quicker, and 18,710 classes for each step of a long line take 11 MB.
    lines = [Line(*_recognised(_strip(pixels, box)), box[0], box) for box in found[:MOST_LINES]]
    return sorted(lines, key=lambda line: (line.middle[1], line.middle[0]))


def _strip(pixels: NDArray[np.uint8], box: Any) -> NDArray[np.uint8]:
    """The picture inside a rotated box, level, 48 pixels high."""
    import numpy as np

    cv2 = library()
    corners = cv2.boxPoints(box)
    # Clockwise from the top left: the corner whose sum of coordinates is least.
    order = np.roll(np.arange(4), -int(np.argmin(corners.sum(axis=1))))
    corners = corners[order].astype(np.float32)
    wide = max(1.0, float(np.linalg.norm(corners[1] - corners[0])))
    high = max(1.0, float(np.linalg.norm(corners[2] - corners[1])))
    if high >= 1.5 * wide:
        corners, wide, high = np.roll(corners, 1, axis=0), high, wide
    length = min(_HEIGHT * _LONGEST, max(8, math.ceil(_HEIGHT * wide / high)))
    target = np.array([[0, 0], [length, 0], [length, _HEIGHT], [0, _HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    strip: NDArray[np.uint8] = cv2.warpPerspective(
        pixels, matrix, (length, _HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return strip


def _recognised(strip: NDArray[np.uint8]) -> tuple[str, float]:
    """The text of one level strip, and the mean likelihood of its letters."""
    import numpy as np

    width = strip.shape[1]
    batch = np.zeros((1, 3, _HEIGHT, max(width, 64)), np.float32)
    batch[0, :, :, :width] = strip[:, :, ::-1].astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    found = network(RECOGNISER, one_shape=False).run(batch)
    letters = alphabet()
    if found.ndim != 3 or found.shape[0] != 1 or found.shape[2] != len(letters):
        raise BackendError(f"the text recogniser gave a result of shape {found.shape}")
    if not np.isfinite(found).all():
        raise BackendError("the text recogniser gave a result that is no number")
    return _decoded(found[0], letters)


def _decoded(row: NDArray[np.float32], letters: Sequence[str]) -> tuple[str, float]:
    """Greedy reading of connectionist temporal classification: repeats once, class 0 (nothing) left out."""
    best = row.argmax(axis=1)
    kept = best != 0
    kept[1:] &= best[1:] != best[:-1]
    if not kept.any():
        return "", 0.0
    return "".join(letters[at] for at in best[kept]), float(row.max(axis=1)[kept].mean())


@lru_cache(maxsize=1)
def alphabet() -> tuple[str, ...]:
    """What each class of the recogniser stands for; the first is nothing, the last a space. Raises BackendError without one."""
    listed = network(RECOGNISER, one_shape=False).metadata().get("character", "")
    if not listed:
        raise BackendError("the text recogniser names no characters")
    return ("", *listed.split("\n"), " ")


class Code(NamedTuple):
    """A QR code: what it says, empty where it was found and could not be read."""

    text: str


def codes(pixels: NDArray[np.uint8]) -> list[Code]:
    """The QR codes in RGB ``pixels``, dark on light or light on dark, read or only found.

    OpenCV's newer detector found 59 of 60 generated codes where the older one found 36; each reads some that the other
    does not. Raises MissingError where OpenCV is absent.
    """
    cv2 = library()
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found: list[Code] = []
    for plane in (grey, 255 - grey):
        there, texts, _, _ = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(plane)
        if there and not all(texts):
            again, others, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(plane)
            texts = [*texts, *others] if again else texts
        if there:
            found += [Code(text) for text in dict.fromkeys(texts) if text] or [Code("")]
    return found
