"""Tiles that icons and avatars stand before, about the origin. Units are pixels of the board."""

from __future__ import annotations

import math

from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.shapes import n, shape, smooth


def hexagon(r: float, fill: str) -> Part:
    """A hexagon with a corner at the top and soft corners, ``r`` from its middle to a corner."""
    inner, soft = r * 0.93, r * 0.14
    points = [(inner * math.sin(math.tau * i / 6), -inner * math.cos(math.tau * i / 6)) for i in range(6)]
    d = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in points) + "Z"
    body = f'<path d="{d}" fill="{fill}" stroke="{fill}" stroke-width="{n(soft)}" stroke-linejoin="round"/>'
    half = inner * math.sin(math.tau / 6) + soft / 2
    return shape("hexagon", body, (-half, -r, half, r))


def petals(r: float, fill: str, count: int = 8) -> Part:
    """A disc with ``count`` round bulges."""
    points = []
    for i in range(2 * count):
        radius, angle = (r if i % 2 == 0 else r * 0.86), math.pi * i / count
        points.append((radius * math.sin(angle), -radius * math.cos(angle)))
    return shape("petals", f'<path d="{smooth(points)}" fill="{fill}"/>', (-r, -r, r, r))


def halves(r: float, one: str, other: str, side: int) -> Part:
    """A disc in two tones, parted by a line that leans to ``side``."""
    x, y = side * r * 0.5, -r * math.sqrt(0.75)
    arc = f"A{n(r)} {n(r)} 0 0 1 {n(-x)} {n(-y)}Z"
    body = f'<circle r="{n(r)}" fill="{one}"/><path d="M{n(x)} {n(y)}{arc}" fill="{other}"/>'
    return shape("halves", body, (-r, -r, r, r))


def hoop(r: float, width: float, fill: str, inside: str) -> Part:
    """A broad ring of outer radius ``r`` about a filled middle."""
    middle = r - width / 2
    body = f'<circle r="{n(middle)}" fill="{inside}" stroke="{fill}" stroke-width="{n(width)}"/>'
    return shape("hoop", body, (-r, -r, r, r))
