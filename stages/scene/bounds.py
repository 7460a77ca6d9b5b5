"""Rough bounds of SVG shapes: control points bound a curve, so a box is never too small."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from imajin_cli.stages.scene.part import Box

Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_CALL = re.compile(r"(\w+)\s*\(([^)]*)\)")
_STEP = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}


def numbers(text: str) -> list[float]:
    """All numbers in ``text``, as SVG writes them (run together where a sign or a second point splits them)."""
    return [float(n) for n in _NUMBER.findall(text)]


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """The matrix that applies ``n`` first, then ``m``."""
    a, b, c, d, e, f = m
    g, h, i, j, k, o = n
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * o + e, b * k + d * o + f


def matrix(text: str) -> Matrix:
    """An SVG ``transform`` as one matrix; what is not understood counts as none."""
    result = IDENTITY
    for name, inside in _CALL.findall(text):
        v = numbers(inside)
        if name == "translate" and v:
            step: Matrix = (1, 0, 0, 1, v[0], v[1] if len(v) > 1 else 0)
        elif name == "scale" and v:
            step = (v[0], 0, 0, v[1] if len(v) > 1 else v[0], 0, 0)
        elif name == "rotate" and v:
            c, s = math.cos(math.radians(v[0])), math.sin(math.radians(v[0]))
            x, y = (v[1], v[2]) if len(v) > 2 else (0.0, 0.0)
            step = (c, s, -s, c, x - c * x + s * y, y - s * x - c * y)
        elif name == "matrix" and len(v) == 6:
            step = (v[0], v[1], v[2], v[3], v[4], v[5])
        else:
            continue
        result = multiply(result, step)
    return result


def _arguments(text: str) -> list[float]:
    return numbers(text)


def _arc_arguments(text: str) -> list[float]:
    """Arc flags may stand without separators ("a1 1 0 01.5.5"), so they are read one character at a time."""
    out: list[float] = []
    at = 0
    while at < len(text):
        if text[at] in " ,\t\n\r":
            at += 1
            continue
        if len(out) % 7 in (3, 4) and text[at] in "01":
            out.append(float(text[at]))
            at += 1
            continue
        found = _NUMBER.match(text, at)
        if found is None:
            break
        out.append(float(found[0]))
        at = found.end()
    return out


def path_points(d: str) -> Iterator[tuple[float, float]]:
    """End and control points of a path; of an arc also the corners of the box that holds its ellipse."""
    x = y = start_x = start_y = 0.0
    for letter, text in _COMMAND.findall(d):
        upper, relative = letter.upper(), letter.islower()
        if upper == "Z":
            x, y = start_x, start_y
            continue
        v = _arc_arguments(text) if upper == "A" else _arguments(text)
        step = _STEP[upper]
        for at in range(0, len(v) - step + 1, step):
            chunk = v[at : at + step]
            bx, by = (x, y) if relative else (0.0, 0.0)
            if upper == "H":
                x = chunk[0] + bx
            elif upper == "V":
                y = chunk[0] + by
            elif upper == "A":
                yield from _arc_points((x, y), chunk, (bx, by))
                x, y = chunk[5] + bx, chunk[6] + by
            else:
                for i in range(0, step, 2):
                    yield chunk[i] + bx, chunk[i + 1] + by
                x, y = chunk[-2] + bx, chunk[-1] + by
            if upper == "M" and at == 0:
                start_x, start_y = x, y
            yield x, y


def _arc_points(start: tuple[float, float], v: list[float], base: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Corners of a box round an arc: the middle of its chord, as far as the larger of chord half and sagitta allow."""
    end = v[5] + base[0], v[6] + base[1]
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    half = math.dist(start, end) / 2
    radius = max(v[0], v[1], half)
    reach = half if not v[3] else radius + math.sqrt(max(0.0, radius * radius - half * half))
    yield middle[0] - reach, middle[1] - reach
    yield middle[0] + reach, middle[1] + reach


def shape_points(tag: str, attributes: Mapping[str, str]) -> list[tuple[float, float]]:
    """Points whose box holds a shape, before its transform; empty for what has no extent."""

    def get(key: str) -> float:
        found = numbers(attributes.get(key, "0"))
        return found[0] if found else 0.0

    if tag == "path":
        return list(path_points(attributes.get("d", "")))
    if tag == "rect":
        x, y = get("x"), get("y")
        w, h = x + get("width"), y + get("height")
        return [(x, y), (w, y), (w, h), (x, h)]
    if tag in ("circle", "ellipse"):
        rx, ry = (get("r"), get("r")) if tag == "circle" else (get("rx"), get("ry"))
        x, y = get("cx"), get("cy")
        return [(x - rx, y), (x + rx, y), (x, y - ry), (x, y + ry)]
    if tag == "line":
        return [(get("x1"), get("y1")), (get("x2"), get("y2"))]
    if tag in ("polyline", "polygon"):
        v = numbers(attributes.get("points", ""))
        return list(zip(v[::2], v[1::2], strict=False))
    return []


def box_of(points: list[tuple[float, float]], m: Matrix = IDENTITY) -> Box | None:
    """(x0, y0, x1, y1) of ``points`` under ``m``, None when there are none."""
    if not points:
        return None
    a, b, c, d, e, f = m
    xs = [a * x + c * y + e for x, y in points]
    ys = [b * x + d * y + f for x, y in points]
    return min(xs), min(ys), max(xs), max(ys)
