"""Spot scenes in a landscape: the subject on a hill of a round view, things planted beside it and drifting above."""

from __future__ import annotations

from imajin_cli.stages.scene import air, land, shapes
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.spot_base import count, finish, frame
from imajin_cli.stages.scene.part import Part


def floats(part: Part) -> bool:
    """Whether a thing may drift in the air."""
    return part.kind != "icon" and not air.stands(part)


def sorted_for_air(cast: Cast, most: int) -> tuple[list[Part], list[Part]]:
    """(what drifts, what stands) of the first companions; places such as signposts stand first."""
    parts = list(cast.companions)
    air = [part for part in parts[: max(5, cast.told)] if floats(part)][:1]
    rest = [part for part in parts if part not in air][: max(most - len(air), cast.told)]
    return air, sorted(rest, key=lambda part: part.kind != "place")


def vista(board: Board, cast: Cast) -> None:
    """A round view with hills and a sun; the subject large before it, one thing planted on each side, one in the air."""
    x0, y0, w, h, s = frame(board)
    cx, cy, r = x0 + w / 2, y0 + h * 0.5, s * 0.43
    badge = cast.subject.badge
    left = badge is None or badge[0] < (cast.subject.box[0] + cast.subject.box[2]) / 2
    lit = 1 if left else -1
    board.put(
        land.round_view(r, cast.rng("view"), lit, cast.sunny), "backdrop", "backdrop", cx=cx, cy=cy, style="shape"
    )
    foot = cy + r * 0.86
    hero = c.subject(board, cast, cx=cx + cast.side * s * 0.05, foot=foot, h=s * 0.72, w=s * 0.6)
    c.badge(board, cast, hero)
    air, stand = sorted_for_air(cast, count(cast, 3))
    used = _plant(board, cast, hero, stand, foot, s)
    for part in air:
        used += _drift(board, part, (cx, cy, r), s, lit)
    for side, dx, dy, cw in ((-lit, 0.84, -0.66, 0.22), (lit, 0.98, -0.12, 0.17), (-lit, 1.0, -0.2, 0.14)):
        cloud = board.make(
            shapes.cloud(s * cw, "@mist"),
            "backdrop",
            "cloud",
            cx=cx + side * r * dx,
            cy=cy + r * dy,
            style="shape",
            z=1.2,
        )
        if board.free(cloud, 2):
            board.add(cloud)
    finish(board, cast, None, used, marks=4)


def _plant(board: Board, cast: Cast, hero: Item, parts: list[Part], foot: float, s: float) -> int:
    """Stand things on the hill: a tall one on the far side of the light, a small one in front on the other."""
    used = 0
    for part, side, height in zip(parts, (-cast.side, cast.side, -cast.side), (0.42, 0.27, 0.2), strict=False):
        style = "solid" if part.kind != "icon" and (used == 0 or cast.solid or used < cast.told) else "outline"
        tall = 0.3 if part.kind not in ("place", "person", "mascot", "animal", "nature") and used == 0 else height
        tuck = 0.2 if used == 0 else 0.08
        if c.beside(
            board, part, hero, side, h=s * tall, style=style, foot=foot - (s * 0.012 if used == 0 else 0), tuck=tuck
        ):
            used += 1
    return used


def _drift(board: Board, part: Part, view: tuple[float, float, float], s: float, lit: int) -> int:
    """Let a light thing fly off below the sun, or into another free corner of the sky, a dashed trail behind it."""
    cx, cy, r = view
    places = ((lit, 1.0, -0.24), (lit, 1.08, -0.2), (-lit, 0.9, -0.5), (-lit, 0.98, -0.66), (lit, 1.08, -0.4))
    spots = [(cx + way * r * dx, cy + r * dy) for way, dx, dy in places]
    item = c.hanging(board, part, spots, h=s * 0.23, style="solid", turn=12.0 * lit)
    if item is None:
        return 0
    x0, _, x1, y1 = item.box
    middle = (x0 + x1) / 2
    way = -1 if middle < cx else 1
    points = [
        (middle + way * s * 0.01, y1 + s * 0.015),
        (middle + way * s * 0.045, y1 + s * 0.05),
        (middle + way * s * 0.005, y1 + s * 0.085),
        (middle - way * s * 0.03, y1 + s * 0.06),
        (middle - way * s * 0.02, y1 + s * 0.12),
    ]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    at = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    trail = board.make(shapes.trail(points), "ground", "trail", cx=at[0], cy=at[1], style="shape", z=1.4, loose=True)
    if board.free(trail, 0):
        board.add(trail)
    return 1
