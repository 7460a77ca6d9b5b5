"""Spot scenes on tall canvases: the height is used by what stands above, not left free. Four skeletons."""

from __future__ import annotations

from dataclasses import replace

from imajin_cli.stages.scene import air, land, shapes
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.deal import walk
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.spot_base import count
from imajin_cli.stages.scene.layouts.strew import scatter

# From this height by width on, a frame is tall.
TALL = 1.22


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
        if air.stands(part) or air.is_bare(part, cast.companions[: cast.told]):
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
    view = land.arched_view(w * 0.9, h * 0.98, cast.rng("view"), cast.side, cast.sunny)
    board.put(view, "backdrop", "backdrop", cx=cx, foot=foot, style="shape")
    stand = foot - (0.0 if cast.subject.kind == "person" else h * 0.035)
    sun = land.sun_box(w * 0.9, h * 0.98, cx, foot, cast.side)
    hero = c.subject(board, cast, cx=cx + cast.side * w * 0.04, foot=stand, h=h * 0.56, w=w * 0.74)
    c.badge(board, cast, hero)
    _flank(board, cast, hero, stand, w)
    if cast.sunny:
        board.reserved.append(sun)
    fill_sky(board, cast, hero, y0 + h * 0.1)
    if cast.sunny:
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


def screen(board: Board, cast: Cast) -> None:
    """A tall page in a browser window, its text above; the subject steps out of its lower half."""
    x0, y0, x1, y1 = board.frame
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    foot = y1 - h * 0.03
    pane_h = h * 0.86
    u = w / 360
    shape = shapes.window(w * 0.86, pane_h, u)
    pane = board.put(shape, "backdrop", "window", cx=cx, cy=foot - h * 0.03 - pane_h / 2, style="shape")
    hero = c.subject(board, cast, cx=cx + cast.side * w * 0.1, foot=foot, h=h * 0.5, w=w * 0.66)
    c.badge(board, cast, hero)
    left, right, top = pane.box[0] + 24 * u, pane.box[2] - 24 * u, pane.box[1] + 54 * u
    wide = right - left
    for at, (share, height, fill) in enumerate(((0.62, 18, "@light"), (1, 12, "@paper"), (0.78, 12, "@paper"))):
        bar = shapes.slab(wide * share, height * u, height * u / 2, fill, "bar")
        x = left + wide * share / 2 if cast.side > 0 else right - wide * share / 2
        board.put(bar, "backdrop", "bar", cx=x, cy=top + 30 * u * at, style="shape", z=1.2)
    _flank(board, cast, hero, foot, w)
    for part in c.airy_first(c.waiting(board, cast))[:1]:
        spot = (cx - cast.side * w * 0.2, (top + 84 * u + hero.box[1]) / 2)
        c.hanging(board, part, [spot], h=w * 0.22, style="outline")
    line = shapes.ground_line(w * 0.98, cast.rng("ground"))
    board.put(line, "ground", "ground", cx=cx, cy=foot, style="shape", loose=True)
    c.set_off(board)
    scatter(board, cast, c.mark_count(cast, 4), (x0, y0, x1, hero.box[1] + h * 0.1))


def poster(board: Board, cast: Cast) -> None:
    """A tall card with rays about its middle, where the subject stands; two companions on a shelf below it, or above it."""
    x0, y0, x1, y1 = board.frame
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    card = shapes.slab(w * 0.94, h * 0.99, w * 0.12, "@pale", "card")
    board.put(card, "backdrop", "card", cx=cx, cy=(y0 + y1) / 2, style="shape", z=0.8)
    low = cast.side < 0  # the mirrored poster stands on its head
    middle = y0 + h * (0.6 if low else 0.42)
    board.put(shapes.rays(w * 0.43, w * 0.08, 16, "@soft"), "backdrop", "rays", cx=cx, cy=middle, style="shape", z=0.9)
    hero = c.subject(board, cast, cx=cx, foot=middle + h * 0.23, h=h * 0.44, w=w * 0.66)
    c.badge(board, cast, hero)
    x_0, _, x_1, foot = hero.box
    plinth = shapes.slab((x_1 - x_0) * 0.9 + w * 0.1, w * 0.035, w * 0.018, "@light")
    board.put(plinth, "ground", "ground", cx=cx, cy=foot + w * 0.012, style="shape")
    base, room = (y0 + h * 0.27, h * 0.2) if low else (y1 - h * 0.075, y1 - h * 0.125 - foot)
    board.put(shapes.shelf(w * 0.74, w * 0.03), "ground", "ground", cx=cx, foot=base, style="shape", z=2)
    for at, part in enumerate(cast.companions[: 1 if cast.detail == "minimal" else max(2, min(cast.told, 3))]):
        style = "solid" if at == 0 and part.kind != "icon" else "outline"
        x = cx + cast.side * w * (-0.2, 0.2, 0.0)[at]
        size = min(w * 0.3, room)
        board.try_put([c.companion(board, part, style=style, h=size, cx=x, foot=base)], 2)
    for part in c.airy_first(c.waiting(board, cast))[:1]:
        spot = (cx + cast.side * w * 0.26, y1 - h * 0.1 if low else y0 + h * 0.1)
        c.hanging(board, part, [spot, (cx - cast.side * w * 0.26, spot[1])], h=w * 0.19, style="outline", turn=6.0)
    c.complete(board, cast, foot, w)
    c.set_off(board)
    scatter(board, cast, c.mark_count(cast, 5), (x0 + w * 0.06, y0 + h * 0.02, x1 - w * 0.06, y1 - h * 0.1))


SKELETONS = (arched, screen, column, poster)


def draw_tall(board: Board, cast: Cast) -> None:
    """The skeleton for the cast: they come in turn, on both sides."""
    _, which, mirrored = walk(cast.step, cast.subjects, len(SKELETONS), 2)
    SKELETONS[which](board, replace(cast, side=-1 if mirrored else 1))
