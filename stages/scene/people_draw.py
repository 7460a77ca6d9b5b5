"""Drawing a picked person: a style's shapes placed in the part's 240-unit square, in colour roles."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from imajin_cli.stages.backends import dicebear
from imajin_cli.stages.scene import people_paths as paths
from imajin_cli.stages.scene.part import Box
from imajin_cli.stages.scene.people_clip import bounds, clip
from imajin_cli.stages.scene.people_colour import Tones, colour_of

VIEW, GROUND, RADIUS = 240.0, 220.0, 108.0
_HULL_STEPS = 48
# How far hair may rise over an avatar's disc, in radii from its centre.
_RISE = 0.97


@dataclass(frozen=True)
class Frame:
    """Where in a style's units an avatar's disc lies: its centre and radius."""

    x: float
    y: float
    radius: float


FRAMES = {
    "notionists": Frame(870, 905, 630),
    "open-peeps": Frame(375, 360, 352),
    "lorelei": Frame(478, 425, 460),
    "voxel-bot": Frame(64, 60, 76),
}
# Skin that leaves a hairline of background between face and neck gets an edge of its own colour, in the style's units.
_SEALED = {("lorelei", "head", "skin"): 6.0}

Picks = tuple[tuple[str, str], ...]
Segments = tuple[paths.Segment, ...]


def drawn_avatar(style: str, picks: Mapping[str, str], tone: Tones, backdrop: bool) -> tuple[str, Box]:
    """SVG elements and tight box of a bust whose shoulders end in a disc's lower edge, with the disc if ``backdrop``."""
    frame = _frame(style, _key(picks))
    scale, centre = RADIUS / frame.radius, VIEW / 2
    matrix: paths.Matrix = (scale, 0, 0, scale, centre - scale * frame.x, centre - scale * frame.y)
    body, boxes = _elements(style, picks, tone, matrix, _hull(centre, centre, RADIUS))
    if backdrop:
        body = f'<circle cx="{centre:g}" cy="{centre:g}" r="{RADIUS:g}" fill="@pale"/>{body}'
        boxes.append((centre - RADIUS, centre - RADIUS, centre + RADIUS, centre + RADIUS))
    return body, _joined(boxes)


def drawn_figure(style: str, picks: Mapping[str, str], tone: Tones) -> tuple[str, Box]:
    """SVG elements and tight box of all that a style draws, standing on GROUND, at most 200 units high and 228 wide."""
    x0, y0, x1, y1 = bounds(_path(shape) for shape in _shapes(style, _key(picks))) or (0.0, 0.0, 1.0, 1.0)
    scale = min(200 / (y1 - y0), 228 / (x1 - x0))
    middle = VIEW / 2 - scale * (x0 + x1) / 2
    body, boxes = _elements(style, picks, tone, (scale, 0, 0, scale, middle, GROUND - scale * y1), None)
    return body, _joined(boxes)


@lru_cache(maxsize=256)
def _frame(style: str, picks: Picks) -> Frame:
    """The style's frame, grown upwards and sideways for hair that is larger than the disc; its lower edge stays."""
    size = dicebear.drawing(style).size
    frame = FRAMES.get(style) or Frame(size / 2, size / 2, size / 2)
    hair = bounds(_path(shape) for shape in _shapes(style, picks) if shape.where in ("hair", "head"))
    if style not in FRAMES or hair is None:
        return frame
    lower = frame.y + frame.radius
    aside = max(frame.x - hair[0], hair[2] - frame.x)
    radius = max(frame.radius, aside, (lower - hair[1]) / (1 + _RISE))
    return Frame(frame.x, lower - radius, radius)


def _hull(cx: float, cy: float, radius: float) -> tuple[paths.Point, ...]:
    """A disc's lower half with straight sides rising from it, clockwise: a head may rise over the disc's upper edge."""
    angles = [math.pi * i / _HULL_STEPS for i in range(_HULL_STEPS + 1)]
    arc = [(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles]
    return ((cx - radius, -VIEW), (cx + radius, -VIEW), *arc)


def _key(picks: Mapping[str, str]) -> Picks:
    return tuple(sorted(picks.items()))


@lru_cache(maxsize=256)
def _shapes(style: str, picks: Picks) -> tuple[dicebear.Shape, ...]:
    return tuple(dicebear.shapes(style, dict(picks)))


def _path(shape: dicebear.Shape) -> Segments:
    return _outline(shape.element, shape.geometry, shape.transforms)


@lru_cache(maxsize=2048)
def _outline(element: str, geometry: tuple[tuple[str, str], ...], transforms: tuple[str, ...]) -> Segments:
    """An element as a path in the style's units."""
    matrix = paths.IDENTITY
    for transform in transforms:
        matrix = paths.multiply(matrix, paths.matrix_of(transform))
    values = dict(geometry)
    if element == "path":
        path = paths.parse(values["d"])
    else:
        n = {key: float(value) for key, value in values.items()}
        if element == "rect":
            radius = n.get("rx", n.get("ry", 0.0))
            path = paths.rect(n.get("x", 0.0), n.get("y", 0.0), n.get("width", 0.0), n.get("height", 0.0), radius)
        else:
            rx, ry = n.get("rx", n.get("r", 0.0)), n.get("ry", n.get("r", 0.0))
            path = paths.ellipse(n.get("cx", 0.0), n.get("cy", 0.0), rx, ry)
    return tuple(paths.transformed(path, matrix))


def _elements(
    style: str, picks: Mapping[str, str], tone: Tones, matrix: paths.Matrix, hull: tuple[paths.Point, ...] | None
) -> tuple[str, list[Box]]:
    out: list[str] = []
    boxes: list[Box] = []
    for shape in _shapes(style, _key(picks)):
        data, box = _placed(_path(shape), matrix, hull)
        variant = picks.get(shape.where, "")
        fill = colour_of(style, shape.where, shape.nth, shape.fill, variant, tone)
        stroke = colour_of(style, shape.where, shape.nth, shape.stroke, variant, tone)
        width = shape.stroke_width * _scale(shape) * matrix[0]
        if (style, shape.where, shape.fill) in _SEALED:
            stroke, width = fill, _SEALED[style, shape.where, shape.fill] * matrix[0]
        if box is None or shape.opacity == 0 or fill == stroke == "none":
            continue
        drawn = f'<path d="{data}" fill="{fill}"{_extras(shape, stroke, width)}/>'
        out.append(_confined(shape, matrix, drawn))
        grow = 0.0 if stroke == "none" else width / 2
        boxes.append((box[0] - grow, box[1] - grow, box[2] + grow, box[3] + grow))
    return "".join(out), boxes


def _scale(shape: dicebear.Shape) -> float:
    """How much the transforms around a shape widen its stroke."""
    matrix = paths.IDENTITY
    for transform in shape.transforms:
        matrix = paths.multiply(matrix, paths.matrix_of(transform))
    return math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))


def _confined(shape: dicebear.Shape, matrix: paths.Matrix, element: str) -> str:
    """``element`` within the shape's clip, which only CC BY styles have. The id comes from the clip's own geometry."""
    if not shape.clip:
        return element
    data = "".join(paths.write(paths.transformed(_path(held), matrix)) for held in shape.clip)
    name = "clip-" + hashlib.sha256(data.encode()).hexdigest()[:12]
    return f'<clipPath id="{name}"><path d="{data}"/></clipPath><g clip-path="url(#{name})">{element}</g>'


def _extras(shape: dicebear.Shape, stroke: str, width: float) -> str:
    text = ' fill-rule="evenodd"' if shape.evenodd else ""
    if stroke != "none":
        text += f' stroke="{stroke}" stroke-width="{width:.2f}"'
        text += ' stroke-linecap="round" stroke-linejoin="round"' if shape.round_ends else ""
    for name in ("fill", "stroke"):
        if shape.opacity < 1 and (name == "fill" or stroke != "none"):
            text += f' {name}-opacity="{shape.opacity:.2f}"'
    return text


@lru_cache(maxsize=4096)
def _placed(path: Segments, matrix: paths.Matrix, hull: tuple[paths.Point, ...] | None) -> tuple[str, Box | None]:
    """A shape's path data in the part's units, cut to ``hull``, and its box (None where nothing is left)."""
    moved = paths.transformed(path, matrix)
    if hull is not None:
        moved = clip(moved, hull)
    return paths.write(moved), bounds([moved])


def _joined(boxes: Sequence[Box]) -> Box:
    if not boxes:
        return (0.0, 0.0, VIEW, VIEW)
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return (round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))
