"""Small ambient marks, strewn near a scene: apart from everything, apart from each other, never lost in the open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from imajin_cli.stages.scene import marks as ambient
from imajin_cli.stages.scene import pack
from imajin_cli.stages.scene.board import Board, grow
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.part import Box

TRIES = 20
KEPT_FREE = ("subject", "companion", "badge", "numeral", "window", "sun", "cloud", "seat", "mark")


def scatter(board: Board, cast: Cast, count: int, around: Box | None = None, radius: float = 9.0) -> None:
    """Strew ``count`` marks within ``around`` (by default the scene's bounds); ``radius`` in pixels at 512 px."""
    if count <= 0 or not board.items:
        return
    rng = cast.rng("marks")
    area = around or board.bounds()
    kinds = ambient.FESTIVE if cast.festive else ambient.SETS[cast.marks % len(ambient.SETS)]
    taken = [grow(item.box, 7 * board.unit) for item in board.items if item.role in KEPT_FREE] + board.reserved
    placed: list[tuple[float, float]] = []
    for at in range(count):
        kind, role, scale = kinds[at % len(kinds)]
        r = radius * board.unit * scale
        spot = _spot(board, rng, area, r, taken, placed)
        if spot is not None:
            placed.append(spot)
            _put(board, kind, role, r, spot)


def _put(board: Board, kind: str, role: str, r: float, at: tuple[float, float]) -> None:
    drawn = pack.own_parts().get("marks", {}).get(kind)
    if drawn is not None and kind not in ambient.KINDS:
        board.put(drawn, "marks", "mark", h=2 * r, w=2 * r, cx=at[0], cy=at[1], loose=True)
    else:
        board.put(ambient.mark(kind, r, role), "marks", "mark", cx=at[0], cy=at[1], style="shape", loose=True)


def _spot(
    board: Board, rng: Random, area: Box, r: float, taken: Sequence[Box], placed: Sequence[tuple[float, float]]
) -> tuple[float, float] | None:
    """The best of some free places, None where none is: far from other marks, near to something else."""
    x0, y0, x1, y1 = area
    far = 110 * board.unit
    best, spot = -math.inf, None
    for _ in range(TRIES):
        x, y = x0 + (x1 - x0) * rng.random(), y0 + (y1 - y0) * 0.86 * rng.random()
        if not (r < x < board.width - r and r < y < board.height - r):
            continue
        near = math.inf
        for a0, b0, a1, b1 in taken:
            dx = a0 - x if x < a0 else x - a1
            dy = b0 - y if y < b0 else y - b1
            away = dx if dx > dy else dy
            if away < r:
                near = -1.0
                break
            if away < near:
                near = away
        if near < 0:
            continue
        apart = min((math.dist((x, y), other) for other in placed), default=far)
        score = min(apart, far) - (0.9 * near if near < math.inf else 0.0)
        if score > best:
            best, spot = score, (x, y)
    return spot
