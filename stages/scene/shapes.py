"""Parts made for one scene: discs, blobs, arches, windows, grounds, hills, skylines. Units are pixels of the board.

"@w" stands for the scene's line width.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from imajin_cli.stages.scene.pack import OWN
from imajin_cli.stages.scene.part import Box, Part

Point = tuple[float, float]
LINE = 'fill="none" stroke="@line" stroke-width="@w" stroke-linecap="round" stroke-linejoin="round"'


def n(value: float) -> str:
    """A number as short as two decimals allow."""
    return f"{round(value, 2):g}"


def shape(name: str, body: str, box: Box, ground: float | None = None) -> Part:
    """A part named ``name`` from SVG elements in board pixels."""
    return Part(name, "shape", name.capitalize(), body, (box[2] - box[0], box[3] - box[1]), box, OWN, ground=ground)


def disc(r: float, fill: str = "@pale") -> Part:
    """A filled circle about the origin."""
    return shape("disc", f'<circle r="{n(r)}" fill="{fill}"/>', (-r, -r, r, r))


def ring(r: float, dashed: bool = True, role: str = "@line") -> Part:
    """A thin circle about the origin."""
    dash = f' stroke-dasharray="{n(r * 0.035)} {n(r * 0.045)}"' if dashed else ""
    body = f'<circle r="{n(r)}" fill="none" stroke="{role}" stroke-width="@w" stroke-linecap="round"{dash}/>'
    return shape("ring", body, (-r, -r, r, r))


def slab(w: float, h: float, r: float, fill: str = "@pale", name: str = "slab") -> Part:
    """A rounded rectangle with its upper left corner at the origin."""
    return shape(
        name, f'<rect width="{n(w)}" height="{n(h)}" rx="{n(min(r, w / 2, h / 2))}" fill="{fill}"/>', (0, 0, w, h)
    )


def dashed(w: float, h: float, r: float) -> Part:
    """A dashed rounded rectangle, unfilled."""
    dash = 'stroke-dasharray="@w2 @w3"'
    body = f'<rect width="{n(w)}" height="{n(h)}" rx="{n(r)}" {LINE} {dash}/>'
    return shape("dashed frame", body, (0, 0, w, h))


def smooth(points: Sequence[Point], closed: bool = True) -> str:
    """Path data of a Catmull-Rom curve through ``points`` (uniform, tension 1/6), as cubic Béziers."""
    count = len(points)

    def at(i: int) -> Point:
        return points[i % count] if closed else points[min(count - 1, max(0, i))]

    out = [f"M{n(points[0][0])} {n(points[0][1])}"]
    for i in range(count if closed else count - 1):
        p, a, b, q = at(i - 1), at(i), at(i + 1), at(i + 2)
        one = a[0] + (b[0] - p[0]) / 6, a[1] + (b[1] - p[1]) / 6
        two = b[0] - (q[0] - a[0]) / 6, b[1] - (q[1] - a[1]) / 6
        out.append(f"C{n(one[0])} {n(one[1])} {n(two[0])} {n(two[1])} {n(b[0])} {n(b[1])}")
    return "".join(out) + ("Z" if closed else "")


def blob(w: float, h: float, rng: random.Random, fill: str = "@pale") -> Part:
    """A soft shape about the origin, about ``w`` × ``h``: five to seven bulges, never a spike."""
    count = rng.choice((5, 6, 7))
    start = rng.random() * math.tau
    radii = [0.86 + 0.28 * rng.random() for _ in range(count)]
    points = []
    for i, radius in enumerate(radii):
        angle = start + math.tau * (i + 0.3 * (rng.random() - 0.5)) / count
        points.append((w / 2 * radius * math.cos(angle), h / 2 * radius * math.sin(angle)))
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    box = (min(xs), min(ys), max(xs), max(ys))
    return shape("blob", f'<path d="{smooth(points)}" fill="{fill}"/>', box)


def arch(w: float, h: float, fill: str = "@pale") -> Part:
    """A doorway: straight sides, round top; its foot at y = 0."""
    r = min(w / 2, h)
    body = f'<path d="M{n(-w / 2)} 0V{n(r - h)}A{n(r)} {n(r)} 0 0 1 {n(w / 2)} {n(r - h)}V0Z" fill="{fill}"/>'
    return shape("arch", body, (-w / 2, -h, w / 2, 0), ground=0)


def window(w: float, h: float, u: float) -> Part:
    """A browser window with its upper left corner at the origin: a bar with three dots, an empty paper body."""
    bar, r, d = 26 * u, 12 * u, 3.6 * u
    top = f"M0 {n(bar)}V{n(r)}Q0 0 {n(r)} 0H{n(w - r)}Q{n(w)} 0 {n(w)} {n(r)}V{n(bar)}Z"
    dots = "".join(
        f'<circle cx="{n((15 + 13 * i) * u)}" cy="{n(bar / 2)}" r="{n(d)}" fill="{c}"/>'
        for i, c in enumerate(("@accent", "@pale", "@pale"))
    )
    field = (
        f'<rect x="{n(w * 0.3)}" y="{n(bar * 0.28)}" width="{n(w * 0.4)}" height="{n(bar * 0.44)}" '
        f'rx="{n(bar * 0.22)}" fill="@light"/>'
    )
    body = f'<rect width="{n(w)}" height="{n(h)}" rx="{n(r)}" fill="@pale"/><path d="{top}" fill="@main"/>{dots}{field}'
    return shape("window", body, (0, 0, w, h), ground=h)


def cloud(w: float, fill: str = "@pale") -> Part:
    """A flat-bottomed cloud ``w`` wide, its foot at y = 0."""
    r1, r2, r3 = w * 0.17, w * 0.26, w * 0.2
    body = (
        f'<path d="M{n(r1)} 0A{n(r1)} {n(r1)} 0 0 1 {n(r1)} {n(-2 * r1)}'
        f"A{n(r2)} {n(r2)} 0 0 1 {n(w * 0.62)} {n(-2.35 * r1)}"
        f'A{n(r3)} {n(r3)} 0 0 1 {n(w - r3)} 0Z" fill="{fill}"/>'
    )
    return shape("cloud", body, (0, -w * 0.5, w, 0), ground=0)


def ground_line(w: float, rng: random.Random) -> Part:
    """A thin ground about x = 0: one long line with a gap and a short rest, longer on one side."""
    gap, rest = w * 0.025, w * (0.04 + 0.04 * rng.random())
    left, right = -w / 2, w / 2
    if rng.random() < 0.5:
        pieces = [(left, right - rest - gap), (right - rest, right)]
    else:
        pieces = [(left, left + rest), (left + rest + gap, right)]
    d = "".join(f"M{n(a)} 0H{n(b)}" for a, b in pieces)
    return shape("ground", f'<path d="{d}" {LINE}/>', (left, -1, right, 1), ground=0)


def shadow(w: float, fill: str = "@mist") -> Part:
    """A flat oval that something stands on, about the origin."""
    h = w * 0.115
    return shape("shadow", f'<ellipse rx="{n(w / 2)}" ry="{n(h / 2)}" fill="{fill}"/>', (-w / 2, -h / 2, w / 2, h / 2))


def mound(w: float, h: float, fill: str = "@pale") -> Part:
    """A low hill: flat foot at y = ``h``, its top at y = 0."""
    d = f"M{n(-w / 2)} {n(h)}C{n(-w * 0.34)} {n(h)} {n(-w * 0.3)} 0 0 0S{n(w * 0.34)} {n(h)} {n(w / 2)} {n(h)}Z"
    return shape("mound", f'<path d="{d}" fill="{fill}"/>', (-w / 2, 0, w / 2, h), ground=h)


def island(w: float, h: float, rng: random.Random) -> Part:
    """A floating piece of land: an oval top at y = 0, ragged rock below."""
    ry = w * 0.085
    depths = [0.35, 0.75, 1.0, 0.62, 0.3]
    rng.shuffle(depths)
    depths = [*sorted(depths[:2]), 1.0, *sorted(depths[2:4], reverse=True)]
    xs = (-0.36, -0.2, 0.0, 0.19, 0.37)
    rock = "".join(f"L{n(w * x)} {n(h * (0.25 + 0.7 * d))}" for x, d in zip(xs, depths, strict=True))
    edges = ((-0.14, 0.55), (-0.04, 0.3), (0.06, 0.72), (0.14, 0.0))
    cracks = "".join(f"L{n(w * x)} {n(h * y)}" for x, y in edges)
    body = (
        f'<path d="M{n(-w / 2)} 0{rock}L{n(w / 2)} 0Z" fill="@main" stroke="@main" '
        f'stroke-width="{n(w * 0.03)}" stroke-linejoin="round"/>'
        f'<path d="M{n(-w * 0.2)} 0{cracks}Z" fill="@deep" fill-opacity="0.16"/>'
        f'<ellipse rx="{n(w / 2 + w * 0.015)}" ry="{n(ry)}" fill="@light"/>'
        f'<ellipse cx="{n(-w * 0.03)}" cy="{n(-ry * 0.12)}" rx="{n(w * 0.4)}" ry="{n(ry * 0.62)}" fill="@pale"/>'
    )
    return shape("island", body, (-w / 2 - w * 0.015, -ry, w / 2 + w * 0.015, h), ground=0)


def pedestal(w: float, h: float, top: str = "@light", front: str = "@main") -> Part:
    """A round plinth: its oval top about y = 0, ``h`` high."""
    ry = w * 0.1
    body = (
        f'<path d="M{n(-w / 2)} 0V{n(h)}A{n(w / 2)} {n(ry)} 0 0 0 {n(w / 2)} {n(h)}V0Z" fill="{front}"/>'
        f'<ellipse rx="{n(w / 2)}" ry="{n(ry)}" fill="{top}"/>'
    )
    return shape("pedestal", body, (-w / 2, -ry, w / 2, h + ry), ground=h + ry)


def block(w: float, h: float, fill: str, cap: str) -> Part:
    """A podium block, its top edge at y = 0, with a lighter cap."""
    c = min(h * 0.3, w * 0.1)
    body = (
        f'<rect x="{n(-w / 2)}" width="{n(w)}" height="{n(h)}" rx="{n(w * 0.045)}" fill="{fill}"/>'
        f'<rect x="{n(-w / 2)}" width="{n(w)}" height="{n(c)}" rx="{n(w * 0.045)}" fill="{cap}"/>'
    )
    return shape("block", body, (-w / 2, 0, w / 2, h), ground=h)


def shelf(w: float, t: float) -> Part:
    """A board with two brackets, its upper edge at y = 0, centred at x = 0."""
    b = t * 2.1
    brackets = "".join(
        f'<path d="M{n(x - t / 2)} {n(t * 0.5)}h{n(t)}v{n(b)}a{n(t / 2)} {n(t / 2)} 0 0 1 {n(-t)} 0z" fill="@main"/>'
        for x in (-w * 0.34, w * 0.34)
    )
    body = brackets + f'<rect x="{n(-w / 2)}" width="{n(w)}" height="{n(t)}" rx="{n(t / 2)}" fill="@light"/>'
    return shape("shelf", body, (-w / 2, 0, w / 2, t * 0.5 + b + t / 2), ground=0)


def hills(w: float, h: float, rng: random.Random, fill: str) -> Part:
    """A ridge from x = 0 to ``w``: crests up to y = 0, closed along y = ``h``."""
    count = max(4, round(w / h * 1.6)) if h else 4
    points = [
        (w * i / count, h * (0.08 + 0.5 * rng.random() if i % 2 else 0.4 + 0.35 * rng.random()))
        for i in range(count + 1)
    ]
    curve = smooth(points, closed=False)
    return shape("hills", f'<path d="{curve}V{n(h)}H0Z" fill="{fill}"/>', (0, 0, w, h), ground=h)


def skyline(w: float, h: float, rng: random.Random, fill: str, windows: str) -> Part:
    """A row of buildings from x = 0 to ``w``, at most ``h`` high, its foot at y = 0."""
    x, out, lights = 0.0, [], []
    last = 0.0
    while x < w:
        bw = h * (0.2 + 0.2 * rng.random())
        bh = h * (0.35 + 0.65 * rng.random())
        if abs(bh - last) < 0.12 * h:
            bh = h * 0.98 if last < 0.7 * h else h * 0.5
        last = bh
        bw = min(bw, w - x)
        out.append(f"M{n(x)} 0V{n(-bh)}h{n(bw)}V0Z")
        roof = rng.random()
        if roof < 0.22 and bw > h * 0.15:
            out.append(f"M{n(x)} {n(-bh)}l{n(bw / 2)} {n(-bw * 0.4)}l{n(bw / 2)} {n(bw * 0.4)}Z")
        elif roof < 0.4:
            out.append(f"M{n(x + bw * 0.44)} {n(-bh)}v{n(-h * 0.13)}h{n(bw * 0.12)}v{n(h * 0.13)}Z")
        size = bw * 0.14
        for row in range(int(bh / (size * 3.4))):
            for column in range(3):
                if rng.random() < 0.5:
                    wx, wy = x + bw * (0.2 + 0.25 * column), -bh + size * (1.4 + 3.0 * row)
                    if wy + size < -size:
                        lights.append(f"M{n(wx)} {n(wy)}h{n(size)}v{n(size * 1.3)}h{n(-size)}Z")
        x += bw + (0 if rng.random() < 0.6 else h * 0.06)
    body = f'<path d="{"".join(out)}" fill="{fill}"/><path d="{"".join(lights) or "M0 0"}" fill="{windows}"/>'
    return shape("skyline", body, (0, -h * 1.13, w, 0), ground=0)


def wave(w: float, h: float, rng: random.Random, fill: str) -> Part:
    """A band with one slow wave for an upper edge, from x = 0 to ``w``, closed along y = ``h``."""
    a = h * (0.25 + 0.15 * rng.random())
    crest = f"C{n(w * 0.25)} {n(-a)} {n(w * 0.4)} {n(a * 2.2)} {n(w * 0.62)} {n(a)}"
    d = f"M0 {n(a)}{crest}S{n(w * 0.9)} {n(a * 0.2)} {n(w)} {n(a * 0.6)}V{n(h)}H0Z"
    return shape("wave", f'<path d="{d}" fill="{fill}"/>', (0, 0, w, h), ground=h)


def trail(points: Sequence[Point]) -> Part:
    """A dashed curve through ``points``."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    body = f'<path d="{smooth(points, closed=False)}" {LINE} stroke-dasharray="@w2 @w3"/>'
    return shape("trail", body, (min(xs), min(ys), max(xs), max(ys)))


def rays(r: float, inner: float, count: int, fill: str = "@pale") -> Part:
    """A sunburst about the origin: ``count`` wedges from ``inner`` to ``r``."""
    out = []
    for i in range(count):
        a, b = math.tau * (i - 0.25) / count, math.tau * (i + 0.25) / count
        p, q = (inner * math.cos((a + b) / 2), inner * math.sin((a + b) / 2)), (r * math.cos(b), r * math.sin(b))
        out.append(
            f"M{n(p[0])} {n(p[1])}L{n(r * math.cos(a))} {n(r * math.sin(a))}A{n(r)} {n(r)} 0 0 1 {n(q[0])} {n(q[1])}Z"
        )
    return shape("rays", f'<path d="{"".join(out)}" fill="{fill}"/>', (-r, -r, r, r))


def squircle(s: float, fill: str) -> Part:
    """A square of side ``s`` about the origin whose sides bulge into each other: four curves, no straight piece."""
    h, k = s / 2, s / 2 * 0.9
    quarter = f"C{n(-h)} {n(-k)} {n(-k)} {n(-h)} 0 {n(-h)}"
    d = f"M{n(-h)} 0{quarter}S{n(h)} {n(-k)} {n(h)} 0 {n(k)} {n(h)} 0 {n(h)} {n(-h)} {n(k)} {n(-h)} 0Z"
    return shape("squircle", f'<path d="{d}" fill="{fill}"/>', (-h, -h, h, h))
