"""Avatar: a head or a bust, in a tile or bursting out of one. Eight skeletons."""

from __future__ import annotations

from imajin_cli.stages.scene import shapes, tiles
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.cast import Cast


def _square(board: Board) -> tuple[float, float, float]:
    side = min(board.width, board.height)
    return board.width / 2, board.height / 2, side


def _is_bust(cast: Cast) -> bool:
    """A part that is an avatar already: it brings its own disc."""
    return cast.subject.name.startswith("avatar")


def _bust(board: Board, cast: Cast, share: float) -> None:
    cx, cy, s = _square(board)
    board.put(cast.subject, "subject", "subject", h=s * share, w=s * share, cx=cx, cy=cy)


def disc(board: Board, cast: Cast) -> None:
    """The figure before a disc, its head over the upper rim."""
    cx, cy, s = _square(board)
    if _is_bust(cast):
        _bust(board, cast, 0.94)
        return
    r = s * 0.4
    board.put(shapes.disc(r, "@soft"), "backdrop", "tile", cx=cx, cy=cy + s * 0.05, style="shape")
    foot = cy + s * 0.05 + r * 0.92
    board.put(cast.subject, "subject", "subject", h=s * 0.84, w=s * 0.8, cx=cx, foot=foot)


def ringed(board: Board, cast: Cast) -> None:
    """A disc with a rim in the brand's mid tone, the figure well inside."""
    cx, cy, s = _square(board)
    if _is_bust(cast):
        board.put(shapes.disc(s * 0.48, "@main"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
        _bust(board, cast, 0.86)
        return
    board.put(shapes.disc(s * 0.47, "@main"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    board.put(shapes.disc(s * 0.43, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1)
    board.put(cast.subject, "subject", "subject", h=s * 0.66, w=s * 0.6, cx=cx, cy=cy)


def close_up(board: Board, cast: Cast) -> None:
    """A tinted square that fills the canvas, the figure so large that its lower half runs out of it."""
    cx, cy, s = _square(board)
    if _is_bust(cast):
        board.put(shapes.squircle(s * 0.97, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
        _bust(board, cast, 0.84)
        return
    board.put(
        shapes.slab(board.width, board.height, 0, "@pale", "ground"), "background", "tile", cx=cx, cy=cy, style="shape"
    )
    board.put(shapes.disc(s * 0.42, "@soft"), "backdrop", "tile", cx=cx, cy=cy + s * 0.06, style="shape")
    part = cast.subject
    h = s * 1.12
    item = board.make(part, "subject", "subject", h=h, w=s * 0.98, cx=cx, cy=0)
    top = cy - s * 0.4 if item.part.height * item.s > s * 0.95 else cy - item.part.height * item.s * 0.42
    item.y += top - item.box[1]
    board.add(item)


def burst(board: Board, cast: Cast) -> None:
    """A sunburst behind the figure."""
    cx, cy, s = _square(board)
    if _is_bust(cast):
        board.put(shapes.rays(s * 0.48, s * 0.3, 18, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
        _bust(board, cast, 0.8)
        return
    board.put(shapes.squircle(s * 0.92, "@pale"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    board.put(shapes.rays(s * 0.42, s * 0.1, 16, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1)
    board.put(cast.subject, "subject", "subject", h=s * 0.72, w=s * 0.68, cx=cx, cy=cy)


def _before(board: Board, cast: Cast, *tiled: Item, share: float, bust: float) -> None:
    """The figure ``share`` of the canvas high, its foot on the tiles' lower part; a bust in its own disc on them."""
    cx, cy, s = _square(board)
    for tile in tiled:
        board.add(tile)
    if _is_bust(cast):
        _bust(board, cast, bust)
        return
    board.put(cast.subject, "subject", "subject", h=s * share, w=s * share, cx=cx, cy=cy)


def hexagon(board: Board, cast: Cast) -> None:
    """A hexagon as large as the canvas, the figure a little smaller than it."""
    cx, cy, s = _square(board)
    tile = board.make(tiles.hexagon(s * 0.49, "@soft"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    _before(board, cast, tile, share=0.74, bust=0.78)


def petals(board: Board, cast: Cast) -> None:
    """A disc with petals and a paler one within, the figure as large as the inner disc."""
    cx, cy, s = _square(board)
    outer = board.make(tiles.petals(s * 0.49, "@light"), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    inner = board.make(shapes.disc(s * 0.37, "@pale"), "backdrop", "tile", cx=cx, cy=cy, style="shape", z=1.1)
    _before(board, cast, outer, inner, share=0.6, bust=0.74)


def halves(board: Board, cast: Cast) -> None:
    """A disc in two tones, the figure low before it and larger than it is high."""
    cx, cy, s = _square(board)
    r = s * 0.43
    tile = board.make(tiles.halves(r, "@soft", "@pale", cast.side), "backdrop", "tile", cx=cx, cy=cy, style="shape")
    if _is_bust(cast):
        _before(board, cast, tile, share=0.9, bust=0.76)
        return
    board.add(tile)
    board.put(cast.subject, "subject", "subject", h=s * 0.9, w=s * 0.86, cx=cx - cast.side * s * 0.05, cy=cy + s * 0.04)


def doorway(board: Board, cast: Cast) -> None:
    """An arch with a floor, the figure standing in it."""
    cx, cy, s = _square(board)
    foot = cy + s * 0.46
    arch = board.make(shapes.arch(s * 0.78, s * 0.92, "@soft"), "backdrop", "tile", cx=cx, foot=foot, style="shape")
    if _is_bust(cast):
        _before(board, cast, arch, share=0.7, bust=0.7)
        return
    board.add(arch)
    board.put(
        shapes.slab(s * 0.92, s * 0.075, s * 0.037, "@light"),
        "backdrop",
        "tile",
        cx=cx,
        cy=foot,
        style="shape",
        z=1.2,
    )
    board.put(cast.subject, "subject", "subject", h=s * 0.7, w=s * 0.62, cx=cx, foot=foot - s * 0.025)


COMPOSITIONS = {
    "disc": disc,
    "close-up": close_up,
    "ringed": ringed,
    "burst": burst,
    "hexagon": hexagon,
    "petals": petals,
    "halves": halves,
    "doorway": doorway,
}
