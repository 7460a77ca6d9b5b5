"""Hero: a wide stage that fills its canvas, edge to edge. Five skeletons."""

from __future__ import annotations

import math

from imajin_cli.stages.scene import air, pack, shapes
from imajin_cli.stages.scene.board import Board, Item, overlap
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts import tall
from imajin_cli.stages.scene.layouts.fill import fill_beside_text
from imajin_cli.stages.scene.layouts.strew import scatter
from imajin_cli.stages.scene.part import Part


def _wide(board: Board) -> bool:
    return board.width / board.height >= 1.3


def _has_text(board: Board) -> bool:
    return bool(board.reserved)


def _focus(board: Board, cast: Cast) -> float:
    """Where the subject stands: in the middle of the frame; on wide canvases to one side, which leaves the other to company."""
    x0, _, x1, _ = board.frame
    middle = (x0 + x1) / 2
    if not _wide(board):
        return middle
    return middle + cast.side * (x1 - x0) * (0.08 if _has_text(board) else 0.15)


def _floor(board: Board) -> float:
    """The y of the ground: low on the canvas, above a text box that lies below."""
    _, y0, _, y1 = board.frame
    return y1 - (y1 - y0) * (0.04 if _has_text(board) and not _wide(board) else 0.06)


def _scale(board: Board) -> float:
    """What sizes go by: the frame's height, more where no text takes a part of the width; more of its width where it is tall."""
    x0, y0, x1, y1 = board.frame
    if _wide(board) and _has_text(board):  # half of the canvas: what keeps the subject company needs room as well
        return min((y1 - y0) * 0.98, (x1 - x0) * 0.84)
    roomy = 1.16 if _wide(board) else 1.04
    if (y1 - y0) > (x1 - x0) * tall.TALL:
        return min((y1 - y0) * 0.7, (x1 - x0) * 1.14)
    return min((y1 - y0) * roomy, (x1 - x0) * 0.98)


def _left(board: Board) -> float:
    """The left edge for companions: right of a text box that lies beside."""
    return board.frame[0]


def _crowd(board: Board, cast: Cast, hero: Item, foot: float, s: float, heights: tuple[float, ...]) -> int:
    """Companions along the ground: one tucked behind the subject, the others outwards while there is room."""
    used = 0
    limit = (_left(board), 0.0, board.frame[2], 0.0)
    for part, side, height in zip(cast.companions, (-cast.side, cast.side), heights, strict=False):
        style = "solid" if used == 1 and part.kind not in ("icon",) else "outline"
        if c.beside(board, part, hero, side, h=s * height, style=style, foot=foot, tuck=0.18 if used == 0 else 0.0):
            used += 1
    c.set_off(board)
    if cast.detail == "minimal":
        return used
    return c.tail(board, cast, used, foot, s * heights[-1], limit)


def _clouds(board: Board, cast: Cast, top: float, count: int, fill: str = "@pale") -> None:
    """Clouds in the upper part, apart from each other and from the subject."""
    rng = cast.rng("clouds")
    x0, x1 = _left(board), board.width
    for at in range(count):
        w = board.unit * (70 + 60 * rng.random())
        x = x0 + (x1 - x0) * ((at + 0.25 + 0.5 * rng.random()) / count)
        y = board.height * top * (0.55 + 0.9 * rng.random())
        item = board.make(shapes.cloud(w, fill), "backdrop", "cloud", cx=x, cy=y, style="shape", z=1.05, loose=True)
        if not any(
            overlap(item.box, other.box) > 0.05
            for other in board.items
            if other.role in ("subject", "cloud", "badge", "sun")
        ):
            board.add(item)


def _trees(board: Board, cast: Cast, floor: float, s: float) -> None:
    """Small trees as silhouettes on the far ground, in twos and threes, clear of everything that stands before."""
    tree = pack.own_parts().get("subjects", {}).get("tree")
    if tree is None or cast.detail == "minimal":
        return
    rng = cast.rng("trees")
    for group in range(5):
        x = board.width * (group + 0.2 + 0.6 * rng.random()) / 5
        for _ in range(rng.choice((1, 2, 3))):
            h = s * (0.1 + 0.1 * rng.random())
            item = board.make(tree, "backdrop", "tree", h=h, cx=x, foot=floor, style="@soft", z=1.5, loose=True)
            under_text = any(overlap(item.box, kept) > 0 for kept in board.reserved)
            if not under_text and not any(overlap(item.box, other.box) > 0.25 for other in board.solids()):
                board.add(item)
            x += h * 0.55


def _marks(board: Board, cast: Cast, floor: float, normal: int = 4) -> None:
    """The marks, after what the prompt names has found its place."""
    c.complete(board, cast, None if cast.subject.ground is not None else floor, _scale(board))
    x0, y0, x1, _ = board.frame
    if _has_text(board) and _wide(board):
        on_globe = any(item.role == "globe" for item in board.items)
        foot = None if on_globe else floor + board.unit * 3
        least = 4 if (x1 - x0) > 1.3 * (floor - y0) else 3
        fill_beside_text(board, cast, (x0, y0, board.width * 0.98, floor), foot, _scale(board), least)
    c.set_off(board)
    hero = next((item for item in board.items if item.role == "subject"), None)
    if hero is not None and tall.is_tall(board):
        standing = [part for part in c.waiting(board, cast) if air.stands(part)]
        foot = hero.box[3] if cast.subject.ground is not None else floor
        for part, side in zip(standing, (-cast.side, cast.side), strict=False):
            style = "solid" if side != cast.side and part.kind != "icon" else "outline"
            c.beside(board, part, hero, side, h=_scale(board) * 0.28, style=style, foot=foot, tuck=0.3)
        tall.fill_sky(board, cast, hero, y0)
    scatter(board, cast, c.mark_count(cast, normal), (max(_left(board), x0), y0, x1, floor - (floor - y0) * 0.12))


def landscape(board: Board, cast: Cast) -> None:
    """Two ridges of hills from edge to edge, a low sun, the subject and its companions on the near one."""
    floor, s = _floor(board), _scale(board)
    w, h = board.width, board.height
    cx = _focus(board, cast)
    sun_x = cx - cast.side * s * 0.42
    if cast.sunny:
        sun = shapes.disc(s * 0.3)
        board.put(sun, "backdrop", "sun", cx=sun_x, cy=floor - s * 0.5, style="shape", z=0.8, loose=True)
    far = shapes.hills(w, h * 0.34, cast.rng("far"), "@pale")
    board.put(far, "backdrop", "hills", cx=w / 2, foot=floor + h * 0.03, style="shape", z=1.0, loose=True)
    near = shapes.slab(w, h - floor, 0, "@soft", "near")
    board.put(near, "ground", "near", cx=w / 2, cy=(h + floor) / 2, style="shape", z=2, loose=True)
    hero = c.subject(board, cast, cx=cx, foot=floor + board.unit * 4, h=s * 0.7, w=s * 0.8)
    c.badge(board, cast, hero, 0.2)
    _crowd(board, cast, hero, floor + board.unit * 3, s, (0.4, 0.3, 0.26))
    _trees(board, cast, floor + board.unit, s)
    _clouds(board, cast, 0.22, 3)
    _marks(board, cast, floor, 3)


def _street(board: Board, floor: float, fill: str) -> None:
    """A flat ground from edge to edge."""
    w, h = board.width, board.height
    part = shapes.slab(w, h - floor, 0, fill, "street")
    board.put(part, "ground", "street", cx=w / 2, cy=(h + floor) / 2, style="shape", loose=True)


def city(board: Board, cast: Cast) -> None:
    """A skyline across the canvas; the subject large before it, companions along the street."""
    floor, s = _floor(board), _scale(board)
    w = board.width
    cx = _focus(board, cast)
    skyline = shapes.skyline(w, s * 0.62, cast.rng("skyline"), "@pale", "@tint")
    board.put(skyline, "backdrop", "skyline", cx=w / 2, foot=floor, style="shape", z=0.9, loose=True)
    _street(board, floor, "@pale")
    board.put(
        shapes.slab(w, max(2.0, board.unit * 3), 0, "@light", "kerb"),
        "ground",
        "street",
        cx=w / 2,
        cy=floor,
        style="shape",
        loose=True,
        z=2.1,
    )
    hero = c.subject(board, cast, cx=cx, foot=floor, h=s * 0.72, w=s * 0.8)
    c.badge(board, cast, hero, 0.2)
    _crowd(board, cast, hero, floor, s, (0.4, 0.3, 0.26))
    _clouds(board, cast, 0.2, 3)
    _marks(board, cast, floor, 2)


def horizon(board: Board, cast: Cast) -> None:
    """A huge round horizon bulges up from below; the subject stands on its top, companions float over its flanks."""
    s = _scale(board)
    w, h = board.width, board.height
    cx = _focus(board, cast) if _has_text(board) else (board.frame[0] + board.frame[2]) / 2
    top = _floor(board) - s * 0.12
    r = max(w * 0.62, h * 0.9)
    board.put(shapes.disc(r * 1.16, "@mist"), "backdrop", "halo", cx=cx, cy=top + r, style="shape", z=0.8, loose=True)
    # Half a figure rises from behind the horizon; whatever has feet stands on it.
    half_figure = cast.subject.kind == "person"
    board.put(
        shapes.disc(r), "ground", "globe", cx=cx, cy=top + r, style="shape", loose=True, z=4.6 if half_figure else None
    )
    hero = c.subject(board, cast, cx=cx, foot=top + board.unit * 3, h=s * 0.72, w=s * 0.76)
    # The ground falls away on both sides: a wide subject stands a little before its top.
    half = (0.52 if half_figure else 0.4) * (hero.box[2] - hero.box[0])
    hero.y += r - math.sqrt(r * r - half * half) + (board.unit * 8 if half_figure else 0)
    c.badge(board, cast, hero, 0.2)
    x0, x1 = _left(board), board.frame[2]
    spots = (
        (-0.29, -0.26, 0.34),
        (0.31, -0.34, 0.3),
        (0.44, -0.06, 0.24),
        (-0.45, -0.02, 0.24),
        (-0.43, -0.56, 0.22),
        (0.46, -0.6, 0.2),
    )
    span = min(x1 - x0, s * 2.6)
    for part, (dx, dy, size) in zip(cast.companions[: 2 if cast.detail == "minimal" else 6], spots, strict=False):
        x, y = cx + cast.side * dx * span, top + dy * s
        way = 1 if x > cx else -1
        if x0 + s * size * 0.5 < x < x1 - s * size * 0.5:
            style = "solid" if size > 0.25 and part.kind != "icon" else "outline"
            if air.stands(part):
                _on_globe(board, part, style, (x, way), s * size, (cx, top, r))
                continue
            spots_ = [(x, y), (x, y - s * 0.08), (x + way * s * 0.14, y), (x + way * s * 0.24, y - s * 0.04)]
            c.hanging(board, part, spots_, h=s * size, style=style, turn=6 * (1 if dx > 0 else -1))
    _marks(board, cast, top, 5)


def _on_globe(
    board: Board, part: Part, style: str, at: tuple[float, int], h: float, globe: tuple[float, float, float]
) -> None:
    """Stand a companion on the round ground (middle, top, radius) at x = at[0], or further out to the side at[1]."""
    (x, way), (cx, top, r) = at, globe
    tries = []
    for step in range(6):
        away = x + way * step * h * 0.3
        # It stands where the ground is at its lower edge on the outer side, so that no foot is in the air.
        dx = min(r * 0.95, abs(away - cx) + 0.3 * h)
        tries.append(c.companion(board, part, style=style, h=h, cx=away, foot=top + r - math.sqrt(r * r - dx * dx)))
    board.try_put([item for item in tries if board.frame[0] <= item.box[0] and item.box[2] <= board.frame[2]])


def windowed(board: Board, cast: Cast) -> None:
    """A wide browser window; the subject breaks out of it, companions stand before it."""
    floor, s = _floor(board), _scale(board)
    x0, _, x1, _ = board.frame
    w = min(x1 - x0, s * 1.6)
    cx = (x0 + x1) / 2
    h = s * 0.72
    u = s / 460
    top = floor - h - s * 0.04
    board.put(
        shapes.disc(s * 0.5, "@mist"),
        "backdrop",
        "halo",
        cx=max(cx - cast.side * w * 0.4, x0 + s * 0.47 if _has_text(board) and _wide(board) else 0.0),
        cy=floor - s * 0.4,
        style="shape",
        z=0.7,
        loose=True,
    )
    pane = board.put(shapes.window(w, h, u), "backdrop", "window", cx=cx, cy=top + h / 2, style="shape", z=1)
    hero = c.subject(
        board, cast, cx=cx + cast.side * w * 0.18, foot=floor, h=s * 0.76, w=w * (0.6 if _has_text(board) else 0.48)
    )
    c.badge(board, cast, hero, 0.2)
    _tiles(board, cast, pane, hero, u)
    outer = cx - cast.side * w * 0.44
    used = 0
    for part, height, x in zip(cast.companions, (0.34, 0.26), (outer, outer + cast.side * w * 0.24), strict=False):
        item = c.companion(board, part, style="outline", h=s * height, cx=x, foot=floor)
        if board.try_put([item], gap=4, over_subject=0.05):
            used += 1
    _street(board, floor, "@soft")
    _marks(board, cast, floor, 3)


def _tiles(board: Board, cast: Cast, pane: Item, hero: Item, u: float) -> None:
    """A page's content in the free half of a wide window: a heading and lines."""
    x0, y0, x1, _ = pane.box
    left, right = (x0 + 26 * u, hero.box[0] - 18 * u) if cast.side > 0 else (hero.box[2] + 18 * u, x1 - 26 * u)
    width = right - left
    if width < 60 * u:
        return
    for y, share, height, fill in ((54, 0.62, 18, "@light"), (84, 0.9, 12, "@paper"), (106, 0.76, 12, "@paper")):
        part = shapes.slab(width * share, height * u, height * u / 2, fill, "bar")
        board.put(part, "backdrop", "bar", cx=left + width * share / 2, cy=y0 + y * u, style="shape", z=1.2)


def ribbons(board: Board, cast: Cast) -> None:
    """Waves sweep across the lower half; the subject rides them to one side, outlined things drift on the other."""
    s = _scale(board)
    w, h = board.width, board.height
    floor = _floor(board) - s * 0.03
    cx = _focus(board, cast) + (0 if _has_text(board) or not _wide(board) else cast.side * s * 0.1)
    # Above a text the ground is deeper: it reaches up to the floor all the same.
    base = min(h, w * 1.3)
    deeper = max(0.0, (h - floor) * 1.12 - base * 0.2)
    for at, (height, fill) in enumerate(((0.62, "@mist"), (0.44, "@pale"), (0.2, "@soft"))):
        part = shapes.wave(w, base * height + deeper, cast.rng(f"wave{at}"), fill)
        z = 0.8 + at * 0.1 if at < 2 else 4.6
        board.put(part, "backdrop" if at < 2 else "ground", "wave", cx=w / 2, foot=h, style="shape", z=z, loose=True)
    hero = c.subject(board, cast, cx=cx, foot=floor, h=s * 0.72, w=s * 0.8)
    c.badge(board, cast, hero, 0.2)
    _adrift(board, cast, hero, floor, s)
    if not tall.is_tall(board):  # tall ones get theirs with what else is in the sky
        _clouds(board, cast, 0.2, 3)
    _marks(board, cast, floor, 4)


def _adrift(board: Board, cast: Cast, hero: Item, floor: float, s: float) -> None:
    """Companions evenly over the room that the subject leaves on each side: on the ground and in the air in turn."""
    left, right = (_left(board), hero.box[0]), (hero.box[2], board.frame[2])
    rest = list(cast.companions[: 2 if cast.detail == "minimal" else 6])
    for start, end in sorted((left, right), key=lambda span: span[0] - span[1]):
        count = min(len(rest), max(0, round((end - start) / (s * 0.42))))
        for at in range(count):
            x = start + (end - start) * (at + 0.5) / count
            part = next((part for part in rest if air.stands(part) == (at % 2 == 0)), rest[0])
            rest.remove(part)
            if air.stands(part):
                style = "solid" if part.kind != "icon" and at == 0 else "outline"
                size = (0.44, 0.3, 0.36, 0.28)[at % 4]
                board.try_put([c.companion(board, part, style=style, h=s * size, cx=x, foot=floor + board.unit * 2)])
                continue
            if air.is_bare(part, cast.companions[: cast.told]):
                continue
            y, turn = floor - s * (0.6 if at % 2 else 0.3), -7.0 if x < hero.box[0] else 7.0
            size = (0.3, 0.26, 0.28, 0.24)[at % 4]
            c.hanging(board, part, [(x, y), (x, y - s * 0.1)], h=s * size, style="outline", turn=turn)


COMPOSITIONS = {"landscape": landscape, "city": city, "horizon": horizon, "window": windowed, "ribbons": ribbons}
