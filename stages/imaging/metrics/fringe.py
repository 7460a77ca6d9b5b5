"""Alpha fringe: half-transparent edge pixels that still carry the colour of a ground they were cut from.

An edge pixel should have the colour of the solid ones just inside the edge; how far it is off, weighted by its alpha,
is how far the edge is off on any ground. What one notices as a line of its own depends on the ground: the pixel should
show a mixture of that ground and of the solid colours, and what lies outside every such mixture is a halo, a light one
on dark grounds, a dark one on light grounds, and any on magenta.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.metrics.planes import SOLID, VISIBLE, Bytes, Floats, Planes

GROUNDS: dict[str, tuple[int, int, int]] = {"black": (0, 0, 0), "white": (255, 255, 255), "magenta": (255, 0, 255)}
# The worst quarter is left out: two shapes of a drawing that share an edge show a little of the lower one along it. A
# cut-out carries its old ground along nearly all of its edge.
_COUNTED = 0.75
_EDGE_PIXELS = 6000
_REACH = 2
_NEIGHBOURS = [(y, x) for y in range(-_REACH, _REACH + 1) for x in range(-_REACH, _REACH + 1) if (y, x) != (0, 0)]


class _Edges(NamedTuple):
    """Of each edge pixel: its own colour, the lowest and highest levels of the solid colours nearby, its alpha 0..1."""

    own: Floats
    low: Floats
    high: Floats
    cover: Floats


def fringe(planes: Planes) -> dict[str, float]:
    """Averages over the edge pixels, as shares of the full range, 0..1; all 0 without soft edges.

    "any" is how far colours are off on any ground; "black", "white" and "magenta" the halo that shows on that ground.
    """
    if planes.alpha is None:
        return dict.fromkeys(("any", *GROUNDS), 0.0)
    edges = _edges(planes.pixels, planes.alpha, _soft_pixels(planes.alpha))
    off = np.maximum(edges.own - edges.high, edges.low - edges.own) * edges.cover
    return {"any": _mean(off), **{name: _overshoot(edges, ground) for name, ground in GROUNDS.items()}}


def _soft_pixels(alpha: Bytes) -> npt.NDArray[np.intp]:
    """Flat indices of half-transparent pixels, thinned evenly to a bounded number."""
    found = np.flatnonzero((alpha >= VISIBLE) & (alpha < SOLID))
    return found[:: max(1, found.size // _EDGE_PIXELS)]


def _edges(pixels: Bytes, alpha: Bytes, at: npt.NDArray[np.intp]) -> _Edges:
    """The soft pixels at ``at`` that have something solid on one side and nothing at all on the other, within two pixels.

    So soft shadows and tinted glass are left out.
    """
    width = alpha.shape[1]
    padded = np.pad(alpha, _REACH)
    y, x = at // width, at % width
    low, high = np.full((at.size, 3), 255, np.uint8), np.zeros((at.size, 3), np.uint8)
    clear, firm = np.zeros(at.size, bool), np.zeros(at.size, bool)
    for dy, dx in _NEIGHBOURS:
        near = padded[y + _REACH + dy, x + _REACH + dx]
        clear |= near < VISIBLE
        solid = np.flatnonzero(near >= SOLID)
        firm[solid] = True
        colour = pixels[y[solid] + dy, x[solid] + dx, :3]
        low[solid] = np.minimum(low[solid], colour)
        high[solid] = np.maximum(high[solid], colour)
    edge = clear & firm
    own = pixels[y[edge], x[edge]].astype(np.float32)
    return _Edges(own[:, :3], low[edge].astype(np.float32), high[edge].astype(np.float32), own[:, 3:] / 255)


def _overshoot(edges: _Edges, ground: tuple[int, int, int]) -> float:
    back = np.array(ground, np.float32)
    shown = edges.own * edges.cover + back * (1 - edges.cover)
    return _mean(np.maximum(shown - np.maximum(edges.high, back), np.minimum(edges.low, back) - shown))


def _mean(over: Floats) -> float:
    """Mean of each pixel's worst channel, 0..1, without the worst quarter of the pixels."""
    if not over.size:
        return 0.0
    worst = np.sort(np.clip(over, 0, None).max(axis=1))
    return float(worst[: max(1, round(worst.size * _COUNTED))].mean()) / 255
