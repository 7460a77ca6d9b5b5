"""Icon: one big thing, legible at 16 pixels. Five skeletons."""

from __future__ import annotations

import math

from imajin_cli.stages.scene import shapes
from imajin_cli.stages.scene.board import Board
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.part import Part

INSET = 0.055


def _square(board: Board) -> tuple[float, float, float]:
    """Centre and side of the square that the icon fills: icons have thinner margins than scenes."""
    side = min(board.width, board.height) * (1 - 2 * INSET)
    return board.width / 2, board.height / 2, side


def _figure(
    board: Board, part: Part, cx: float, cy: float, side: float, style: str = "solid", across: float | None = None
) -> None:
    """The part no larger than ``side`` in either direction, nor, on round tiles, than ``across`` from corner to corner."""
    if across is not None:
        scale = across / math.hypot(part.width, part.height)
        side = min(side, scale * max(part.width, part.height))
    board.put(part, "subject", "subject", h=side, w=side, cx=cx, cy=cy, style=style)


def squircle(board: Board, cast: Cast) -> None:
    """The subject as a sticker on a squircle in the brand's mid tone."""
    cx, cy, s = _square(board)
    board.put(shapes.squircle(s, "@main"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    _figure(board, cast.subject, cx, cy, s * 0.78, "sticker", s * 1.04)


def circle(board: Board, cast: Cast) -> None:
    """The subject on a pale disc with a rim."""
    cx, cy, s = _square(board)
    board.put(shapes.disc(s / 2, "@main"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    board.put(shapes.disc(s * 0.45, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1)
    _figure(board, cast.subject, cx, cy, s * 0.76, across=s * 0.92)


def plain(board: Board, cast: Cast) -> None:
    """The subject alone, as large as fits."""
    cx, cy, s = _square(board)
    _figure(board, cast.subject, cx, cy, s)


def glyph(board: Board, cast: Cast) -> None:
    """A bold glyph in paper on a tile of the brand's mid tone; the subject's silhouette where there is no icon."""
    cx, cy, s = _square(board)
    board.put(shapes.slab(s, s, s * 0.26, "@deep", "tile"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    if cast.icon is None:
        board.put(shapes.disc(s * 0.37, "@pale"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1)
        _figure(board, cast.subject, cx, cy, s * 0.6)
        return
    from imajin_cli.stages.backends import phosphor

    part = phosphor.glyph(cast.icon.name.removeprefix("phosphor:"), "@paper")
    _figure(board, part, cx, cy, s * 0.66)


def corner(board: Board, cast: Cast) -> None:
    """A pale rounded tile; the subject larger than it, stepping out over its upper edge."""
    cx, cy, s = _square(board)
    h = s * 0.8
    board.put(
        shapes.slab(s, h, s * 0.24, "@pale", "tile"), "backdrop", "tile", cx=cx, cy=cy + (s - h) / 2, style="shape"
    )
    board.put(
        shapes.slab(s, h * 0.2, s * 0.1, "@soft", "base"),
        "backdrop",
        "tile",
        cx=cx,
        cy=cy + s / 2 - h * 0.1,
        style="shape",
        z=1.1,
    )
    part = cast.subject
    if part.ground is None:
        _figure(board, part, cx, cy - s * 0.04, s * 0.8)
    else:
        board.put(part, "subject", "subject", h=s * 0.88, w=s * 0.84, cx=cx, foot=cy + s * 0.41)


COMPOSITIONS = {"squircle": squircle, "circle": circle, "plain": plain, "glyph": glyph, "corner": corner}
