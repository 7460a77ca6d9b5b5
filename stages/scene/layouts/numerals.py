"""Numerals: 404, 500 and others, with the subject among the digits. Four skeletons."""

from __future__ import annotations

from dataclasses import replace

from imajin_cli.stages.scene import shapes
from imajin_cli.stages.scene.board import Board, Item, overlap
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.strew import scatter
from imajin_cli.stages.scene.part import Part


def _row(
    board: Board,
    parts: list[Part | None],
    *,
    h: float,
    foot: float,
    cx: float,
    gap: float,
    hole: float,
    style: str = "solid",
    layer: str = "subject",
    turns: tuple[float, ...] = (0.0,),
) -> tuple[list[Item], float]:
    """Digits in a row about ``cx``; None leaves a hole ``hole`` wide. Returns the items, and the middle of the hole."""
    widths = [hole if part is None else part.width * h / part.height for part in parts]
    x = cx - (sum(widths) + gap * (len(parts) - 1)) / 2
    items, middle = [], cx
    for at, (part, w) in enumerate(zip(parts, widths, strict=True)):
        if part is None:
            middle = x + w / 2
        else:
            turn = turns[at % len(turns)]
            items.append(board.put(part, layer, "numeral", h=h, cx=x + w / 2, foot=foot, style=style, turn=turn, z=3.6))
        x += w + gap
    return items, middle


def _base(board: Board) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = board.frame
    w, h = x1 - x0, y1 - y0
    return (x0 + x1) / 2, y1 - h * 0.08, w, min(h, w * 0.9)


def _zero(cast: Cast) -> int | None:
    """The digit that the subject takes the place of: the middle zero, else any zero."""
    places = [at for at, digit in enumerate(cast.numerals) if digit == "0"]
    middle = len(cast.numerals) // 2
    return min(places, key=lambda at: abs(at - middle)) if places else None


def as_zero(board: Board, cast: Cast) -> None:
    """The subject stands in the place of a zero."""
    at = _zero(cast)
    if at is None:
        beside(board, cast)
        return
    cx, foot, w, h = _base(board)
    digit_h = min(h * 0.56, w * 0.42)
    parts: list[Part | None] = [None if i == at else part for i, part in enumerate(cast.digits)]
    c.backdrop(board, cast, cx=cx, cy=foot - digit_h * 0.8, h=digit_h * 1.7, w=w * 0.78)
    hole = digit_h * 0.98
    _, middle = _row(board, parts, h=digit_h, foot=foot, cx=cx, gap=digit_h * 0.05, hole=hole)
    hero = c.subject(board, cast, cx=middle, foot=foot, h=digit_h * 1.3, w=hole * 1.08)
    state = c.badge(board, cast, hero)
    if state is not None and any(overlap(state.box, item.box) > 0.06 for item in board.items if item.role == "numeral"):
        board.items.remove(state)
    _extras(board, cast, foot, digit_h)


def beside(board: Board, cast: Cast) -> None:
    """The digits large, the subject leaning before the last of them."""
    cx, foot, w, h = _base(board)
    digit_h = min(h * 0.56, w * 0.44)
    c.backdrop(board, cast, cx=cx, cy=foot - digit_h * 0.75, h=digit_h * 1.55, w=w * 0.8)
    items, _ = _row(
        board, list(cast.digits), h=digit_h, foot=foot, cx=cx - cast.side * digit_h * 0.2, gap=digit_h * 0.06, hole=0
    )
    edge = items[-1].box[2] if cast.side > 0 else items[0].box[0]
    hero = c.subject(
        board,
        cast,
        cx=edge + cast.side * digit_h * 0.12,
        foot=foot + digit_h * 0.05,
        h=digit_h * 1.2,
        w=digit_h * 1.05,
    )
    c.badge(board, cast, hero, 0.24)
    _extras(board, cast, foot, digit_h)


def behind(board: Board, cast: Cast) -> None:
    """Giant pale digits as the backdrop, the subject in front of their middle."""
    cx, foot, w, h = _base(board)
    digit_h = min(h * 0.74, w * 0.5)
    _row(
        board,
        list(cast.digits),
        h=digit_h,
        foot=foot - digit_h * 0.1,
        cx=cx,
        gap=digit_h * 0.03,
        hole=0,
        style="@pale",
        layer="backdrop",
    )
    for item in board.items:
        item.z, item.role = 1.0, "backdrop"
    hero = c.subject(board, cast, cx=cx, foot=foot, h=digit_h * 0.86, w=digit_h * 1.0)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(cast.companions[:2], (-cast.side, cast.side), (0.4, 0.3), strict=False):
        if c.beside(board, part, hero, side, h=digit_h * height, style="outline", foot=foot, tuck=0.08):
            used += 1
    _extras(board, cast, foot, digit_h, used)


def on_top(board: Board, cast: Cast) -> None:
    """The subject stands on top of the digits, which lean a little under it."""
    cx, foot, w, h = _base(board)
    digit_h = min(h * 0.46, w * 0.4)
    c.backdrop(board, cast, cx=cx, cy=foot - digit_h * 0.95, h=digit_h * 1.9, w=w * 0.72)
    middle = len(cast.digits) // 2
    items, _ = _row(
        board, list(cast.digits), h=digit_h, foot=foot, cx=cx, gap=digit_h * 0.06, hole=0, turns=(-3.0, 0.0, 3.0)
    )
    at = items[min(middle, len(items) - 1)].box
    hero = c.subject(
        board, cast, cx=(at[0] + at[2]) / 2, foot=at[1] + digit_h * 0.03, h=digit_h * 1.02, w=digit_h * 1.1
    )
    c.badge(board, cast, hero)
    _extras(board, cast, foot, digit_h)


def _extras(board: Board, cast: Cast, foot: float, h: float, used: int = 0) -> None:
    """A companion or two outwards where they fit, the ground, the fit, the marks."""
    x0, y0, x1, y1 = board.frame
    bx0, _, bx1, _ = board.bounds()
    if cast.detail != "minimal":
        wide = (x1 - x0) / (y1 - y0)
        # On squarish canvases more things in the row would only make the digits smaller.
        room = h * (wide - 1.0) * 1.6
        c.tail(board, _slim(cast, 5), used, foot, h * 0.5, (bx0 - room, 0, bx1 + room, 0))
    left, _, right, _ = board.bounds()
    line = shapes.ground_line((right - left) * 1.04, cast.rng("ground"))
    board.put(line, "ground", "ground", cx=(left + right) / 2, cy=foot, style="shape", loose=True)
    board.fit()
    left, top, right, bottom = board.bounds()
    scatter(board, cast, c.mark_count(cast, 4), (left, top, right, bottom))


def _slim(cast: Cast, count: int) -> Cast:
    """The cast with at most ``count`` companions."""
    return replace(cast, companions=cast.companions[:count])


COMPOSITIONS = {"zero": as_zero, "behind": behind, "beside": beside, "on-top": on_top}
