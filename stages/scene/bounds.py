"""Bounds of SVG shapes: arcs exactly, other curves by their control points, so a box is never too small."""

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
    """End and control points of a path; of an arc also where it turns back."""
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
    """Where an elliptical arc turns back left, right, up or down, by its centre and angles (SVG 2, appendix B.2.4)."""
    end = v[5] + base[0], v[6] + base[1]
    rx, ry, turn = abs(v[0]), abs(v[1]), math.radians(v[2])
    if not rx or not ry or start == end:
        return
    cos, sin = math.cos(turn), math.sin(turn)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = (cos * dx + sin * dy) / rx, (cos * dy - sin * dx) / ry  # half the chord, on the unit circle
    far = math.hypot(x, y)
    if far > 1:  # radii that do not reach are made to
        rx, ry, x, y, far = rx * far, ry * far, x / far, y / far, 1.0
    off = math.sqrt(max(0.0, 1 - far * far)) / far * (-1 if bool(v[3]) == bool(v[4]) else 1)
    ux, uy = off * y, -off * x  # the centre, seen from the chord's middle
    first, last = math.atan2(y - uy, x - ux), math.atan2(-y - uy, -x - ux)
    sweep = (last - first) % math.tau if v[4] else (first - last) % math.tau
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    centre = middle[0] + cos * rx * ux - sin * ry * uy, middle[1] + sin * rx * ux + cos * ry * uy
    sideways, upright = math.atan2(-ry * sin, rx * cos), math.atan2(ry * cos, rx * sin)
    for angle in (sideways, sideways + math.pi, upright, upright + math.pi):
        gone = (angle - first) % math.tau if v[4] else (first - angle) % math.tau
        if gone <= sweep:
            a, b = rx * math.cos(angle), ry * math.sin(angle)
            yield centre[0] + cos * a - sin * b, centre[1] + sin * a + cos * b


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
