"""Pieces of land made for one scene: a round view, an arched view, a sky band. Units are pixels of the board."""

from __future__ import annotations

import math
import random

from imajin_cli.stages.scene.part import Box, Part
from imajin_cli.stages.scene.shapes import LINE, n, shape, smooth

# The sun of an arched view: how far aside and how far down its centre is, and its radius, in half widths of the view.
SUN = (0.4, 0.66, 0.17)


def _crest(half: float, y: float, lift: float, rng: random.Random) -> str:
    """A curve of hills from (-half, y) to (half, y) whose tops rise ``lift`` above it."""
    count = rng.choice((4, 5))
    inner = [
        (
            -half + 2 * half * (i + 0.2 * (rng.random() - 0.5)) / count,
            y - lift * (0.25 + 0.75 * rng.random() if i % 2 else 0.1),
        )
        for i in range(1, count)
    ]
    return smooth([(-half, y), *inner, (half, y)], closed=False)


def round_view(r: float, rng: random.Random, side: int, sunny: bool = True) -> Part:
    """A round picture about the origin: a pale sky, with a sun if ``sunny``, two ridges of hills within the circle."""
    out = [f'<circle r="{n(r)}" fill="@pale"/>']
    sun = (side * r * 0.64, -r * 0.56)
    if sunny:
        out.append(f'<circle cx="{n(sun[0])}" cy="{n(sun[1])}" r="{n(r * 0.12)}" fill="@accent"/>')
    for level, lift, fill, strength in (
        (0.16, 0.3, "@soft", 0.6),
        (0.42, 0.2, "@soft", 1),
        (0.66, 0.12, "@light", 0.55),
    ):
        y = r * level
        half = math.sqrt(r * r - y * y)
        curve = _crest(half, y, r * lift, rng)
        opacity = f' fill-opacity="{strength}"' if strength < 1 else ""
        out.append(f'<path d="{curve}A{n(r)} {n(r)} 0 0 1 {n(-half)} {n(y)}Z" fill="{fill}"{opacity}/>')
    tufts = "".join(
        _tuft(x * r, y * r, r * 0.05)
        for x, y in ((-0.62, 0.62), (-0.3, 0.84), (0.5, 0.74), (0.68, 0.52))
        if rng.random() < 0.8
    )
    out.append(f'<path d="{tufts or "M0 0"}" {LINE.replace("@line", "@main")}/>')
    return shape("view", "".join(out), (-r, -r, r, r))


def _tuft(x: float, y: float, size: float) -> str:
    """Three blades of grass that grow from (x, y)."""
    blades = ((-0.9, -0.7), (0.0, -1.2), (0.9, -0.7))
    return "".join(
        f"M{n(x)} {n(y)}Q{n(x)} {n(y + size * dy * 0.6)} {n(x + size * dx)} {n(y + size * dy)}" for dx, dy in blades
    )


def sun_box(w: float, h: float, cx: float, foot: float, side: int) -> Box:
    """Where the sun of an `arched_view` that stands on ``foot`` about ``cx`` is."""
    r = w / 2
    x, y = cx - side * r * SUN[0], foot + r * SUN[1] - h
    return x - r * SUN[2], y - r * SUN[2], x + r * SUN[2], y + r * SUN[2]


def arched_view(w: float, h: float, rng: random.Random, side: int, sunny: bool = True) -> Part:
    """A tall arched window, its foot at y = 0: a sky, with a sun if ``sunny``, three ridges at its foot."""
    r = w / 2
    sky = f"M{n(-r)} 0V{n(r - h)}A{n(r)} {n(r)} 0 0 1 {n(r)} {n(r - h)}V0Z"
    sun = (-side * r * SUN[0], r * SUN[1] - h)
    out = [f'<path d="{sky}" fill="@pale"/>']
    if sunny:
        out += [
            f'<circle cx="{n(sun[0])}" cy="{n(sun[1])}" r="{n(r * 0.26)}" fill="@paper" fill-opacity="0.55"/>',
            f'<circle cx="{n(sun[0])}" cy="{n(sun[1])}" r="{n(r * 0.17)}" fill="@accent"/>',
        ]
    for level, lift, fill in ((0.36, 0.16, "@soft"), (0.22, 0.12, "@soft"), (0.1, 0.06, "@light")):
        opacity = ' fill-opacity="0.75"' if fill == "@light" else ""
        curve = _crest(r, -h * level, h * lift, rng)
        out.append(f'<path d="{curve}V0H{n(-r)}Z" fill="{fill}"{opacity}/>')
    return shape("view", "".join(out), (-r, -h, r, 0), ground=0)
