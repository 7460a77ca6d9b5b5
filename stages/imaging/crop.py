"""Cutting one aspect ratio out of another, around what must not be cut, and setting a picture into a square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

Box = tuple[int, int, int, int]
Span = tuple[float, float]


@dataclass(frozen=True)
class Focus:
    """What a cut goes around, in pixels of the picture; boxes are (left, top, right, bottom).

    ``point`` comes as near the middle as the rest allows. ``keep`` is never cut through; each box of ``whole`` (a line of
    text) is inside wholly or outside wholly; ``wish`` stays inside where there is room. ``kind`` says what was found.
    """

    kind: str
    point: tuple[float, float]
    keep: Box | None = None
    whole: Sequence[Box] = ()
    wish: Box | None = None


def focal_box(size: tuple[int, int], ratio: tuple[int, int], focus: Focus) -> Box:
    """The box of aspect ``ratio`` to cut out of ``size`` around ``focus``: the largest that there is.

    Where what must stay whole is larger than that, the box is made larger than the picture, which then stands in it with
    room around it: better than a subject without its head.
    """
    kept = [focus.keep] if focus.keep is not None else []
    rest = list(focus.whole)
    while True:
        unit = min(size[0] / ratio[0], size[1] / ratio[1])
        wide, high = ratio[0] * unit, ratio[1] * unit
        must = _union(kept)
        if must is not None:
            grown = max(1.0, (must[2] - must[0]) / wide, (must[3] - must[1]) / high)
            wide, high = wide * grown, high * grown
        spans = []
        for axis, length in enumerate((wide, high)):
            span = _room(size[axis], length)
            spans.append(span if must is None else _within(span, (must[axis], must[axis + 2]), length) or span)
        lengths = (wide, high)
        wanted = (focus.point[0] - wide / 2, focus.point[1] - high / 2)
        for text in rest:
            narrowed = _including(spans, text, lengths) or _excluding(spans, text, lengths, wanted)
            if narrowed is None:
                break
            spans = narrowed
        else:
            if focus.wish is not None:
                spans = [
                    _within(span, (focus.wish[axis], focus.wish[axis + 2]), lengths[axis]) or span
                    for axis, span in enumerate(spans)
                ]
            left, top = (round(min(max(at, low), high)) for at, (low, high) in zip(wanted, spans, strict=True))
            cut = max(1, round(wide)), max(1, round(high))
            # Rounding must not push a window out that fits.
            left = min(left, size[0] - cut[0]) if cut[0] <= size[0] else left
            top = min(top, size[1] - cut[1]) if cut[1] <= size[1] else top
            return left, top, left + cut[0], top + cut[1]
        kept.append(text)
        rest.remove(text)


def _union(boxes: Sequence[Box]) -> Box | None:
    if not boxes:
        return None
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _room(whole: int, length: float) -> Span:
    """Where a window of ``length`` may begin: inside the picture, or, where it is longer, around all of it."""
    return min(0.0, whole - length), max(0.0, whole - length)


def _within(span: Span, part: tuple[int, int], length: float) -> Span | None:
    """``span`` narrowed to beginnings from which a window of ``length`` holds ``part``; None where there is none."""
    low, high = max(span[0], part[1] - length), min(span[1], float(part[0]))
    return (low, high) if low <= high + 1e-6 else None


def _including(spans: Sequence[Span], box: Box, lengths: tuple[float, float]) -> list[Span] | None:
    found = [_within(span, (box[axis], box[axis + 2]), lengths[axis]) for axis, span in enumerate(spans)]
    return [span for span in found if span is not None] if None not in found else None


def _excluding(
    spans: Sequence[Span], box: Box, lengths: tuple[float, float], wanted: tuple[float, float]
) -> list[Span] | None:
    """``spans`` narrowed, along one axis, to windows that miss ``box``: the nearest to what is wanted. None for none."""
    found: list[tuple[float, list[Span]]] = []
    for axis, (low, high) in enumerate(spans):
        for side in ((low, min(high, box[axis] - lengths[axis])), (max(low, float(box[axis + 2])), high)):
            if side[0] <= side[1]:
                off = max(side[0] - wanted[axis], wanted[axis] - side[1], 0.0)
                found.append((off, [side if at == axis else span for at, span in enumerate(spans)]))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def contain_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The largest size with the aspect ratio of ``size`` that fits a square of ``side`` pixels."""
    longest = max(size)
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))


def in_square(image: Image.Image, side: int) -> Image.Image:
    """``image``, at most ``side`` pixels a side, centred on a transparent square, as RGBA."""
    if image.size == (side, side):
        return image.convert("RGBA")
    square = Image.new("RGBA", (side, side))
    square.paste(image.convert("RGBA"), ((side - image.width) // 2, (side - image.height) // 2))
    return square
