"""Spot scenes on tall canvases: the height is used by what stands above, not left free. Two skeletons."""

from __future__ import annotations

from imajin_cli.stages.scene import land, shapes
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.spot_base import count
from imajin_cli.stages.scene.layouts.strew import scatter

# From this height by width on, a frame is tall.
TALL = 1.22
# Kinds that look lost in the air.
ROOTED = frozenset({"place", "nature", "animal", "mascot", "person", "vehicle"})


def is_tall(board: Board) -> bool:
    """Whether the frame that is left for the drawing is a good deal taller than wide."""
    x0, y0, x1, y1 = board.frame
    return (y1 - y0) / (x1 - x0) >= TALL


def fill_sky(board: Board, cast: Cast, hero: Item, top: float) -> None:
    """Put companions into the air above the subject, swinging from side to side, and clouds between them."""
    x0, _, x1, _ = board.frame
    w, cx = x1 - x0, (x0 + x1) / 2
    floor = min([hero.box[1], *(item.box[1] for item in board.items if item.role == "window")])
    side, at = -cast.side, 0
    size = min(w * 0.26, (floor - top) * 0.5)
    y = floor - size * 0.55
    for part in c.waiting(board, cast):
        if part.ground is not None and part.kind in ROOTED:
            continue
        if y - size * 0.5 < top or at >= count(cast, 3):
            break
        style = "solid" if part.kind != "icon" and at % 2 == 0 else "outline"
        x = cx + side * w * (0.27 if at % 2 == 0 else 0.25)
        if c.hanging(board, part, [(x, y), (x, y - size * 0.2)], h=size, style=style, turn=7.0 * side) is not None:
            side, at = -side, at + 1
        y -= size * 0.78
    fill = "@paper" if any(item.role == "backdrop" and item.part.name == "view" for item in board.items) else "@mist"
    for dx, dy, width in ((0.3, 0.12, 0.24), (-0.34, 0.38, 0.18), (0.36, 0.62, 0.16)):
        cloud = shapes.cloud(w * width, fill)
        x, at_y = cx + cast.side * dx * w, top + dy * (floor - top)
        item = board.make(cloud, "backdrop", "cloud", cx=x, cy=at_y, style="shape", z=1.2, loose=True)
        if board.free(item, 4):
            board.add(item)


def arched(board: Board, cast: Cast) -> None:
    """A tall arched view; the subject large at its foot, companions on both sides and in the sky."""
    x0, y0, x1, y1 = board.frame
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    foot = y1 - h * 0.02
    view = land.arched_view(w * 0.9, h * 0.98, cast.rng("view"), cast.side)
    board.put(view, "backdrop", "backdrop", cx=cx, foot=foot, style="shape")
    stand = foot - (0.0 if cast.subject.kind == "person" else h * 0.035)
    sun = land.sun_box(w * 0.9, h * 0.98, cx, foot, cast.side)
    hero = c.subject(board, cast, cx=cx + cast.side * w * 0.04, foot=stand, h=h * 0.56, w=w * 0.74)
    c.badge(board, cast, hero)
    _flank(board, cast, hero, stand, w)
    board.reserved.append(sun)
    fill_sky(board, cast, hero, y0 + h * 0.1)
    board.reserved.remove(sun)
    c.set_off(board)
    scatter(board, cast, c.mark_count(cast, 6), (x0, y0, x1, hero.box[1] + h * 0.1))


def _flank(board: Board, cast: Cast, hero: Item, foot: float, w: float) -> None:
    """Two companions tucked behind the subject, within the canvas, and whatever else the prompt names."""
    board.limit = (max(2.0, board.frame[0] - w * 0.03), 0.0, board.frame[2] + w * 0.03, board.height)
    for at, (part, side, height) in enumerate(zip(cast.companions, (-cast.side, cast.side), (0.4, 0.3), strict=False)):
        style = "solid" if part.kind != "icon" and at == 0 else "outline"
        for shrink, tuck in ((1.0, 0.36), (0.78, 0.36), (0.7, 0.5)):
            if c.beside(board, part, hero, side, h=w * height * shrink, style=style, foot=foot, tuck=tuck):
                break
    c.complete(board, cast, foot, w)
    board.limit = None


def column(board: Board, cast: Cast) -> None:
    """The subject before a tall silhouette of three discs that grow downwards, companions beside the upper ones."""
    x0, y0, x1, y1 = board.frame
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    big = w * 0.47
    for dx, y, r, fill, z in (
        (0.0, y1 - big, big, "@pale", 0.9),
        (-cast.side * 0.14, y1 - big * 1.9 - w * 0.16, w * 0.27, "@mist", 0.7),
        (cast.side * 0.2, y0 + w * 0.2, w * 0.18, "@pale", 0.8),
    ):
        board.put(shapes.disc(r, fill), "backdrop", "backdrop", cx=cx + dx * w, cy=y, style="shape", z=z)
    foot = y1 - h * 0.045
    hero = c.subject(board, cast, cx=cx + cast.side * w * 0.03, foot=foot, h=h * 0.58, w=w * 0.78)
    c.badge(board, cast, hero)
    _flank(board, cast, hero, foot, w)
    line = shapes.ground_line(w * 0.96, cast.rng("ground"))
    board.put(line, "ground", "ground", cx=cx, cy=foot, style="shape", loose=True)
    fill_sky(board, cast, hero, y0 + h * 0.02)
    c.set_off(board)
    scatter(board, cast, c.mark_count(cast, 6), (x0, y0, x1, hero.box[1] + h * 0.1))


def draw_tall(board: Board, cast: Cast) -> None:
    """The skeleton for the cast: which one follows from the seed."""
    (arched if cast.rng("tall").random() < 0.6 else column)(board, cast)
