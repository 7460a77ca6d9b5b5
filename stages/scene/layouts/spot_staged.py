"""Spot scenes on something built: an island, a shelf, a podium; or in the air: a diagonal, an orbit."""

from __future__ import annotations

from imajin_cli.stages.scene import air, shapes
from imajin_cli.stages.scene.board import Board, overlap
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.spot_base import count, finish, frame


def on_island(board: Board, cast: Cast) -> None:
    """A floating island with the subject and a companion on it, clouds about."""
    x0, y0, w, h, s = frame(board)
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
    for part in c.airy_first(list(cast.companions[1:]))[: cast.detail != "minimal"]:
        c.hanging(
            board,
            part,
            [(cx - cast.side * s * 0.36, foot - s * 0.44), (cx + cast.side * s * 0.42, foot - s * 0.12)],
            h=s * 0.17,
            style="outline",
            turn=-8 * cast.side,
        )
        used += 1
    if w / h > 1.5:
        _satellites(board, cast, used, cx, foot, s)
    finish(board, cast, None, used, marks=3)


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


def on_shelf(board: Board, cast: Cast) -> None:
    """A shelf: the subject and a companion on it, framed things on the wall above."""
    x0, y0, w, h, s = frame(board)
    cx, foot = x0 + w / 2, y0 + h * 0.8
    sw = s * 0.92
    board.put(shapes.slab(s * 0.8, s * 0.7, s * 0.06), "backdrop", "backdrop", cx=cx, cy=foot - s * 0.27, style="shape")
    board.put(shapes.shelf(sw, s * 0.04), "ground", "ground", cx=cx, foot=foot, style="shape", z=2)
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.14, foot=foot, h=s * 0.54, w=s * 0.48)
    c.badge(board, cast, hero)
    used = 0
    for part in cast.companions[:1]:
        if c.beside(board, part, hero, -cast.side, h=s * 0.3, style=c.styled(cast, 0), foot=foot, tuck=0.0):
            used += 1
    left = hero.box[0] if cast.side > 0 else hero.box[2]
    edge = cx - cast.side * s * 0.36
    for part in c.airy_first(list(cast.companions[1:]))[:1]:
        x = (left + edge) / 2
        c.hanging(board, part, [(x, foot - s * 0.46), (edge, foot - s * 0.46)], h=s * 0.17, style="outline")
        used += 1
    finish(board, cast, None, used, marks=3)


def diagonal(board: Board, cast: Cast) -> None:
    """A rising line: the subject up one corner, a companion down the other, a dashed trail between them."""
    x0, y0, w, h, s = frame(board)
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
        item = c.hanging(board, part, spots, h=s * 0.25, style=c.styled(cast, 0), seat=True)
        if item is not None and not air.stands(part):
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
    for part in cast.companions[1 : count(cast, 2)]:
        c.hanging(
            board,
            part,
            [(cx - side * s * 0.32, cy - s * 0.26), (cx - side * s * 0.38, cy - s * 0.1)],
            h=s * 0.18,
            style="outline",
            turn=-6 * side,
            seat=True,
        )
        used += 1
    if w / h > 1.5:
        spots = [(cx + side * s * 0.72, cy + s * 0.12), (cx - side * s * 0.74, cy - s * 0.02)]
        for part, spot in zip(cast.companions[used : used + 2], spots, strict=False):
            board.put(
                shapes.disc(s * 0.14, "@mist"), "backdrop", "backdrop", cx=spot[0], cy=spot[1], style="shape", z=0.9
            )
            board.try_put([c.companion(board, part, style="outline", h=s * 0.22, cx=spot[0], cy=spot[1])])
    finish(board, cast, None, used, marks=4)


def orbit(board: Board, cast: Cast) -> None:
    """Rings round the subject; companions ride on them in discs of their own."""
    x0, y0, w, h, s = frame(board)
    cx, cy = x0 + w / 2, y0 + h / 2
    r = s * 0.42
    board.put(shapes.disc(s * 0.3), "backdrop", "backdrop", cx=cx, cy=cy, style="shape")
    board.put(shapes.ring(r), "backdrop", "ring", cx=cx, cy=cy, style="shape", z=0.9)
    hero = board.put(cast.subject, "subject", "subject", h=s * 0.52, w=s * 0.52, cx=cx, cy=cy)
    c.badge(board, cast, hero)
    seats = [(-0.94, -0.34), (0.9, 0.44), (0.62, -0.79), (-0.6, 0.8)]
    used = 0
    for part, (dx, dy) in zip(cast.companions[: count(cast, 3)], seats, strict=False):
        x, y, rr = cx + cast.side * dx * r, cy + dy * r, s * (0.115 if used else 0.13)
        box = (x - rr, y - rr, x + rr, y + rr)
        if any(overlap(box, item.box) > 0.12 for item in board.solids()):
            continue
        board.put(shapes.disc(rr, "@mist"), "companions", "seat", cx=x, cy=y, style="shape", z=2.9)
        board.add(c.companion(board, part, style="outline", h=rr * 1.3, w=rr * 1.4, cx=x, cy=y))
        used += 1
    if w / h > 1.4:
        board.put(shapes.ring(r * 1.6), "backdrop", "ring", cx=cx, cy=cy, style="shape", z=0.8, loose=True)
    finish(board, cast, None, used, marks=3)


def podium(board: Board, cast: Cast) -> None:
    """Steps of different height: the subject on the highest, companions on the others."""
    x0, y0, w, h, s = frame(board)
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
    finish(board, cast, base, used, h=s * 0.24)
