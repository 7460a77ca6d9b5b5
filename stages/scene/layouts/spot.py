"""Spot: one subject with a few companions, free on its ground. Twelve skeletons."""

from __future__ import annotations

from collections.abc import Callable

from imajin_cli.stages.scene import air, shapes
from imajin_cli.stages.scene.board import Board, Item, union
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts import spot_staged, spot_view
from imajin_cli.stages.scene.layouts.spot_base import count, finish, frame

Composition = Callable[[Board, Cast], None]


def stand(board: Board, cast: Cast) -> None:
    """The subject on its ground before a silhouette; one companion tucked behind it, one clear of it."""
    x0, y0, w, h, s = frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    hero = c.subject(board, cast, cx=cx, foot=foot, h=s * 0.64, w=s * 0.66)
    behind = c.backdrop(
        board, cast, cx=cx - cast.side * s * 0.06, cy=foot - s * 0.46, h=s * 0.86, w=s * 0.92, foot=foot
    )
    c.lift(behind, hero, s * 0.1)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: count(cast, 2)], (-cast.side, cast.side, -cast.side), (0.35, 0.26, 0.2), strict=False
    ):
        c.beside(
            board,
            part,
            hero,
            side,
            h=s * height,
            style=c.styled(cast, used),
            foot=foot,
            tuck=0.34 if used == 0 else 0.14,
        )
        used += 1
    finish(board, cast, foot, used)


def disc(board: Board, cast: Cast) -> None:
    """The subject bursts out of a disc; companions sit on the rim."""
    x0, y0, w, h, s = frame(board)
    cx, cy, r = x0 + w / 2, y0 + h * 0.52, s * 0.41
    board.put(shapes.disc(r), "backdrop", "backdrop", cx=cx, cy=cy, style="shape")
    foot = cy + r * 0.78
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.02, foot=foot, h=s * 0.7, w=s * 0.66)
    c.badge(board, cast, hero)
    used = 0
    spots = [
        [(cx - cast.side * r * 0.98, cy + r * 0.36), (cx - cast.side * r * 1.14, cy + r * 0.3)],
        [(cx + cast.side * r * 1.04, cy - r * 0.3), (cx + cast.side * r * 1.08, cy + r * 0.2)],
        [(cx - cast.side * r * 0.8, cy - r * 0.72), (cx - cast.side * r * 1.0, cy - r * 0.4)],
    ]
    for part, spot in zip(cast.companions[: count(cast, 2)], spots, strict=False):
        style = "solid" if used == 0 else "outline"
        size = s * (0.24 if used == 0 else 0.2)
        if air.stands(part):
            side = -cast.side if used == 0 else cast.side
            done = c.beside(board, part, hero, side, h=size, style=style, foot=foot, tuck=0.1)
        else:
            done = c.hanging(board, part, spot, h=size, style=style)
        used += done is not None
    _slab(board, foot, s)
    if w / h > 1.5:
        _rim_rings(board, cast, cx, cy, r)
    finish(board, cast, None, used, marks=4)


def _slab(board: Board, foot: float, s: float) -> None:
    """A flat bar under the subject and all that stands beside it."""
    standing = [
        item.box
        for item in board.items
        if item.role == "subject" or (item.role == "companion" and air.stands(item.part))
    ]
    x0, _, x1, _ = union(standing)
    bar = shapes.slab(x1 - x0 + s * 0.1, s * 0.022, s * 0.011, "@light")
    board.put(bar, "ground", "ground", cx=(x0 + x1) / 2, cy=foot + s * 0.008, style="shape")


def _rim_rings(board: Board, cast: Cast, cx: float, cy: float, r: float) -> None:
    """Wide frames: two paler discs with a companion each, so that the width is used."""
    for part, side in zip(cast.companions[2:4], (-1, 1), strict=False):
        x = cx + side * r * 1.75
        board.put(shapes.disc(r * 0.42, "@mist"), "backdrop", "backdrop", cx=x, cy=cy + r * 0.3, style="shape")
        board.try_put([c.companion(board, part, style="outline", h=r * 0.5, cx=x, cy=cy + r * 0.3)])


def in_window(board: Board, cast: Cast) -> None:
    """The subject steps out of a browser window."""
    x0, y0, w, h, s = frame(board)
    ww, wh, u = s * 0.86, s * 0.6, s / 430
    left, top = x0 + (w - ww) / 2, y0 + (h - wh) / 2 - s * 0.02
    foot = top + wh + s * 0.035
    pane = board.put(shapes.window(ww, wh, u), "backdrop", "window", cx=left + ww / 2, cy=top + wh / 2, style="shape")
    hero = c.subject(board, cast, cx=left + ww / 2 + cast.side * ww * 0.16, foot=foot, h=s * 0.6, w=s * 0.5)
    _bars(board, cast, pane, hero, u)
    c.badge(board, cast, hero)
    used = 0
    outer = left + ww / 2 - cast.side * ww * 0.5
    for part in cast.companions[: count(cast, 1)]:
        item = c.companion(board, part, style="outline", h=s * 0.3, cx=outer + cast.side * s * 0.06, foot=foot)
        if (used == 0 and board.try_put([item], gap=2, over_subject=0.1)) or c.beside(
            board, part, hero, cast.side, h=s * 0.22, style="outline", foot=foot, tuck=0.1
        ):
            used += 1
    finish(board, cast, foot, used, h=s * 0.26)


def _bars(board: Board, cast: Cast, pane: Item, hero: Item, u: float) -> None:
    """Lines of a page's content in the free half of a window."""
    x0, y0, x1, _ = pane.box
    hx0, _, hx1, _ = hero.box
    left, right = (x0 + 22 * u, hx0 - 14 * u) if cast.side > 0 else (hx1 + 14 * u, x1 - 22 * u)
    if right - left < 40 * u:
        return
    rng = cast.rng("bars")
    y = y0 + 46 * u
    for at in range(3):
        width = (right - left) * (0.55 + 0.45 * rng.random())
        fill = "@light" if at == 0 else "@paper"
        board.put(
            shapes.slab(width, 13 * u, 6.5 * u, fill, "bar"),
            "backdrop",
            "bar",
            cx=left + width / 2,
            cy=y,
            style="shape",
            z=0.9 + 0.2,
        )
        y += 26 * u


def trio(board: Board, cast: Cast) -> None:
    """A group: the subject between two solid companions, a size apart, before a silhouette."""
    x0, y0, w, h, s = frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    behind = c.backdrop(board, cast, cx=cx, cy=foot - s * 0.4, h=s * 0.78, w=s * 0.98, foot=foot)
    hero = c.subject(board, cast, cx=cx, foot=foot, h=s * 0.62, w=s * 0.54)
    c.lift(behind, hero, s * 0.1)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(cast.companions[:2], (-cast.side, cast.side), (0.38, 0.3), strict=False):
        style = "solid" if part.kind != "icon" else "outline"
        if c.beside(board, part, hero, side, h=s * height, style=style, foot=foot, tuck=0.3):
            used += 1
    finish(board, cast, foot, used, h=s * 0.26)


def in_arch(board: Board, cast: Cast) -> None:
    """An arched view with hills and a sun behind the subject, which stands in the doorway."""
    x0, y0, w, h, s = frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.94
    aw, ah = s * 0.62, min(s * 0.86, h * 0.92)
    board.put(shapes.arch(aw, ah), "backdrop", "backdrop", cx=cx, foot=foot, style="shape")
    sun = shapes.disc(s * 0.075, "@accent")
    if cast.sunny:
        board.put(sun, "backdrop", "sun", cx=cx + cast.side * aw * 0.22, cy=foot - ah * 0.74, style="shape", z=1.1)
    ridge = shapes.hills(aw, s * 0.22, cast.rng("hills"), "@soft")
    board.put(ridge, "backdrop", "backdrop", cx=cx, foot=foot, style="shape", z=1.2)
    hero = c.subject(board, cast, cx=cx - cast.side * s * 0.05, foot=foot, h=s * 0.62, w=s * 0.6)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: count(cast, 2)], (cast.side, -cast.side), (0.34, 0.24), strict=False
    ):
        x = cx + side * aw * 0.56
        item = c.companion(board, part, style=c.styled(cast, used), h=s * height, cx=x, foot=foot)
        wider = c.companion(board, part, style=c.styled(cast, used), h=s * height, cx=x + side * s * 0.1, foot=foot)
        if board.try_put([item, wider], gap=3, over_subject=0.12):
            used += 1
    finish(board, cast, foot, used, h=s * 0.26)


def cards(board: Board, cast: Cast) -> None:
    """Two cards behind the subject, one turned, one only dashed."""
    x0, y0, w, h, s = frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.04, foot=foot, h=s * 0.62, w=s * 0.6)
    card = shapes.slab(s * 0.58, s * 0.66, s * 0.05)
    board.put(
        card, "backdrop", "backdrop", cx=cx + cast.side * s * 0.1, cy=foot - s * 0.42, style="shape", turn=7 * cast.side
    )
    empty = shapes.dashed(s * 0.4, s * 0.44, s * 0.035)
    board.put(empty, "backdrop", "dashed", cx=cx - cast.side * s * 0.24, cy=foot - s * 0.24, style="shape", z=2.5)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: count(cast, 2)], (-cast.side, cast.side), (0.27, 0.24), strict=False
    ):
        c.beside(board, part, hero, side, h=s * height, style=c.styled(cast, used), foot=foot, tuck=0.2)
        used += 1
    finish(board, cast, foot, used, h=s * 0.24)


COMPOSITIONS: dict[str, Composition] = {
    "stand": stand,
    "vista": spot_view.vista,
    "window": in_window,
    "disc": disc,
    "trio": trio,
    "island": spot_staged.on_island,
    "cards": cards,
    "arch": in_arch,
    "orbit": spot_staged.orbit,
    "shelf": spot_staged.on_shelf,
    "diagonal": spot_staged.diagonal,
    "podium": spot_staged.podium,
}
