"""The matte of a vector: its ground, or all but its subject, left out before it is drawn; alpha is exact at any size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Vector
from imajin_cli.stages.imaging.svglayers import spans
from imajin_cli.stages.imaging.svgtree import Node, parse

Keep = Literal["scene", "subject"]
GROUND = ("background",)
"""Layers of a composed scene that are its ground."""
BESIDE_SUBJECT = ("background", "backdrop", "ground", "companions", "marks")
"""Layers that are not the subject nor what belongs to it."""

_FIRST = re.compile(r"(<svg\b[^>]*>\s*)(<rect\b[^>]*?/>|<rect\b[^>]*?>\s*</rect>)", re.DOTALL)
_OPAQUE = re.compile(r"opacity|transform|display|visibility|mask|clip|filter|url\(|class|style")


def without_ground(vector: Vector, size: tuple[int, int], keep: Keep) -> tuple[Vector, tuple[str, ...]] | None:
    """``vector`` of ``size`` px without its ground, and the names of what was left out; None where it has none to leave out.

    A scene's ground is a layer of it, any other SVG's a rectangle that comes first and covers all of it. Raises InputError
    where the subject alone is wanted and the SVG names none.
    """
    layers = vector.layers
    if layers:
        if keep == "subject" and "subject" not in layers:
            raise InputError("the scene has no subject to keep", hint="--keep scene leaves out its ground alone")
        names = tuple(name for name in (BESIDE_SUBJECT if keep == "subject" else GROUND) if name in layers)
        if names:
            return _without_layers(vector, names), names
    elif keep == "subject":
        raise InputError("the SVG has no layer that is its subject", hint="--keep scene leaves out its ground alone")
    svg = _without_first(vector.svg, size)
    return None if svg is None else (Vector(svg, vector.scene, vector.layers), ("the rectangle behind all",))


def _without_layers(vector: Vector, names: Sequence[str]) -> Vector:
    svg = vector.svg
    for _, (start, end) in sorted((item for item in spans(svg) if item[0] in names), key=lambda item: -item[1][0]):
        svg = svg[:start] + svg[end:]
    kept: Mapping[str, str] = {name: text for name, text in vector.layers.items() if name not in names}
    scene = dict(vector.scene)
    if "background" in scene:
        scene["background"] = None
    return Vector(svg, scene, kept)


def _without_first(svg: str, size: tuple[int, int]) -> str | None:
    """``svg`` without the plain opaque rectangle that it begins with, where that covers the whole canvas."""
    found = _FIRST.search(svg)
    if found is None or _OPAQUE.search(found[2]):
        return None
    root = parse(svg.encode())
    first = next(root.children(), None)
    if first is None or first.name != "rect" or not _covers(root, first, size):
        return None
    return svg[: found.start(2)] + svg[found.end(2) :]


def _covers(root: Node, rect: Node, size: tuple[int, int]) -> bool:
    if rect.get("rx") or rect.get("ry") or (rect.get("fill") or "black") in ("none", "transparent"):
        return False
    box = [*map(_number, re.split(r"[\s,]+", (root.get("viewBox") or f"0 0 {size[0]} {size[1]}").strip()))]
    if len(box) != 4 or None in box:
        return False
    x, y, w, h = (float(v or 0) for v in box)
    left, top = _number(rect.get("x") or "0"), _number(rect.get("y") or "0")
    wide, high = _length(rect.get("width"), w), _length(rect.get("height"), h)
    if left is None or top is None or wide is None or high is None:
        return False
    return left <= x and top <= y and left + wide >= x + w and top + high >= y + h


def _length(text: str | None, whole: float) -> float | None:
    if text is not None and text.endswith("%"):
        share = _number(text[:-1])
        return None if share is None else share / 100 * whole
    return _number(text)


def _number(text: str | None) -> float | None:
    """A plain number of user units; None for anything else."""
    if text is None or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(px)?", text):
        return None
    return float(text.removesuffix("px"))
