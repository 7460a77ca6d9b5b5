"""Where a state badge may sit on a drawing: measured on its pixels when the pack is compiled.

A badge overlaps the silhouette's edge a little and covers no detail: no face, no hand, no text. Detail is where colours
meet inside the silhouette.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imajin_cli.stages.scene import drawing as draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Point = tuple[float, float]
PIXELS = 96
# The badge's radius, the ring round it included, as a part of the drawing's canvas.
RADIUS = 0.115
# The drawn point is kept where less than this part of the badge's area is on detail, and is left out beyond `WORST`.
CLEAR, WORST = 0.035, 0.1
LEAST, MOST = 0.1, 0.62
_TONES = {
    "pale": "#e0e0ff", "light": "#a0a0ff", "main": "#6060ff", "deep": "#202080", "paper": "#ffffff", "ink": "#000000",
    "line": "#909090", "mist": "#f0f0f0", "accent-deep": "#905000", "accent": "#ffb050", "skin": "#e0b090",
    "hair": "#503020", "cloth": "#60d0a0",
}  # fmt: skip


def _maps(body: str, view: Point) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(silhouette, detail) of ``body`` as masks of `PIXELS` by `PIXELS`, the view's longer side filling them."""
    import numpy as np

    from imajin_cli.stages.backends.resvg import render

    for role in sorted(_TONES, key=len, reverse=True):
        body = body.replace(f'"@{role}"', f'"{_TONES[role]}"')
    side = max(view)
    svg = f'<svg xmlns="{draw.SVG}" viewBox="0 0 {side:g} {side:g}">{body}</svg>'
    pixels = np.asarray(render(svg, PIXELS, PIXELS)).astype(np.int16)
    inside = pixels[..., 3] > 128
    step = np.zeros(inside.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(pixels[..., :3], axis=axis)).max(axis=2) > 60
        both = inside[1:] & inside[:-1] if axis == 0 else inside[:, 1:] & inside[:, :-1]
        found = jump & both
        if axis == 0:
            step[1:] |= found
        else:
            step[:, 1:] |= found
    return inside, step


def badge_spot(body: str, view: Point, wanted: Point | None) -> Point | None:
    """The centre for a badge in the drawing's units: ``wanted`` where it is clear, else the nearest clear place.

    None where every place on the upper silhouette would cover detail.
    """
    import numpy as np

    inside, detail = _maps(body, view)
    unit = max(view) / PIXELS
    radius = RADIUS * PIXELS
    rows, columns = np.mgrid[0:PIXELS, 0:PIXELS]
    area = math.pi * radius * radius

    def cost(x: float, y: float) -> tuple[float, float]:
        disc = (columns - x) ** 2 + (rows - y) ** 2 <= radius * radius
        return float(detail[disc].sum()) / area, float(inside[disc].sum()) / area

    goal = (wanted[0] / unit, wanted[1] / unit) if wanted is not None else (PIXELS * 0.8, PIXELS * 0.25)
    if wanted is not None and cost(*goal)[0] <= CLEAR:
        return wanted
    best, spot = WORST + 0.9, None
    edge = math.ceil(radius)
    for y in range(edge, PIXELS - edge, 3):
        for x in range(edge, PIXELS - edge, 3):
            covered, over = cost(x, y)
            if covered > WORST or not LEAST <= over <= MOST:
                continue
            score = 6 * covered + math.dist((x, y), goal) / PIXELS + (0.4 if y > PIXELS * 0.7 else 0.0)
            if score < best:
                best, spot = score, (round(x * unit, 1), round(y * unit, 1))
    return spot
