"""Company for a wide scene beside a text: companions where there is room, on the ground and in the air."""

from __future__ import annotations

from collections.abc import Iterator

from imajin_cli.stages.scene import air
from imajin_cli.stages.scene.board import Board, Item, overlap
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.part import Box, Part

# Heights of a companion as a part of the scene's size, the first that finds room; how many places are tried in a row.
SIZES = (0.3, 0.25, 0.2)
COLUMNS = 14
# How much room there must be about a companion, as a part of the scene's size.
APART = 0.05


def fill_beside_text(board: Board, cast: Cast, area: Box, foot: float | None, s: float, least: int) -> None:
    """Put waiting companions into ``area`` until ``least`` are on the board or none finds room; what is named always.

    They stand on ``foot``, or hang where that is None or they are light. ``s`` is the size that heights go by.
    """
    if cast.detail == "minimal":
        return
    for part in c.waiting(board, cast):
        there = sum(item.role == "companion" for item in board.items)
        if there >= least + (cast.detail == "rich") and part not in cast.companions[: cast.told]:
            return
        for size in SIZES:
            found = max(_free(board, part, area, foot, s * size), key=_first, default=None)
            if found is not None:
                board.add(found[1])
                break


def _cuts(board: Board, box: Box) -> bool:
    """Whether a box lies across the bar of a window or a line of its text, which are to be seen whole."""
    lines = [item.box for item in board.items if item.role == "bar"]
    lines += [
        (x0, y0, x1, y0 + 0.14 * (y1 - y0))
        for x0, y0, x1, y1 in (item.box for item in board.items if item.role == "window")
    ]
    return any(overlap(box, line) > 0 for line in lines)


def _first(scored: tuple[float, Item]) -> float:
    return scored[0]


def _at(board: Board, part: Part, x: float, y: float, h: float, standing: bool, leans: float) -> Item:
    """A companion that stands on (x, y), or hangs about it."""
    if not standing:
        return c.companion(board, part, style="outline", h=h, cx=x, cy=y, turn=leans)
    return c.companion(board, part, style="outline" if part.kind == "icon" else "solid", h=h, cx=x, foot=y)


def _free(board: Board, part: Part, area: Box, foot: float | None, h: float) -> Iterator[tuple[float, Item]]:
    """(worth, item) for every free place: near the ground and the subject, but on the emptier side."""
    x0, y0, x1, y1 = area
    heavy = air.stands(part)
    levels = [] if foot is None or not heavy else [foot]
    high = [] if heavy else [y0 + (y1 - y0) * share for share in (0.16, 0.3, 0.44)]
    there = [item.box for item in board.solids()]
    for x in (x0 + (x1 - x0) * (at + 0.5) / COLUMNS for at in range(COLUMNS)):
        for y in [*levels, *high]:
            standing = y in levels
            item = _at(board, part, x, y, h, standing, leans=7.0 if x > (x0 + x1) / 2 else -7.0)
            box = item.box
            inside = x0 <= box[0] and box[2] <= x1 and box[1] >= y0 * 0.6
            if inside and not _cuts(board, box) and board.free(item, APART * h / 0.3):
                nearest = min((abs((b[0] + b[2]) / 2 - x) + 0.5 * abs(b[3] - box[3]) for b in there), default=0.0)
                yield min(nearest, 2.2 * h) + (0.35 * h if standing else 0.0), item
