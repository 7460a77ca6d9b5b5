"""Rain, snow or night over a whole scene, where the prompt names them: to be seen, and behind all that stands."""

from __future__ import annotations

from random import Random

from imajin_cli.stages.scene import shapes
from imajin_cli.stages.scene.board import Board, overlap
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.part import Box, Part
from imajin_cli.stages.scene.shapes import n

# Layouts that fill their canvas edge to edge, where the sky is all of it.
WHOLE = frozenset({"hero", "banner"})
# Distance between neighbouring drops in a row and between rows, in pixels at 512 px.
STEP = {"rain": (34.0, 30.0), "snow": (44.0, 38.0), "night": (74.0, 62.0)}


def _drop(kind: str, x: float, y: float, u: float, rng: Random) -> str:
    """One drop, flake or star at (x, y)."""
    if kind == "rain":
        length = u * (9 + 5 * rng.random())
        return (
            f'<path d="M{n(x)} {n(y)}l{n(-0.34 * length)} {n(length)}" fill="none" stroke="@main" '
            f'stroke-width="{n(2.6 * u)}" stroke-linecap="round"/>'
        )
    if kind == "snow":
        r, role = u * (2.2 + 2.2 * rng.random()), rng.choice(("@light", "@main"))
        return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(r)}" fill="{role}"/>'
    r, role = u * (3.5 + 3.5 * rng.random()), rng.choice(("@accent", "@light"))
    k = r * 0.22
    arms = f"M{n(x)} {n(y - r)}L{n(x + k)} {n(y - k)}L{n(x + r)} {n(y)}L{n(x + k)} {n(y + k)}"
    return f'<path d="{arms}L{n(x)} {n(y + r)}L{n(x - k)} {n(y + k)}L{n(x - r)} {n(y)}L{n(x - k)} {n(y - k)}Z" fill="{role}"/>'


def _fall(kind: str, area: Box, u: float, rng: Random, kept: list[Box]) -> Part:
    """Drops over ``area``, every other row half a step aside, none in a box of ``kept``."""
    x0, y0, x1, y1 = area
    across, down = (size * u for size in STEP[kind])
    out = []
    for row in range(int((y1 - y0) / down)):
        for column in range(int((x1 - x0) / across) + 1):
            x = x0 + across * (column + 0.5 * (row % 2) + 0.4 * (rng.random() - 0.5))
            y = y0 + down * (row + 0.4 * rng.random())
            spot = (x - 8 * u, y - 4 * u, x + 8 * u, y + 16 * u)
            if x0 <= x <= x1 and not any(overlap(spot, box) > 0 for box in kept):
                out.append(_drop(kind, x, y, u, rng))
    return shapes.shape(kind, "".join(out), area)


def draw_weather(board: Board, cast: Cast) -> None:
    """Let the cast's weather fall over the finished scene, from clouds at its top; nothing where there is none."""
    kind = cast.weather
    if kind not in STEP or not board.items:
        return
    rng, u = cast.rng("weather"), board.unit
    x0, y0, x1, y1 = board.bounds()
    hero = next((item.box for item in board.items if item.role == "subject"), (x0, y0, x1, y1))
    view = next((item.box for item in board.items if item.part.name == "view"), None)
    if view is not None:
        x0, x1 = view[0], view[2]
    if cast.layout in WHOLE:
        x0, x1, y0 = 0.0, board.width, 0.03 * board.height
    area = (x0, y0, x1, max(y0 + 1.0, hero[3] - 0.2 * (hero[3] - hero[1])))
    badges = [item.box for item in board.items if item.role == "badge"]
    kept = [item.box for item in board.items if item.role in ("companion", "badge", "numeral", "subject")]
    windows = [item.box for item in board.items if item.role == "window"]
    # A window has its bar where clouds would be.
    kept += windows
    badges += [(a0, b0, a1, b0 + 0.15 * (b1 - b0)) for a0, b0, a1, b1 in windows]
    clouds = [] if kind == "night" else _clouds(board, area, [*kept, *board.reserved])
    part = _fall(kind, area, u, rng, [*badges, *board.reserved, *clouds])
    board.put(
        part,
        "backdrop",
        kind,
        cx=(area[0] + area[2]) / 2,
        cy=(area[1] + area[3]) / 2,
        style="shape",
        z=1.35,
        loose=True,
    )


def _clouds(board: Board, area: Box, kept: list[Box]) -> list[Box]:
    """Up to three clouds along the top of ``area`` where nothing is; their boxes."""
    x0, y0, x1, _ = area
    found: list[Box] = []
    width = min(92 * board.unit, (x1 - x0) * 0.26)
    for share in (0.16, 0.84, 0.5, 0.3, 0.68):
        cloud = shapes.cloud(width * (1.0 if len(found) % 2 == 0 else 0.78), "@light")
        item = board.make(
            cloud, "backdrop", "cloud", cx=x0 + (x1 - x0) * share, cy=y0 + width * 0.3, style="shape", z=1.4, loose=True
        )
        if len(found) < 3 and not any(overlap(item.box, box) > 0 for box in [*kept, *found]):
            found.append(board.add(item).box)
    return found
