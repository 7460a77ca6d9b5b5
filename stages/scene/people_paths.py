"""Path geometry for people: parse, move and write SVG path data.

A path is a list of absolute segments: ("M", x, y), ("L", x, y), ("C", x1, y1, x2, y2, x, y) and ("Z",). Every other
command of SVG 1.1 is turned into these when it is read, so that any affine map can be applied point by point.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

Point = tuple[float, float]
Segment = tuple[str | float, ...]
Path = list[Segment]
# (a, b, c, d, e, f) as in SVG's matrix(): x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_COMMANDS = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# In an arc the two flags may stand without a separator: "a5 5 0 01.5-2".
_ARC = re.compile(r"\s*,?\s*".join([f"({_NUMBER.pattern})"] * 3 + ["([01])", "([01])"] + [f"({_NUMBER.pattern})"] * 2))
_ARITY = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2}
_TRANSFORM = re.compile(r"(matrix|translate|scale|rotate)\(([^)]*)\)")


def multiply(outer: Matrix, inner: Matrix) -> Matrix:
    """The map that applies ``inner`` first, then ``outer``."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return (a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f)


def matrix_of(transform: str) -> Matrix:
    """The matrix of an SVG ``transform`` attribute (matrix, translate, scale, rotate); ValueError on any other."""
    result = IDENTITY
    if _TRANSFORM.sub("", transform).strip(" ,\t\n"):
        raise ValueError(f"unknown transform: {transform[:60]!r}")
    for name, body in _TRANSFORM.findall(transform):
        n = [float(value) for value in _NUMBER.findall(body)]
        result = multiply(result, _one_transform(name, n))
    return result


def _one_transform(name: str, n: list[float]) -> Matrix:
    if name == "matrix":
        return (n[0], n[1], n[2], n[3], n[4], n[5])
    if name == "translate":
        return (1.0, 0.0, 0.0, 1.0, n[0], n[1] if len(n) > 1 else 0.0)
    if name == "scale":
        return (n[0], 0.0, 0.0, n[1] if len(n) > 1 else n[0], 0.0, 0.0)
    cos, sin = math.cos(math.radians(n[0])), math.sin(math.radians(n[0]))
    turn: Matrix = (cos, sin, -sin, cos, 0.0, 0.0)
    if len(n) < 3:
        return turn
    return multiply(multiply((1, 0, 0, 1, n[1], n[2]), turn), (1, 0, 0, 1, -n[1], -n[2]))


def parse(data: str) -> Path:
    """Read SVG path data into absolute segments. Raises ValueError where an argument is missing."""
    path: Path = []
    pen, start, handle = (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)
    last = ""
    for command, body in _COMMANDS.findall(data):
        upper, relative = command.upper(), command.islower()
        if upper == "Z":
            path.append(("Z",))
            pen, last = start, "Z"
            continue
        for n in _arguments(upper, body):
            if upper == "A":
                arc = _arc(pen, n, relative)
                path.extend(arc)
                pen, last = end(arc[-1], pen), "A"
                continue
            segment, handle = _absolute(upper, n, pen if relative else (0.0, 0.0), pen, handle, last)
            path.append(segment)
            pen = end(segment, pen)
            if upper == "M":
                start, upper = pen, "L"  # further pairs after a move are lines
                last = "M"
            else:
                last = upper
    return path


def _arguments(upper: str, body: str) -> Iterator[list[float]]:
    if upper == "A":
        groups = [[float(value) for value in match] for match in _ARC.findall(body)]
    else:
        numbers = [float(value) for value in _NUMBER.findall(body)]
        size = _ARITY[upper]
        if not numbers or len(numbers) % size:
            raise ValueError(f"path command {upper} with {len(numbers)} numbers")
        groups = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    yield from groups


def end(segment: Segment, pen: Point) -> Point:
    """Where the pen stands after ``segment``, which found it at ``pen``."""
    return pen if segment[0] == "Z" else (float(segment[-2]), float(segment[-1]))


def _absolute(upper: str, n: list[float], origin: Point, pen: Point, handle: Point, last: str) -> tuple[Segment, Point]:
    """One command as an absolute segment, and the control point that a following smooth command mirrors."""
    ox, oy = origin
    if upper == "H":
        return ("L", n[0] + ox, pen[1]), handle
    if upper == "V":
        return ("L", pen[0], n[0] + oy), handle
    p = [value + (oy if i % 2 else ox) for i, value in enumerate(n)]
    if upper in "ML":
        return (upper, p[0], p[1]), handle
    mirrored = (2 * pen[0] - handle[0], 2 * pen[1] - handle[1])
    if upper == "C":
        return ("C", *p), (p[2], p[3])
    if upper == "S":
        first = mirrored if last in ("C", "S") else pen
        return ("C", *first, *p), (p[0], p[1])
    control = (p[0], p[1]) if upper == "Q" else (mirrored if last in ("Q", "T") else pen)
    x, y = p[-2], p[-1]
    first = (pen[0] + 2 / 3 * (control[0] - pen[0]), pen[1] + 2 / 3 * (control[1] - pen[1]))
    second = (x + 2 / 3 * (control[0] - x), y + 2 / 3 * (control[1] - y))
    return ("C", *first, *second, x, y), control


def _arc(pen: Point, n: list[float], relative: bool) -> Path:
    """An elliptical arc as cubics, by the endpoint-to-centre rule of SVG 1.1, appendix F.6.5."""
    rx, ry, phi = abs(n[0]), abs(n[1]), math.radians(n[2])
    x, y = (n[5] + pen[0], n[6] + pen[1]) if relative else (n[5], n[6])
    if not rx or not ry or (x, y) == pen:
        return [("L", x, y)]
    cos, sin = math.cos(phi), math.sin(phi)
    dx, dy = (pen[0] - x) / 2, (pen[1] - y) / 2
    px, py = cos * dx + sin * dy, cos * dy - sin * dx
    grow = (px / rx) ** 2 + (py / ry) ** 2
    if grow > 1:
        rx, ry = rx * math.sqrt(grow), ry * math.sqrt(grow)
    under = max(0.0, (rx * ry) ** 2 - (rx * py) ** 2 - (ry * px) ** 2) / ((rx * py) ** 2 + (ry * px) ** 2)
    root = math.sqrt(under) * (-1 if n[3] == n[4] else 1)
    qx, qy = root * rx * py / ry, -root * ry * px / rx
    centre = (cos * qx - sin * qy + (pen[0] + x) / 2, sin * qx + cos * qy + (pen[1] + y) / 2)
    begin = math.atan2((py - qy) / ry, (px - qx) / rx)
    sweep = math.atan2((-py - qy) / ry, (-px - qx) / rx) - begin
    if n[4] and sweep < 0:
        sweep += 2 * math.pi
    elif not n[4] and sweep > 0:
        sweep -= 2 * math.pi
    cubics = _arc_cubics(begin, sweep)
    placed: Matrix = (cos * rx, sin * rx, -sin * ry, cos * ry, *centre)
    return transformed(cubics, placed)


def _arc_cubics(begin: float, sweep: float) -> Path:
    pieces = max(1, math.ceil(abs(sweep) / (math.pi / 2) - 1e-9))
    step = sweep / pieces
    k = 4 / 3 * math.tan(step / 4)
    path: Path = []
    for i in range(pieces):
        a, b = begin + i * step, begin + (i + 1) * step
        ca, sa, cb, sb = math.cos(a), math.sin(a), math.cos(b), math.sin(b)
        path.append(("C", ca - k * sa, sa + k * ca, cb + k * sb, sb - k * cb, cb, sb))
    return path


def ellipse(cx: float, cy: float, rx: float, ry: float) -> Path:
    """A closed ellipse of four cubics."""
    unit: Path = [("M", 1.0, 0.0), *_arc_cubics(0.0, 2 * math.pi), ("Z",)]
    return transformed(unit, (rx, 0.0, 0.0, ry, cx, cy))


def rect(x: float, y: float, width: float, height: float, radius: float = 0.0) -> Path:
    """A closed rectangle with round corners of ``radius``, clockwise from its upper left."""
    r = max(0.0, min(radius, width / 2, height / 2))
    if not r:
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        return [("M", *corners[0]), *[("L", *corner) for corner in corners[1:]], ("Z",)]
    arc = f"a{r} {r} 0 0 1"
    w, h = width - 2 * r, height - 2 * r
    return parse(f"M{x + r} {y}h{w}{arc} {r} {r}v{h}{arc} {-r} {r}h{-w}{arc} {-r} {-r}v{-h}{arc} {r} {-r}z")


def transformed(path: Sequence[Segment], matrix: Matrix) -> Path:
    """``path`` with every point mapped by ``matrix``."""
    a, b, c, d, e, f = matrix
    moved: Path = []
    for segment in path:
        out: list[str | float] = [segment[0]]
        for i in range(1, len(segment), 2):
            x, y = float(segment[i]), float(segment[i + 1])
            out += (a * x + c * y + e, b * x + d * y + f)
        moved.append(tuple(out))
    return moved


def _short(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def write(path: Sequence[Segment], short: Callable[[float], str] = _short) -> str:
    """SVG path data in relative commands, two decimals, without drift: each step is taken from the rounded pen."""
    out: list[str] = []
    px = py = sx = sy = 0.0
    for segment in path:
        if segment[0] == "Z":
            out.append("z")
            px, py = sx, sy
            continue
        numbers = []
        for i in range(1, len(segment), 2):
            numbers += [short(float(segment[i]) - px), short(float(segment[i + 1]) - py)]
        px, py = round(px + float(numbers[-2]), 2), round(py + float(numbers[-1]), 2)
        if segment[0] == "M":
            sx, sy = px, py
            out.append(f"M{short(px)}{_join([short(py)])}")
            continue
        out.append(str(segment[0]).lower() + numbers[0] + _join(numbers[1:]))
    return "".join(out)


def _join(numbers: Iterable[str]) -> str:
    return "".join(n if n.startswith("-") else " " + n for n in numbers)
