"""Icon: one big thing, legible at 16 pixels. Nine skeletons."""

from __future__ import annotations

import math

from imajin_cli.stages.scene import shapes, tiles
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


def hexagon(board: Board, cast: Cast) -> None:
    """The subject as a sticker on a hexagon in the brand's light tone."""
    cx, cy, s = _square(board)
    board.put(tiles.hexagon(s / 2, "@light"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    _figure(board, cast.subject, cx, cy, s * 0.7, "sticker", s * 0.86)


def stack(board: Board, cast: Cast) -> None:
    """Two cards one on the other, the lower one turned; the subject on the upper one."""
    cx, cy, s = _square(board)
    card = s * 0.76
    board.put(
        shapes.slab(card, card, s * 0.16, "@main", "tile"),
        "backdrop",
        "tile",
        cx=cx,
        cy=cy,
        style="shape",
        turn=14.0 * cast.side,
    )
    board.put(
        shapes.slab(card, card, s * 0.16, "@pale", "card"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1
    )
    _figure(board, cast.subject, cx, cy, s * 0.62)


def hoop(board: Board, cast: Cast) -> None:
    """A broad ring, the subject larger than its opening."""
    cx, cy, s = _square(board)
    board.put(tiles.hoop(s * 0.44, s * 0.12, "@light", "@pale"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    _figure(board, cast.subject, cx, cy, s * 0.96, "sticker", s * 1.18)


def halves(board: Board, cast: Cast) -> None:
    """A disc in two tones, the subject to one side and a little over its rim."""
    cx, cy, s = _square(board)
    r = s * 0.44
    tile = tiles.halves(r, "@main", "@light", cast.side)
    board.put(tile, "backdrop", "tile", cx=cx + cast.side * s * 0.06, cy=cy - s * 0.06, style="shape")
    _figure(board, cast.subject, cx - cast.side * s * 0.06, cy + s * 0.06, s * 0.76, "sticker", s * 1.02)


COMPOSITIONS = {
    "squircle": squircle,
    "circle": circle,
    "plain": plain,
    "glyph": glyph,
    "corner": corner,
    "hexagon": hexagon,
    "stack": stack,
    "hoop": hoop,
    "halves": halves,
}
