"""Spot: one subject with a few companions, free on its ground. Ten skeletons."""

from __future__ import annotations

from collections.abc import Callable

from imajin_cli.stages.scene import shapes
from imajin_cli.stages.scene.board import Board, Item, union
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c

Composition = Callable[[Board, Cast], None]


def _frame(board: Board) -> tuple[float, float, float, float, float]:
    """Left, top, width, height of the frame, and the side of the square that the core of a scene fills."""
    x0, y0, x1, y1 = board.frame
    w, h = x1 - x0, y1 - y0
    return x0, y0, w, h, min(w, h * 1.12)


def _count(cast: Cast, normal: int) -> int:
    return {"minimal": min(1, normal), "normal": normal, "rich": normal + 1}[cast.detail]


def _finish(board: Board, cast: Cast, foot: float | None, used: int, marks: int = 4, h: float = 0.0) -> None:
    """Further companions where the frame is wide, the ground, the fit, the marks."""
    x0, y0, w, fh, s = _frame(board)
    if foot is not None:
        bx0, by0, bx1, by1 = board.bounds()
        if cast.detail != "minimal" and w / fh > 1.35:
            reach = (by1 - by0) * (w / fh) * 0.94
            middle = (bx0 + bx1) / 2
            c.tail(board, cast, used, foot, h or s * 0.24, (middle - reach / 2, 0, middle + reach / 2, 0))
        feet = [item.box for item in board.solids()]
        left, _, right, _ = union(feet)
        c.ground(board, cast, foot, (left - s * 0.06, right + s * 0.06))
    board.fit(upper=0.5)
    bx0, by0, bx1, by1 = board.bounds()
    c.scatter(board, cast, c.mark_count(cast, marks), (bx0 - 6, by0 - 4, bx1 + 6, by1))


def stand(board: Board, cast: Cast) -> None:
    """The subject on its ground before a silhouette; one companion tucked behind it, one clear of it."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    hero = c.subject(board, cast, cx=cx, foot=foot, h=s * 0.64, w=s * 0.66)
    c.backdrop(board, cast, cx=cx - cast.side * s * 0.06, cy=foot - s * 0.46, h=s * 0.86, w=s * 0.92, foot=foot)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: _count(cast, 2)], (-cast.side, cast.side, -cast.side), (0.36, 0.26, 0.2), strict=False
    ):
        c.beside(
            board,
            cast,
            part,
            hero,
            side,
            h=s * height,
            style=c.styled(cast, used),
            foot=foot,
            tuck=0.24 if used == 0 else 0.0,
        )
        used += 1
    _finish(board, cast, foot, used)


def disc(board: Board, cast: Cast) -> None:
    """The subject bursts out of a disc; companions sit on the rim."""
    x0, y0, w, h, s = _frame(board)
    cx, cy, r = x0 + w / 2, y0 + h * 0.52, s * 0.41
    board.put(shapes.disc(r), "backdrop", "backdrop", cx=cx, cy=cy, style="shape")
    foot = cy + r * 0.78
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.02, foot=foot, h=s * 0.7, w=s * 0.66)
    x_0, _, x_1, _ = hero.box
    board.put(
        shapes.slab((x_1 - x_0) * 0.98 + s * 0.12, s * 0.022, s * 0.011, "@light"),
        "ground",
        "ground",
        cx=cx,
        cy=foot + s * 0.008,
        style="shape",
    )
    c.badge(board, cast, hero)
    used = 0
    spots = [
        [(cx - cast.side * r * 0.98, cy + r * 0.36), (cx - cast.side * r * 1.14, cy + r * 0.3)],
        [(cx + cast.side * r * 1.04, cy - r * 0.3), (cx + cast.side * r * 1.08, cy + r * 0.2)],
        [(cx - cast.side * r * 0.8, cy - r * 0.72), (cx - cast.side * r * 1.0, cy - r * 0.4)],
    ]
    for part, spot in zip(cast.companions[: _count(cast, 2)], spots, strict=False):
        style = "solid" if used == 0 else "outline"
        if c.hanging(board, part, spot, h=s * (0.24 if used == 0 else 0.2), style=style) is not None:
            used += 1
    if w / h > 1.5:
        _rim_rings(board, cast, cx, cy, r)
    _finish(board, cast, None, used, marks=4)


def _rim_rings(board: Board, cast: Cast, cx: float, cy: float, r: float) -> None:
    """Wide frames: two paler discs with a companion each, so that the width is used."""
    rest = [p for p in cast.companions[2:4]]
    for part, side in zip(rest, (-1, 1), strict=False):
        x = cx + side * r * 1.75
        board.put(shapes.disc(r * 0.42, "@mist"), "backdrop", "backdrop", cx=x, cy=cy + r * 0.3, style="shape")
        c.hanging(board, part, [(x, cy + r * 0.3)], h=r * 0.5, style="outline")


def in_window(board: Board, cast: Cast) -> None:
    """The subject steps out of a browser window."""
    x0, y0, w, h, s = _frame(board)
    ww, wh, u = s * 0.86, s * 0.6, s / 430
    left, top = x0 + (w - ww) / 2, y0 + (h - wh) / 2 - s * 0.02
    foot = top + wh + s * 0.035
    pane = board.put(shapes.window(ww, wh, u), "backdrop", "window", cx=left + ww / 2, cy=top + wh / 2, style="shape")
    hero = c.subject(board, cast, cx=left + ww / 2 + cast.side * ww * 0.16, foot=foot, h=s * 0.6, w=s * 0.5)
    _bars(board, cast, pane, hero, u)
    c.badge(board, cast, hero)
    used = 0
    outer = left + ww / 2 - cast.side * ww * 0.5
    for part in cast.companions[: _count(cast, 1)]:
        item = c.companion(board, part, style="outline", h=s * 0.3, cx=outer + cast.side * s * 0.06, foot=foot)
        if (used == 0 and board.try_put([item], gap=2, over_subject=0.1)) or c.beside(board, cast, part, hero, cast.side, h=s * 0.22, style="outline", foot=foot, tuck=0.1):
            used += 1
    _finish(board, cast, foot, used, h=s * 0.26)


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


def on_island(board: Board, cast: Cast) -> None:
    """A floating island with the subject and a companion on it, clouds about."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.68
    iw = s * 0.72
    board.put(shapes.island(iw, s * 0.24, cast.rng("island")), "ground", "ground", cx=cx, foot=foot, style="shape", z=2)
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.05, foot=foot + s * 0.012, h=s * 0.54, w=s * 0.5)
    sky = shapes.disc(s * 0.36)
    board.put(sky, "backdrop", "backdrop", cx=cx - cast.side * s * 0.05, cy=foot - s * 0.26, style="shape")
    c.badge(board, cast, hero)
    used = 0
    for part in cast.companions[:1]:
        if c.beside(
            board,
            cast,
            part,
            hero,
            -cast.side,
            h=s * 0.24,
            style="solid" if part.kind != "icon" else "outline",
            foot=foot + s * 0.005,
            tuck=0.26,
        ):
            used += 1
    for side, dy, cw in ((cast.side, -0.36, 0.2), (-cast.side, -0.16, 0.15)):
        x = cx + side * s * (0.4 if cw > 0.18 else 0.44)
        board.put(shapes.cloud(s * cw, "@mist"), "backdrop", "backdrop", cx=x, cy=foot + dy * s, style="shape", z=1.2)
    if len(cast.companions) > 1 and cast.detail != "minimal":
        c.hanging(
            board,
            cast.companions[1],
            [(cx - cast.side * s * 0.36, foot - s * 0.44), (cx + cast.side * s * 0.42, foot - s * 0.12)],
            h=s * 0.17,
            style="outline",
            turn=-8 * cast.side,
        )
        used += 1
    if w / h > 1.5:
        _satellites(board, cast, used, cx, foot, s)
    _finish(board, cast, None, used, marks=3)


def _satellites(board: Board, cast: Cast, used: int, cx: float, foot: float, s: float) -> None:
    """Wide frames: smaller islands to both sides, one companion each."""
    for part, side, dy in zip(cast.companions[used : used + 2], (cast.side, -cast.side), (0.02, -0.1), strict=False):
        x, y = cx + side * s * 0.78, foot + dy * s
        board.put(
            shapes.island(s * 0.3, s * 0.11, cast.rng(f"island{side}")),
            "ground",
            "ground",
            cx=x,
            foot=y,
            style="shape",
            z=2,
        )
        item = c.companion(board, part, style="outline", h=s * 0.24, cx=x, foot=y + 1)
        board.try_put([item])


def trio(board: Board, cast: Cast) -> None:
    """A group: the subject between two solid companions, a size apart, before a silhouette."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    c.backdrop(board, cast, cx=cx, cy=foot - s * 0.4, h=s * 0.78, w=s * 0.98, foot=foot)
    hero = c.subject(board, cast, cx=cx, foot=foot, h=s * 0.6, w=s * 0.46)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(cast.companions[:2], (-cast.side, cast.side), (0.4, 0.3), strict=False):
        style = "solid" if part.kind != "icon" else "outline"
        if c.beside(board, cast, part, hero, side, h=s * height, style=style, foot=foot, tuck=0.2):
            used += 1
    _finish(board, cast, foot, used, h=s * 0.26)


def in_arch(board: Board, cast: Cast) -> None:
    """An arched view with hills and a sun behind the subject, which stands in the doorway."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.94
    aw, ah = s * 0.62, min(s * 0.86, h * 0.92)
    board.put(shapes.arch(aw, ah), "backdrop", "backdrop", cx=cx, foot=foot, style="shape")
    sun = shapes.disc(s * 0.075, "@accent")
    board.put(sun, "backdrop", "backdrop", cx=cx + cast.side * aw * 0.22, cy=foot - ah * 0.74, style="shape", z=1.1)
    ridge = shapes.hills(aw, s * 0.22, cast.rng("hills"), "@light")
    board.put(ridge, "backdrop", "backdrop", cx=cx, foot=foot, style="shape", z=1.2)
    hero = c.subject(board, cast, cx=cx - cast.side * s * 0.06, foot=foot, h=s * 0.56, w=s * 0.54)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: _count(cast, 2)], (cast.side, -cast.side), (0.34, 0.24), strict=False
    ):
        x = cx + side * aw * 0.56
        item = c.companion(board, part, style=c.styled(cast, used), h=s * height, cx=x, foot=foot)
        wider = c.companion(board, part, style=c.styled(cast, used), h=s * height, cx=x + side * s * 0.1, foot=foot)
        if board.try_put([item, wider], gap=3, over_subject=0.12):
            used += 1
    _finish(board, cast, foot, used, h=s * 0.26)


def on_shelf(board: Board, cast: Cast) -> None:
    """A shelf: the subject and a companion on it, framed things on the wall above."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.8
    sw = s * 0.92
    board.put(shapes.slab(s * 0.8, s * 0.7, s * 0.06), "backdrop", "backdrop", cx=cx, cy=foot - s * 0.27, style="shape")
    board.put(shapes.shelf(sw, s * 0.04), "ground", "ground", cx=cx, foot=foot, style="shape", z=2)
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.14, foot=foot, h=s * 0.54, w=s * 0.48)
    c.badge(board, cast, hero)
    used = 0
    for part in cast.companions[:1]:
        if c.beside(board, cast, part, hero, -cast.side, h=s * 0.3, style=c.styled(cast, 0), foot=foot, tuck=0.0):
            used += 1
    left = hero.box[0] if cast.side > 0 else hero.box[2]
    edge = cx - cast.side * s * 0.36
    for part in cast.companions[1:2]:
        x = (left + edge) / 2
        c.hanging(board, part, [(x, foot - s * 0.46), (edge, foot - s * 0.46)], h=s * 0.17, style="outline")
        used += 1
    _finish(board, cast, None, used, marks=3)


def diagonal(board: Board, cast: Cast) -> None:
    """A rising line: the subject up one corner, a companion down the other, a dashed trail between them."""
    x0, y0, w, h, s = _frame(board)
    cx, cy = x0 + w / 2, y0 + h / 2
    big = shapes.disc(s * 0.33)
    board.put(big, "backdrop", "backdrop", cx=cx + cast.side * s * 0.1, cy=cy - s * 0.07, style="shape")
    hero = board.put(
        cast.subject, "subject", "subject", h=s * 0.56, w=s * 0.56, cx=cx + cast.side * s * 0.1, cy=cy - s * 0.07
    )
    c.badge(board, cast, hero)
    used = 0
    for part in cast.companions[:1]:
        spots = [
            (cx - cast.side * s * 0.31, cy + s * 0.26),
            (cx - cast.side * s * 0.37, cy + s * 0.3),
            (cx - cast.side * s * 0.42, cy + s * 0.36),
        ]
        item = c.hanging(board, part, spots, h=s * 0.25, style=c.styled(cast, 0))
        if item is not None:
            x0_, y0_, x1_, y1_ = item.box
            seat = shapes.disc(s * 0.15, "@mist")
            board.put(seat, "backdrop", "backdrop", cx=(x0_ + x1_) / 2, cy=(y0_ + y1_) / 2, style="shape", z=0.9)
        used += 1
    side = cast.side
    points = [
        (cx - side * s * 0.16, cy + s * 0.36),
        (cx + side * s * 0.08, cy + s * 0.36),
        (cx + side * s * 0.34, cy + s * 0.27),
        (cx + side * s * 0.44, cy + s * 0.06),
    ]
    board.put(
        shapes.trail(points), "ground", "trail", cx=(points[0][0] + points[3][0]) / 2, cy=cy + s * 0.21, style="shape"
    )
    for part in cast.companions[1 : _count(cast, 2)]:
        c.hanging(
            board,
            part,
            [(cx - side * s * 0.32, cy - s * 0.26), (cx - side * s * 0.38, cy - s * 0.1)],
            h=s * 0.18,
            style="outline",
            turn=-6 * side,
        )
        used += 1
    if w / h > 1.5:
        spots = [(cx + side * s * 0.72, cy + s * 0.12), (cx - side * s * 0.74, cy - s * 0.02)]
        for part, spot in zip(cast.companions[used : used + 2], spots, strict=False):
            board.put(
                shapes.disc(s * 0.14, "@mist"), "backdrop", "backdrop", cx=spot[0], cy=spot[1], style="shape", z=0.9
            )
            c.hanging(board, part, [spot], h=s * 0.22, style="outline")
    _finish(board, cast, None, used, marks=4)


def orbit(board: Board, cast: Cast) -> None:
    """Rings round the subject; companions ride on them in discs of their own."""
    x0, y0, w, h, s = _frame(board)
    cx, cy = x0 + w / 2, y0 + h / 2
    r = s * 0.4
    board.put(shapes.disc(s * 0.27), "backdrop", "backdrop", cx=cx, cy=cy, style="shape")
    board.put(shapes.ring(r), "backdrop", "ring", cx=cx, cy=cy, style="shape", z=0.9)
    hero = board.put(cast.subject, "subject", "subject", h=s * 0.46, w=s * 0.46, cx=cx, cy=cy)
    c.badge(board, cast, hero)
    seats = [(-0.94, -0.34), (0.9, 0.44), (0.62, -0.79), (-0.6, 0.8)]
    used = 0
    for part, (dx, dy) in zip(cast.companions[: _count(cast, 3)], seats, strict=False):
        x, y, rr = cx + cast.side * dx * r, cy + dy * r, s * (0.105 if used else 0.12)
        box = (x - rr, y - rr, x + rr, y + rr)
        if any(c.overlap(box, item.box) > 0.12 for item in board.solids()):
            continue
        board.put(shapes.disc(rr, "@mist"), "companions", "seat", cx=x, cy=y, style="shape", z=2.9)
        board.add(c.companion(board, part, style="outline", h=rr * 1.25, w=rr * 1.35, cx=x, cy=y))
        used += 1
    if w / h > 1.4:
        board.put(shapes.ring(r * 1.6), "backdrop", "ring", cx=cx, cy=cy, style="shape", z=0.8, loose=True)
    _finish(board, cast, None, used, marks=3)


def cards(board: Board, cast: Cast) -> None:
    """Two cards behind the subject, one turned, one only dashed."""
    x0, y0, w, h, s = _frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.92
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.04, foot=foot, h=s * 0.62, w=s * 0.6)
    card = shapes.slab(s * 0.58, s * 0.66, s * 0.05)
    board.put(
        card, "backdrop", "backdrop", cx=cx + cast.side * s * 0.1, cy=foot - s * 0.42, style="shape", turn=7 * cast.side
    )
    frame = shapes.dashed(s * 0.4, s * 0.44, s * 0.035)
    board.put(frame, "backdrop", "dashed", cx=cx - cast.side * s * 0.24, cy=foot - s * 0.24, style="shape", z=2.5)
    c.badge(board, cast, hero)
    used = 0
    for part, side, height in zip(
        cast.companions[: _count(cast, 2)], (-cast.side, cast.side), (0.27, 0.24), strict=False
    ):
        c.beside(board, cast, part, hero, side, h=s * height, style=c.styled(cast, used), foot=foot, tuck=0.12)
        used += 1
    _finish(board, cast, foot, used, h=s * 0.24)


def podium(board: Board, cast: Cast) -> None:
    """Steps of different height: the subject on the highest, companions on the others."""
    x0, y0, w, h, s = _frame(board)
    cx, base = x0 + w / 2, y0 + h * 0.94
    bw = s * 0.3
    rays = shapes.rays(s * 0.44, s * 0.1, 14) if cast.festive else shapes.disc(s * 0.34)
    board.put(rays, "backdrop", "backdrop", cx=cx, cy=base - s * 0.46, style="shape")
    heights = {0: s * 0.24, -cast.side: s * 0.15, cast.side: s * 0.09}
    for at, height in heights.items():
        fill = "@main" if at == 0 else "@light"
        cap = "@light" if at == 0 else "@pale"
        board.put(
            shapes.block(bw, height, fill, cap),
            "ground",
            "ground",
            cx=cx + at * bw * 0.98,
            foot=base,
            style="shape",
            z=2.2 if at == 0 else 2.1,
        )
    hero = c.subject(board, cast, cx=cx, foot=base - heights[0], h=s * 0.5, w=s * 0.4)
    c.badge(board, cast, hero)
    used = 0
    for part, side in zip(cast.companions[:2], (-cast.side, cast.side), strict=False):
        item = c.companion(
            board, part, style="outline", h=s * 0.25, w=bw * 0.85, cx=cx + side * bw, foot=base - heights[side]
        )
        if board.try_put([item], gap=0, over_subject=0.2):
            used += 1
    _finish(board, cast, base, used, h=s * 0.24)


COMPOSITIONS: dict[str, Composition] = {
    "stand": stand,
    "window": in_window,
    "disc": disc,
    "trio": trio,
    "island": on_island,
    "cards": cards,
    "arch": in_arch,
    "orbit": orbit,
    "shelf": on_shelf,
    "diagonal": diagonal,
    "podium": podium,
}
