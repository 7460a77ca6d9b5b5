"""The text of a picture, looked for as `moderate` looks for it, and closer: in parts at full size, and with contrast raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.ocr import Line

_OVERLAP = 0.2
_SAME = 0.5
_MOST_PARTS = 9


def lines(pixels: NDArray[np.uint8]) -> list[Line]:
    """Every line of text in RGB ``pixels`` once, as it was read best, surest first. Raises MissingError and BackendError.

    A line that the detector sees and the recogniser cannot read is there with a low score.
    """
    from imajin_cli.stages.backends import inpaint, ocr

    found: list[Line] = []
    for part, left, top in _parts(pixels):
        found += _read(part, left, top)
    boosted = inpaint.raised(pixels)
    boxes = [box for box in ocr.boxes(boosted) if not any(inpaint.overlap(box, one.box) > _SAME for one in found)]
    found += ocr.read(boosted, boxes) if boxes else []
    kept: list[Line] = []
    for line in sorted(found, key=lambda one: (-one.score * len(one.text), one.middle)):
        if not any(inpaint.overlap(line.box, one.box) > _SAME for one in kept):
            kept.append(line)
    return kept


def _read(part: NDArray[np.uint8], left: int, top: int) -> list[Line]:
    from imajin_cli.stages.backends import ocr

    boxes = ocr.boxes(part)
    return [line.moved(left, top) for line in ocr.read(part, boxes)] if boxes else []


def _parts(pixels: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], int, int]]:
    """The whole, and of a picture larger than the detector's input its overlapping parts; each with its left and top."""
    import numpy as np

    from imajin_cli.stages.backends.ocr import LARGEST_SIDE

    yield pixels, 0, 0
    height, width = pixels.shape[:2]
    if max(height, width) <= LARGEST_SIDE:
        return
    side = round(max(LARGEST_SIDE, max(height, width) * (1 + 2 * _OVERLAP) / _MOST_PARTS**0.5))
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield np.ascontiguousarray(pixels[top : top + side, left : left + side]), left, top


def _starts(length: int, side: int) -> list[int]:
    """Where parts of ``side`` begin so that they cover ``length``, overlapping by `_OVERLAP` at least."""
    if length <= side:
        return [0]
    count = -(-(length - side) // max(1, round(side * (1 - _OVERLAP)))) + 1
    return [round(at * (length - side) / (count - 1)) for at in range(count)]
