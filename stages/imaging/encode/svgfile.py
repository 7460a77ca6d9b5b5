"""A scene's SVG as a file to publish: only still shapes, short numbers, a title for those who cannot see it."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.encode.svgnumbers import COORDINATE, FACTOR, short_numbers, short_path
from imajin_cli.stages.imaging.limits import Limits
from imajin_cli.stages.imaging.svgcss import references
from imajin_cli.stages.imaging.svgsafe import sanitise
from imajin_cli.stages.imaging.svgtree import SVG, XML, Node, parse

_LIMITS = Limits()
_LENGTH_NAMES = (
    "x y width height cx cy r rx ry x1 y1 x2 y2 fx fy fr dx dy points stroke-width stroke-dasharray stroke-dashoffset "
    "viewBox font-size letter-spacing refX refY markerWidth markerHeight stdDeviation"
)
_FACTOR_NAMES = (
    "transform gradientTransform patternTransform opacity fill-opacity stroke-opacity stop-opacity flood-opacity "
    "offset stroke-miterlimit"
)
_LENGTHS, _FACTORS = frozenset(_LENGTH_NAMES.split()), frozenset(_FACTOR_NAMES.split())
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_svg(svg: str, size: tuple[int, int], alt: str) -> bytes:
    """``svg`` as UTF-8 bytes, to be shown at ``size`` (width, height) pixels, titled ``alt`` (empty: decoration).

    Raises InputError where it is no well-formed SVG or too costly to draw.
    """
    return written(clean_tree(svg, size, alt)[0])


def written(root: Node) -> bytes:
    """The document ``root`` as UTF-8 bytes."""
    return _text(root, top=True).encode()


def clean_tree(svg: str, size: tuple[int, int], alt: str) -> tuple[Node, list[tuple[str, Node]]]:
    """``svg`` as `encode_svg` publishes it, as a tree, and its layers: the groups at its top that had a name, in order.

    Raises InputError as `encode_svg` does.
    """
    root = parse(sanitise(svg.encode(), _LIMITS).svg.encode())
    layers = [(name, child) for child in root.children() if (name := child.get("data-layer"))]
    styled = any(node.name == "style" for node in root.walk())
    used = _used_names(root)
    for node in root.walk():
        _shorten(node, keep_names=styled, used=used)
    root.content = [item for item in root.content if isinstance(item, str) or item.name not in ("title", "desc")]
    root.attributes = {("", "viewBox"): root.get("viewBox") or "0 0 {} {}".format(*size), **root.attributes}
    root.attributes["", "width"], root.attributes["", "height"] = str(size[0]), str(size[1])
    plain = _CONTROL.sub("", alt).strip()
    if plain:
        root.attributes["", "role"] = "img"
        root.content.insert(0, Node(SVG, "title", {}, [plain]))
    else:
        root.attributes["", "aria-hidden"] = "true"
    return root, layers


def check_svg(data: bytes) -> None:
    """Raise InputError where ``data`` is not an SVG of still shapes that refers to nothing outside itself."""
    found = sanitise(data, _LIMITS)
    if found.notes:
        raise InputError(f"the SVG is not safe to publish: {found.notes[0]}")


def _used_names(root: Node) -> set[str]:
    used: set[str] = set()
    for node in root.walk():
        for value in node.attributes.values():
            if "url(" in value:
                used.update(references(value))
        href = node.get("href")
        if href is not None and href.startswith("#"):
            used.add(href[1:])
    return used


def _shorten(node: Node, *, keep_names: bool, used: set[str]) -> None:
    """Round the numbers of one element and drop attributes that draw nothing. Styles may select by id and class."""
    kept: dict[tuple[str, str], str] = {}
    for (space, name), value in node.attributes.items():
        if name.startswith("data-") or (not keep_names and (name == "class" or (name == "id" and value not in used))):
            continue
        if name == "d":
            value = short_path(value)
        elif name in _LENGTHS:
            value = short_numbers(value, COORDINATE)
        elif name in _FACTORS:
            value = short_numbers(value, FACTOR)
        kept[space, name] = value
    node.attributes = kept
    if node.name not in ("text", "tspan", "textPath", "title", "desc", "style"):
        node.content = [item for item in node.content if isinstance(item, Node)]


def _text(node: Node, *, top: bool = False) -> str:
    parts = [f"<{node.name}"]
    if top:
        parts.append(f' xmlns="{SVG}"')
    for (space, name), value in node.attributes.items():
        parts.append(f" {'xml:' if space == XML else ''}{name}={quoteattr(value)}")
    inner = "".join(escape(item) if isinstance(item, str) else _text(item) for item in node.content)
    parts.append(f">{inner}</{node.name}>" if inner else "/>")
    return "".join(parts)
