"""Banner: three to one and flatter. Four skeletons, each with a rhythm along the width."""

from __future__ import annotations

from imajin_cli.stages.scene import shapes
from imajin_cli.stages.scene.board import Board
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.layouts import common as c
from imajin_cli.stages.scene.layouts.strew import scatter


def _line(board: Board) -> tuple[float, float, float, float]:
    """Left and right edge, the middle line, and the height to draw in."""
    x0, y0, x1, y1 = board.frame
    return x0, x1, (y0 + y1) / 2, min(y1 - y0, (x1 - x0) * 0.5)


def tiles(board: Board, cast: Cast) -> None:
    """Tiles in a row, round and square in turn, one companion each; the subject bursts out of a larger one."""
    x0, x1, middle, h = _line(board)
    side = h * 0.54
    step = side * 1.2
    count = max(1, round((x1 - x0 - side * 0.48 + side * 0.2) / step))
    count = min(count, 2 * min(3, len(cast.companions)) + 1)
    if count % 2 == 0:
        count -= 1
    centre = (x0 + x1) / 2
    companions = list(cast.companions)
    # The large tile stands one place beside the middle of a long row.
    hero_at = count // 2 + (cast.side if count >= 5 and not board.reserved else 0)
    for at in range(count):
        offset = at - hero_at
        x = centre + offset * step + (0 if offset == 0 else (side * 0.24 if offset > 0 else -side * 0.24))
        if offset == 0:
            continue
        outlined = at % 2 == (0 if cast.side > 0 else 1)
        tile = (
            shapes.disc(side / 2, "@pale")
            if outlined
            else shapes.slab(side, side, side * 0.24, "@mist" if cast.solid else "@pale", "tile")
        )
        board.put(tile, "backdrop", "tile", cx=x, cy=middle, style="shape")
        part = companions[(at if offset < 0 else at - 1) % len(companions)] if companions else cast.subject
        style = "outline" if outlined or part.kind == "icon" else "solid"
        board.add(c.companion(board, part, style=style, h=side * 0.58, w=side * 0.62, cx=x, cy=middle))
    big = h * 0.86
    board.put(shapes.squircle(big, "@soft"), "backdrop", "tile", cx=centre, cy=middle, style="shape")
    hero = c.subject(board, cast, cx=centre, foot=middle + big * 0.42, h=h * 0.9, w=big * 0.9)
    c.badge(board, cast, hero)
    board.fit()
    _marks(board, cast, 4)


def parade(board: Board, cast: Cast) -> None:
    """Everything on one ground before a low skyline, outlined and solid in turn, the subject the tallest."""
    x0, x1, middle, h = _line(board)
    foot = middle + h * 0.46
    centre = (x0 + x1) / 2
    rng = cast.rng("skyline")
    sky = (
        shapes.skyline(board.width, h * 0.5, rng, "@pale", "@tint")
        if rng.random() < 0.5
        else shapes.hills(board.width, h * 0.42, rng, "@pale")
    )
    board.put(sky, "backdrop", "skyline", cx=board.width / 2, foot=foot, style="shape", loose=True)
    board.put(
        shapes.slab(board.width, board.height - foot, 0, "@soft", "street"),
        "ground",
        "street",
        cx=board.width / 2,
        cy=(board.height + foot) / 2,
        style="shape",
        loose=True,
    )
    hero = c.subject(board, cast, cx=centre + cast.side * h * 0.1, foot=foot + board.unit * 2, h=h * 0.92, w=h)
    c.badge(board, cast, hero)
    _along(board, cast, foot + board.unit * 2, h, (x0, x1))
    _marks(board, cast, 4)


def _along(board: Board, cast: Cast, foot: float, h: float, span: tuple[float, float]) -> None:
    """Companions outwards from the subject on both sides, in even steps, sizes in turn."""
    hero = next(item for item in board.items if item.role == "subject")
    edges = {-1: hero.box[0], 1: hero.box[2]}
    sizes = (0.48, 0.42, 0.4, 0.46, 0.36, 0.32)
    gap = h * 0.11
    for at, part in enumerate(cast.companions):
        side = cast.side * (-1 if at % 2 == 0 else 1)
        style = "solid" if at % 3 == 1 and part.kind != "icon" else "outline"
        for shrink in (1.0, 0.78):
            item = c.companion(board, part, style=style, h=h * sizes[at % 6] * shrink, cx=0, foot=foot)
            w = item.box[2] - item.box[0]
            cx = edges[side] + side * (gap + w / 2)
            if span[0] <= cx - w / 2 and cx + w / 2 <= span[1]:
                item.x += cx
                board.add(item)
                edges[side] = cx + side * w / 2
                break


def sweep(board: Board, cast: Cast) -> None:
    """Bands of colour sweep in from one side under the subject; the far side stays calm with a few outlined things."""
    x0, x1, middle, h = _line(board)
    side = cast.side if not board.reserved else 1
    focus = (x0 + x1) / 2 + side * (x1 - x0) * (0.27 if not board.reserved else 0.1)
    for r, fill, z in ((h * 1.05, "@mist", 0.7), (h * 0.78, "@pale", 0.8), (h * 0.5, "@soft", 0.9)):
        board.put(
            shapes.disc(r, fill), "backdrop", "band", cx=focus, cy=middle + h * 0.22, style="shape", z=z, loose=True
        )
    if cast.subject.kind == "person":  # half a figure rises from the lower edge
        hero = board.put(cast.subject, "subject", "subject", h=h * 0.96, w=h * 1.1, cx=focus, foot=board.height)
    else:
        hero = board.put(cast.subject, "subject", "subject", h=h * 0.92, w=h * 1.1, cx=focus, cy=middle)
    c.badge(board, cast, hero)
    at = 0
    for dx, dy, size in (
        (-1.05, 0.14, 0.56),
        (-1.8, -0.1, 0.44),
        (-2.55, 0.12, 0.5),
        (-3.2, -0.08, 0.38),
        (0.95, -0.08, 0.4),
    ):
        if at >= len(cast.companions):
            break
        x = focus + side * dx * h * 0.82
        if x0 + h * size * 0.5 < x < x1 - h * size * 0.5:
            c.hanging(
                board,
                cast.companions[at],
                [(x, middle + dy * h)],
                h=h * size,
                style="outline",
                turn=-5 if at % 2 else 5,
                seat=True,
            )
            at += 1
    _marks(board, cast, 5)


def frieze(board: Board, cast: Cast) -> None:
    """A frieze of pale silhouettes along the whole width; the subject and two companions stand before it."""
    x0, x1, middle, h = _line(board)
    rng = cast.rng("frieze")
    parts = [part for part in cast.companions if part.kind != "icon"] or [cast.subject]
    step = max(h * 0.56, board.width / 14)
    count = int(board.width / step) + 2
    start = -step * rng.random()
    for at in range(count):
        for row in (0, 1):
            part = parts[(at * 2 + row * 3) % len(parts)]
            x = start + step * (at + 0.5 * row)
            y = middle + h * (-0.3 if row == 0 else 0.3)
            board.put(
                part,
                "backdrop",
                "frieze",
                h=h * 0.3,
                w=h * 0.34,
                cx=x,
                cy=y,
                style="@pale",
                turn=-12 if (at + row) % 2 else 10,
                loose=True,
            )
    centre = (x0 + x1) / 2 + (0 if board.reserved else cast.side * (x1 - x0) * 0.16)
    board.put(shapes.disc(h * 0.54, "@soft"), "backdrop", "disc", cx=centre, cy=middle, style="shape", z=1.3)
    foot = board.height if cast.subject.kind == "person" else middle + h * 0.44
    hero = c.subject(board, cast, cx=centre, foot=foot, h=h * 0.86, w=h * 0.9)
    c.badge(board, cast, hero)
    c.complete(board, cast, None, h * 1.3)


def _marks(board: Board, cast: Cast, normal: int) -> None:
    c.complete(board, cast, None, _line(board)[3] * 1.3)
    x0, y0, x1, y1 = board.frame
    scatter(board, cast, c.mark_count(cast, normal), (x0, y0, x1, y1 - (y1 - y0) * 0.1))


COMPOSITIONS = {"tiles": tiles, "parade": parade, "sweep": sweep, "frieze": frieze}
