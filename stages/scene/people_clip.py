"""Paths of people as chords: how far they reach, and cutting them to a convex shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from imajin_cli.stages.scene.people_paths import Path, Point, Segment, end

_STEPS = 10


def flatten(path: Sequence[Segment], steps: int = _STEPS) -> list[tuple[list[Point], bool]]:
    """Subpaths as point lists, each with whether it is closed; a cubic becomes ``steps`` chords."""
    lines: list[tuple[list[Point], bool]] = []
    points: list[Point] = []
    for segment in path:
        if segment[0] == "Z":
            lines.append((points, True))
            points = points[:1]
        elif segment[0] == "M":
            if len(points) > 1:
                lines.append((points, False))
            points = [end(segment, (0, 0))]
        elif segment[0] == "L":
            points.append(end(segment, (0, 0)))
        else:
            points.extend(_chords(points[-1], [float(value) for value in segment[1:]], steps))
    if len(points) > 1:
        lines.append((points, False))
    return lines


def _chords(pen: Point, n: list[float], steps: int) -> Iterator[Point]:
    for i in range(1, steps + 1):
        t = i / steps
        s = 1 - t
        p, q, r, w = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
        yield (p * pen[0] + q * n[0] + r * n[2] + w * n[4], p * pen[1] + q * n[1] + r * n[3] + w * n[5])


def bounds(paths: Iterable[Sequence[Segment]]) -> tuple[float, float, float, float] | None:
    """The tight (x0, y0, x1, y1) of filled paths, None where there are none."""
    points = [point for path in paths for line, _ in flatten(path) for point in line]
    if not points:
        return None
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return (min(xs), min(ys), max(xs), max(ys))


def clip(path: Sequence[Segment], hull: Sequence[Point]) -> Path:
    """A filled ``path`` cut to the convex polygon ``hull`` (clockwise on screen), after Sutherland and Hodgman (1974).

    A path that lies inside is returned with its curves; one that crosses becomes chords.
    """
    box = bounds([path])
    if box is None:
        return []
    x0, y0, x1, y1 = box
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    edges = [
        (a, b)
        for a, b in zip(hull, [*hull[1:], hull[0]], strict=True)
        if any(_side(a, b, corner) < 0 for corner in corners)
    ]
    lines = flatten(path, 16)
    if all(_side(a, b, point) >= 0 for a, b in edges for line, _ in lines for point in line):
        return list(path)
    cut: Path = []
    for line, _ in lines:
        for a, b in edges:
            line = _cut_edge(line, a, b)
        if len(line) > 2:
            cut += [("M", *line[0]), *[("L", *point) for point in _thinned(line[1:])], ("Z",)]
    return cut


def _side(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _cut_edge(line: list[Point], a: Point, b: Point) -> list[Point]:
    kept: list[Point] = []
    for i, point in enumerate(line):
        before = line[i - 1]
        here, there = _side(a, b, point), _side(a, b, before)
        if (here >= 0) != (there >= 0):
            t = there / (there - here)
            kept.append((before[0] + t * (point[0] - before[0]), before[1] + t * (point[1] - before[1])))
        if here >= 0:
            kept.append(point)
    return kept


def _thinned(line: list[Point], least: float = 0.25) -> list[Point]:
    """Drop chords too short to be seen, which the flattening of tight curves leaves."""
    kept = [line[0]]
    for point in line[1:]:
        if math.dist(point, kept[-1]) >= least:
            kept.append(point)
    return kept
