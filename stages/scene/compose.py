"""A cast laid out at one size: the SVG, its layers, and the scene as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imajin_cli.contract.picture import Vector
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.scene import draw
from imajin_cli.stages.scene.board import Board
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import tall
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.layouts.weather import draw_weather
from imajin_cli.stages.scene.part import Box

SCENE_VERSION = 1
# Layouts that fill their canvas with one thing keep no room for text: it goes below, on new canvas.
WITHOUT_TEXT = ("icon", "avatar", "pattern")
# Layouts with a sky.
WEATHERED = ("spot", "hero", "banner", "numerals")
MARGIN = 0.09
# Layouts whose ground runs on below a text that stands beside the subject, and how much of the height it takes.
GROUND = {"hero": 0.12}
# Layouts that fill their canvas have a surface of their own unless told otherwise.
SURFACE = {
    "hero": "tint",
    "banner": "tint",
    "avatar": "none",
    "icon": "none",
    "pattern": "tint",
    "spot": "none",
    "numerals": "none",
}


@dataclass(frozen=True)
class Scene:
    """A laid-out scene: the vector, and the credits of every part in it."""

    vector: Vector
    credits: tuple[Credit, ...]


def frames(width: int, height: int, has_text: bool, ground: float = 0.0) -> tuple[Box, Box | None]:
    """The frame for the drawing, and the box kept for text: below on squarish and tall canvases, beside on wide ones.

    ``ground`` is the part of the height that a text beside leaves to the ground on which the scene stands.
    """
    m = MARGIN * min(width, height * 1.25)
    whole = (m, m * min(1.0, height / width + 0.2), width - m, height - m * min(1.0, height / width + 0.2))
    if not has_text:
        return whole, None
    x0, y0, x1, y1 = whole
    if width / height >= 1.4:
        split = x0 + (x1 - x0) * 0.43
        return (split + m * 0.6, y0, x1, y1), (x0, y0, split, y1 - (y1 - y0) * ground)
    split = y1 - (y1 - y0) * 0.27
    return (x0, y0, x1, split - m * 0.35), (x0, split, x1, y1)


def _background(cast: Cast, wanted: str) -> str | None:
    kind = SURFACE[cast.layout] if wanted == "auto" else wanted
    if kind == "none":
        return None
    if kind in ("tint", "paper"):
        return cast.palette["tint" if kind == "tint" else "background"]
    return kind


def _alt(pattern: str, title: str) -> str:
    """One line that says what is to be seen, from a situation's pattern and the subject's title."""
    text = pattern.replace("{subject}", title[:1].lower() + title[1:])
    return text[:1].upper() + text[1:]


def _ratio(width: int, height: int) -> float:
    return round(width / height, 4)


def _xywh(box: Box) -> list[int]:
    return [round(box[0]), round(box[1]), round(box[2] - box[0]), round(box[3] - box[1])]


def lay_out(cast: Cast, width: int, height: int, *, has_text: bool = False) -> tuple[Board, Box | None]:
    """The cast placed on a canvas, and the box kept for text."""
    frame, text = frames(width, height, has_text and cast.layout not in WITHOUT_TEXT, GROUND.get(cast.layout, 0.0))
    board = Board(width, height, frame, cast.rng("layout"), cast.side)
    if text is not None:
        board.reserved.append(text)
    if cast.layout in ("hero", "banner"):
        edge = 0.025 * min(width, height)
        # Beside a text the frame's own edge keeps the gutter.
        left = board.frame[0] if text is not None and text[2] < board.frame[0] else edge
        board.limit = (left, edge, width - edge, height)
    if cast.layout == "spot" and tall.is_tall(board):
        tall.draw_tall(board, cast)
    else:
        LAYOUTS[cast.layout][cast.composition](board, cast)
    if cast.layout in WEATHERED:
        draw_weather(board, cast)
    return board, text


def compose(
    cast: Cast,
    width: int,
    height: int,
    *,
    background: str = "auto",
    has_text: bool = False,
    match: Mapping[str, Any] | None = None,
    alt: str = "{subject}",
) -> Scene:
    """A cast as a scene of ``width`` × ``height`` pixels. ``background`` is auto, none, paper, tint or a hex colour."""
    board, text = lay_out(cast, width, height, has_text=has_text)
    surface = _background(cast, background)
    drawn = draw.groups(board, cast.palette, surface, cast.figures)
    svg = draw.root(width, height, "".join(group for _, group in drawn))
    subject = next((item.box for item in board.items if item.role == "subject"), board.frame)
    boxes = {"subject": _xywh(subject), "content": _xywh(board.bounds())}
    if text is not None:
        boxes["text"] = _xywh(text)
    scene: dict[str, Any] = {
        "version": SCENE_VERSION,
        "layout": cast.layout,
        "variant": cast.composition,
        "theme": cast.notes.get("theme", "light"),
        "seed": cast.seed,
        "ratio": _ratio(width, height),
        "size": [width, height],
        "palette": dict(cast.palette),
        "background": surface,
        "boxes": boxes,
        "text_align": "start" if width / height >= 1.4 else "center",
        "parts": [
            {"name": item.part.name, "role": item.role, "box": _xywh(item.box), "licence": item.part.credit.licence}
            for item in board.items
            if item.part.kind != "shape"
        ],
        "match": dict(match or {}),
        "alt": _alt(alt, cast.subject.title),
    }
    used = {(c.name, c.licence): c for item in board.items for c in [item.part.credit]}
    return Scene(Vector(svg, scene, draw.Layers((width, height), drawn)), tuple(used[key] for key in sorted(used)))
