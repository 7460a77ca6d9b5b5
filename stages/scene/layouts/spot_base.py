"""What all spot skeletons share: their frame, how many companions they take, and how they end."""

from __future__ import annotations

from imajin_cli.stages.scene.board import Board, union
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.strew import scatter


def frame(board: Board) -> tuple[float, float, float, float, float]:
    """Left, top, width, height of the frame, and the side of the square that the core of a scene fills."""
    x0, y0, x1, y1 = board.frame
    w, h = x1 - x0, y1 - y0
    return x0, y0, w, h, min(w, h * 1.12)


def count(cast: Cast, normal: int) -> int:
    """How many companions a skeleton takes that has room for ``normal``."""
    wanted = {"minimal": min(1, normal), "normal": normal, "rich": normal + 1}[cast.detail]
    return max(wanted, min(cast.told, 3))


def finish(board: Board, cast: Cast, foot: float | None, used: int, marks: int = 4, h: float = 0.0) -> None:
    """Further companions where the frame is wide, the ground, the fit, the marks."""
    _, _, w, fh, s = frame(board)
    c.complete(board, cast, foot, s)
    if foot is not None:
        bx0, by0, bx1, by1 = board.bounds()
        if cast.detail != "minimal" and w / fh > 1.35:
            reach = (by1 - by0) * (w / fh) * 0.94
            middle = (bx0 + bx1) / 2
            c.tail(board, cast, used, foot, h or s * 0.24, (middle - reach / 2, 0, middle + reach / 2, 0))
        feet = [item.box for item in board.solids()]
        left, _, right, _ = union(feet)
        c.ground(board, cast, foot, (left - s * 0.03, right + s * 0.03))
    c.set_off(board)
    board.fit(upper=0.5)
    bx0, by0, bx1, by1 = board.bounds()
    scatter(board, cast, c.mark_count(cast, marks), (bx0 - 6, by0 - 4, bx1 + 6, by1))
