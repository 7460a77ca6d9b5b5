"""Where text goes: the box that the scene keeps for it, else room beside the subject, else new canvas below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from imajin_cli.stages.imaging.typeset.model import Align

Box = tuple[float, float, float, float]
Place = Literal["auto", "top", "bottom", "left", "right", "center", "below"]

_MARGIN = 0.06
# A band beside the subject narrower than this part of the canvas is no place for text.
_LEAST_BAND = {"top": 0.14, "bottom": 0.14, "left": 0.26, "right": 0.26}
# Without a subject to keep clear of, a band takes this part of the canvas.
_BAND = {"top": 0.32, "bottom": 0.32, "left": 0.44, "right": 0.44}


@dataclass(frozen=True)
class Area:
    """A box (x, y, w, h in px) for text, its side, and how lines stand in it; it may extend the canvas downwards."""

    name: str
    box: Box
    align: Align
    extends: bool = False


def read_box(scene: Mapping[str, Any], name: str, size: tuple[int, int]) -> Box | None:
    """scene["boxes"][name] as (x, y, w, h) within a canvas of ``size``, None where there is none of use."""
    boxes = scene.get("boxes")
    raw = boxes.get(name) if isinstance(boxes, Mapping) else None
    if not isinstance(raw, (list, tuple)) or len(raw) != 4 or not all(isinstance(v, (int, float)) for v in raw):
        return None
    x, y, w, h = (float(v) for v in raw)
    x0, y0, x1, y1 = max(0.0, x), max(0.0, y), min(float(size[0]), x + w), min(float(size[1]), y + h)
    return (x0, y0, x1 - x0, y1 - y0) if x1 - x0 >= 8 and y1 - y0 >= 8 else None


def margin(size: tuple[int, int]) -> float:
    """The safe distance of text from the edges, in px."""
    return round(_MARGIN * min(size), 1)


def areas(size: tuple[int, int], scene: Mapping[str, Any], place: Place) -> list[Area]:
    """Areas to try for ``place``, the preferred first; never empty."""
    if place == "below":
        return [_below(size, _drawn(scene, size))]
    subject = read_box(scene, "subject", size)
    if place != "auto":
        return [_side(size, subject, place)]
    out: list[Area] = []
    kept = read_box(scene, "text", size)
    if kept is not None:
        align = scene.get("text_align")
        out.append(Area("scene", kept, align if align in ("start", "center", "end") else "center"))
    if subject is not None:
        return [*out, *_beside(size, subject), _below(size, _drawn(scene, size))]
    return out or [_side(size, None, "bottom"), _below(size, None)]


def _beside(size: tuple[int, int], subject: Box) -> list[Area]:
    """The bands beside a subject that are wide enough for text, the roomiest first."""
    found = []
    for side in ("bottom", "top", "right", "left"):
        box = _band(size, subject, side)
        extent = box[3] / size[1] if side in ("top", "bottom") else box[2] / size[0]
        if extent >= _LEAST_BAND[side]:
            found.append(Area(side, box, _align(side)))
    return sorted(found, key=lambda area: -area.box[2] * area.box[3])


def _align(side: str) -> Align:
    return "start" if side in ("left", "right") else "center"


def _band(size: tuple[int, int], subject: Box, side: str) -> Box:
    gap = margin(size)
    w, h = size
    x, y, sw, sh = subject
    if side == "top":
        return gap, gap, w - 2 * gap, y - 2 * gap
    if side == "bottom":
        return gap, y + sh + gap, w - 2 * gap, h - y - sh - 2 * gap
    if side == "left":
        return gap, gap, x - 2 * gap, h - 2 * gap
    return x + sw + gap, gap, w - x - sw - 2 * gap, h - 2 * gap


def _side(size: tuple[int, int], subject: Box | None, side: str) -> Area:
    """A side that was asked for: clear of the subject where that leaves room, else over a fixed part of the canvas."""
    gap = margin(size)
    w, h = size[0] - 2 * gap, size[1] - 2 * gap
    if side == "center":
        return Area(side, (gap, gap + h * 0.2, w, h * 0.6), "center")
    if subject is not None:
        beside = [area for area in _beside(size, subject) if area.name == side]
        if beside:
            return beside[0]
    part = _BAND[side]
    boxes: dict[str, Box] = {
        "top": (gap, gap, w, h * part),
        "bottom": (gap, gap + h * (1 - part), w, h * part),
        "left": (gap, gap, w * part, h),
        "right": (gap + w * (1 - part), gap, w * part, h),
    }
    return Area(side, boxes[side], _align(side))


def _drawn(scene: Mapping[str, Any], size: tuple[int, int]) -> Box | None:
    """The box of all that a scene draws, else of its subject."""
    return read_box(scene, "content", size) or read_box(scene, "subject", size)


def _below(size: tuple[int, int], drawn: Box | None) -> Area:
    """Under what is drawn, or under the picture where that is not known; the canvas grows as far as the text needs it."""
    gap = margin(size)
    top = drawn[1] + drawn[3] + gap if drawn else size[1] + gap * 0.5
    return Area("below", (gap, top, size[0] - 2 * gap, size[1] * 0.6), "center", extends=True)


def largest_sizes(size: tuple[int, int], asked: Sequence[float | None]) -> tuple[float, float, float, float]:
    """Headline (smallest, largest), caption (smallest, largest) in px: as asked, else in proportion to the canvas."""
    base = (size[0] * size[1]) ** 0.5 * 0.5 + min(size) * 0.5
    usual = (max(13.0, 0.034 * base), max(16.0, 0.082 * base), max(10.0, 0.02 * base), max(12.0, 0.036 * base))
    hmin, hmax, cmin, cmax = (
        own if own is not None else round(std * 2) / 2 for own, std in zip(asked, usual, strict=True)
    )
    return min(hmin, hmax), hmax, min(cmin, cmax), cmax
