"""SVG drawings as parts: reading them safely, their colours as roles, and their outlined variant.

Only shapes and groups get through. Text, images, styles, scripts, references, filters and foreign content never do.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.scene.bounds import IDENTITY, Matrix, box_of, matrix, multiply, shape_points
from imajin_cli.stages.scene.part import ROLES, Box

SVG = "http://www.w3.org/2000/svg"
SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
GEOMETRY = frozenset(
    ("d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "points", "transform")
)
PAINT = frozenset(
    {"fill", "fill-rule", "fill-opacity", "stroke", "stroke-opacity", "stroke-width"}
    | {"stroke-linecap", "stroke-linejoin", "stroke-dasharray"}
)
MAX_BYTES = 400_000
MAX_SHAPES = 2_000
_DECIMALS = re.compile(r"-?\d*\.\d{3,}")
_PLAIN = re.compile(r"^[\w\s.,+\-()%#@]*$")


@dataclass
class Shape:
    """One shape: its tag, its attributes (paint included, nothing inherited), its matrix and its box in the drawing's units."""

    tag: str
    attributes: dict[str, str]
    transform: Matrix
    box: Box | None


@dataclass
class Drawing:
    """A drawing's shapes in painting order, its canvas size, its root's data attributes, title and description."""

    view: tuple[float, float]
    shapes: list[Shape]
    data: dict[str, str] = field(default_factory=dict)
    title: str = ""
    desc: str = ""


def _local(tag: object) -> str:
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def short(text: str) -> str:
    """``text`` with every number rounded to two decimals."""
    return _DECIMALS.sub(lambda m: f"{round(float(m[0]), 2):g}", text)


def parse(text: str, where: str) -> ElementTree.Element:
    """The root of an SVG text. Raises InputError for what is no SVG, is too large, or declares a document type."""
    if len(text) > MAX_BYTES:
        raise InputError(f"{where}: larger than {MAX_BYTES} bytes")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{where}: document types are not accepted")
    try:
        # Without a document type there are no entities, so nothing in the text can expand.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise InputError(f"{where}: not SVG: {error}") from error
    if _local(root.tag) != "svg":
        raise InputError(f"{where}: not SVG: its root is <{_local(root.tag)}>")
    return root


Paint = Callable[[dict[str, str], dict[str, str]], dict[str, str]]


def _walk(element: ElementTree.Element, transform: Matrix, inherited: dict[str, str], paint: Paint) -> Iterator[Shape]:
    for child in element:
        tag = _local(child.tag)
        if tag not in SHAPES and tag != "g":
            continue
        attributes = {_local(k): v for k, v in child.attrib.items()}
        own = multiply(transform, matrix(attributes.get("transform", "")))
        painted = paint(attributes, inherited)
        if tag == "g":
            yield from _walk(child, own, painted, paint)
            continue
        geometry = {
            k: short(v) for k, v in attributes.items() if k in GEOMETRY and k != "transform" and _PLAIN.match(v)
        }
        yield Shape(tag, {**geometry, **painted}, own, box_of(shape_points(tag, geometry), own))


def read(root: ElementTree.Element, paint: Paint, where: str) -> Drawing:
    """A parsed SVG as a drawing; ``paint`` gives a shape's paint from its attributes and what it inherits."""
    view = [float(n) for n in re.findall(r"-?[\d.]+", root.get("viewBox", ""))]
    if len(view) != 4:
        view = [0.0, 0.0, *(float((re.findall(r"[\d.]+", root.get(k, "")) or ["0"])[0]) for k in ("width", "height"))]
    if not (0 < view[2] <= 10_000 and 0 < view[3] <= 10_000):
        raise InputError(f"{where}: no usable viewBox")
    base: Matrix = (1.0, 0.0, 0.0, 1.0, -view[0], -view[1])
    inherited = paint({_local(k): v for k, v in root.attrib.items()}, {})
    shapes = list(_walk(root, base, inherited, paint))
    if not shapes or len(shapes) > MAX_SHAPES:
        raise InputError(f"{where}: {len(shapes)} shapes; 1 to {MAX_SHAPES} are accepted")
    texts = {_local(child.tag): (child.text or "").strip() for child in root}
    data = {k[5:]: v for k, v in root.attrib.items() if k.startswith("data-")}
    return Drawing((view[2], view[3]), shapes, data, texts.get("title", ""), texts.get("desc", ""))


def strict_paint(where: str) -> Paint:
    """Paint of the project's own drawings: only roles are colours. Raises InputError for anything else."""
    allowed = {f"@{role}" for role in ROLES} | {"none"}

    def paint(attributes: dict[str, str], inherited: dict[str, str]) -> dict[str, str]:
        found = {k: short(v) for k, v in attributes.items() if k in PAINT}
        for key in ("fill", "stroke"):
            if found.get(key, "none") not in allowed:
                raise InputError(f"{where}: {key}={found[key]!r} is not a colour role")
        return {**inherited, **found}

    return paint


def check(root: ElementTree.Element, where: str) -> None:
    """Refuse (InputError) any element or attribute that the project's own drawings may not have."""
    for element in root.iter():
        tag = _local(element.tag)
        if tag not in SHAPES | {"svg", "g", "title", "desc"}:
            raise InputError(f"{where}: <{tag}> is not accepted")
        for key, value in element.attrib.items():
            known = key in GEOMETRY | PAINT or key.startswith("data-") or (tag == "svg" and key == "viewBox")
            if not known or (not key.startswith("data-") and not _PLAIN.match(value)):
                raise InputError(f"{where}: {key}={value!r} is not accepted")


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _element(tag: str, attributes: dict[str, str], transform: Matrix) -> str:
    parts = [f"<{tag}", *(f' {k}="{v}"' for k, v in attributes.items())]
    if transform != IDENTITY:
        a, b, c, d, e, f = transform
        if (a, b, c, d) == (1, 0, 0, 1):
            parts.append(f' transform="translate({_number(e)} {_number(f)})"')
        else:
            values = " ".join([*(f"{round(v, 4):g}" for v in (a, b, c, d)), _number(e), _number(f)])
            parts.append(f' transform="matrix({values})"')
    return "".join(parts) + "/>"


def body(drawing: Drawing) -> str:
    """The drawing as SVG elements without a root."""
    return "".join(_element(s.tag, s.attributes, s.transform) for s in drawing.shapes)


_LINE = {"stroke": "@line", "stroke-width": "@w", "stroke-linecap": "round", "stroke-linejoin": "round"}


def _extent(shape: Shape, box: Box) -> tuple[float, float]:
    """A shape's area and its longer side, each as a part of the drawing's own."""
    if shape.box is None:
        return 0.0, 0.0
    w, h = shape.box[2] - shape.box[0], shape.box[3] - shape.box[1]
    all_w, all_h = max(1.0, box[2] - box[0]), max(1.0, box[3] - box[1])
    return w * h / (all_w * all_h), max(w, h) / max(all_w, all_h)


def _outlined(shape: Shape, box: Box) -> dict[str, str] | None:
    """The paint of one shape in the outlined variant, None where it would only be clutter."""
    area, side = _extent(shape, box)
    geometry = {k: v for k, v in shape.attributes.items() if k in GEOMETRY}
    fill, stroke = shape.attributes.get("fill", "none"), shape.attributes.get("stroke", "none")
    dash = {k: v for k, v in shape.attributes.items() if k in ("fill-rule", "stroke-dasharray")}
    if fill != "none":
        if area >= 0.022 and side >= 0.16:
            return {**geometry, **dash, "fill": "@paper", **_LINE}
        return {**geometry, **dash, "fill": "@line"} if fill in ("@deep", "@ink") and side >= 0.04 else None
    if stroke == "none" or side < 0.13:
        return None
    return {**geometry, **dash, "fill": "none", **_LINE}


def _is_shade(shape: Shape, before: list[Shape]) -> bool:
    """Whether a shape only shades one below it: a darker tone that lies within its box."""
    if shape.box is None or shape.attributes.get("fill") not in ("@main", "@mist", "@pale"):
        return False
    x0, y0, x1, y1 = shape.box
    return any(
        other.box is not None
        and other.attributes.get("fill") in ("@light", "@main", "@paper", "@pale")
        and other.attributes.get("fill") != shape.attributes.get("fill")
        and other.box[0] - 2 <= x0
        and other.box[1] - 2 <= y0
        and other.box[2] + 2 >= x1
        and other.box[3] + 2 >= y1
        and (abs(other.box[2] - x1) < 4 or abs(other.box[3] - y1) < 4)
        for other in before
    )


def outline(drawing: Drawing, box: Box) -> str:
    """The drawing as neutral lines on paper; small details and shades are left out. "@w" stands for the line width."""
    out = []
    for at, shape in enumerate(drawing.shapes):
        paint = None if _is_shade(shape, drawing.shapes[:at]) else _outlined(shape, box)
        if paint is not None:
            out.append(_element(shape.tag, paint, shape.transform))
    return "".join(out)
