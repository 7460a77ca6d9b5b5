"""Pattern: a tile that repeats without a seam. Four lattices; what crosses an edge is drawn again at the other one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from imajin_cli.stages.scene import marks, shapes
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.part import Part

# Most columns or rows: on very long tiles the cells grow apart instead.
MOST = 12
TURNS = (-14.0, 9.0, 0.0, 15.0, -8.0, 5.0)


def _cells(board: Board, across: int) -> tuple[int, int, float, float]:
    """Columns, rows (both even, so that a shifted row also repeats), cell width and height."""
    columns = max(2, across)
    rows = min(MOST, max(2, 2 * round(columns * board.height / board.width / 2)))
    return columns, rows, board.width / columns, board.height / rows


def _across(board: Board, cast: Cast) -> int:
    # What is the mirrored scene elsewhere is a denser lattice here.
    base = {"minimal": 2, "normal": 4, "rich": 6}[cast.detail] + (2 if cast.side < 0 else 0)
    return min(MOST, max(2, 2 * round(base * math.sqrt(board.width / board.height) / 2)))


def _wrapped(board: Board, item: Item) -> Iterator[Item]:
    """The item, and its copies at the opposite edges where it crosses one."""
    x0, y0, x1, y1 = item.box
    xs = [0.0] + ([board.width] if x0 < 0 else []) + ([-board.width] if x1 > board.width else [])
    ys = [0.0] + ([board.height] if y0 < 0 else []) + ([-board.height] if y1 > board.height else [])
    for dx in xs:
        for dy in ys:
            yield replace(item, x=item.x + dx, y=item.y + dy)


def _put(board: Board, item: Item) -> None:
    for copy in _wrapped(board, item):
        board.add(copy)


def _players(cast: Cast) -> list[Part]:
    return [cast.subject, *cast.companions[:5]]


def _thing(board: Board, cast: Cast, part: Part, x: float, y: float, size: float, style: str, turn: float) -> None:
    role = "subject" if part is cast.subject else "companion"
    layer = "subject" if role == "subject" else "companions"
    _put(board, board.make(part, layer, role, h=size, w=size, cx=x, cy=y, style=style, turn=turn))


def _style(part: Part, at: int) -> str:
    return "outline" if at % 2 or part.name.startswith("phosphor:") else "solid"


def grid(board: Board, cast: Cast) -> None:
    """Straight rows and columns on a chequered ground."""
    columns, rows, w, h = _cells(board, _across(board, cast))
    players, cell = _players(cast), min(w, h)
    for row in range(rows):
        for column in range(columns):
            x, y = (column + 0.5) * w, (row + 0.5) * h
            if (row + column) % 2 == 0:
                board.put(shapes.slab(w, h, 0, "@pale", "tile"), "backdrop", "tile", cx=x, cy=y, style="shape")
            part = players[(column + row * 2) % len(players)]
            _thing(board, cast, part, x, y, cell * 0.62, "solid" if (row + column) % 2 == 0 else "outline", 0)


def bricks(board: Board, cast: Cast) -> None:
    """Every other row shifted by half a cell, things turned a little, a mark in every gap."""
    columns, rows, w, h = _cells(board, _across(board, cast))
    players, cell = _players(cast), min(w, h)
    kinds = marks.SETS[cast.marks % len(marks.SETS)]
    at = 0
    for row in range(rows):
        for column in range(columns):
            shift = 0.5 if row % 2 else 0.0
            x, y = (column + 0.25 + shift) * w, (row + 0.5) * h
            part = players[(column * 2 + row * 3) % len(players)]
            _thing(board, cast, part, x, y, cell * 0.62, _style(part, column + row), TURNS[at % len(TURNS)])
            kind, role, scale = kinds[at % len(kinds)]
            mark = marks.mark(kind, cell * 0.075 * scale, role)
            _put(board, board.make(mark, "marks", "mark", cx=x + w * 0.5, cy=y, style="shape"))
            at += 1


def discs(board: Board, cast: Cast) -> None:
    """Discs on a shifted lattice, one thing on each, pale and mid tones in turn."""
    columns, rows, w, h = _cells(board, _across(board, cast))
    players, r = _players(cast), min(w, h) * 0.42
    for row in range(rows):
        for column in range(columns):
            x, y = (column + (0.75 if row % 2 else 0.25)) * w, (row + 0.5) * h
            fill = ("@pale", "@soft", "@mist")[(column + row) % 3 if columns % 3 == 0 else (column + row) % 2]
            _put(board, board.make(shapes.disc(r, fill), "backdrop", "tile", cx=x, cy=y, style="shape"))
            part = players[(column * 2 + row * 3) % len(players)]
            _thing(
                board,
                cast,
                part,
                x,
                y,
                r * 1.24,
                "solid" if fill == "@pale" and not part.name.startswith("phosphor:") else "outline",
                0,
            )


def tossed(board: Board, cast: Cast) -> None:
    """Large and small things tossed about: each cell's place and turn vary, nothing touches."""
    columns, rows, w, h = _cells(board, _across(board, cast))
    players, cell, rng = _players(cast), min(w, h), cast.rng("toss")
    for row in range(rows):
        for column in range(columns):
            large = (row + column) % 2 == 0
            size = cell * (0.82 if large else 0.5)
            room = (cell * 0.96 - size * 1.1) / 2
            x = (column + 0.5) * w + room * (2 * rng.random() - 1)
            y = (row + 0.5) * h + room * (2 * rng.random() - 1)
            part = players[(column + row * 2 + (row // 2)) % len(players)]
            _thing(
                board,
                cast,
                part,
                x,
                y,
                size,
                "solid" if large and not part.name.startswith("phosphor:") else "outline",
                rng.uniform(-18, 18),
            )


COMPOSITIONS = {"bricks": bricks, "discs": discs, "tossed": tossed, "grid": grid}
