"""Untrusted SVG made safe to draw and to publish: only still shapes, and nothing from outside the text."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.limits import Limits
from imajin_cli.stages.imaging.rasters import peek_raster
from imajin_cli.stages.imaging.sniff import sniff
from imajin_cli.stages.imaging.svgcost import check_cost
from imajin_cli.stages.imaging.svgcss import clean_css, clean_style, clean_value
from imajin_cli.stages.imaging.svgtree import SVG, XLINK, XML, Node, parse

# The still part of SVG. What is not named here goes, with all that is in it: script, foreignObject, animation, links'
# targets, media, editors' own elements.
_ALLOWED_NAMES = (
    "svg g defs symbol use switch a title desc path rect circle ellipse line polyline polygon image style "
    "text tspan textPath "
    "linearGradient radialGradient stop pattern marker clipPath mask filter "
    "feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap "
    "feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge "
    "feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence"
)
_ALLOWED = frozenset(_ALLOWED_NAMES.split())
_RASTERS = frozenset({"PNG", "JPEG", "WEBP", "GIF"})
_IMAGE_PIXELS = 16_000_000
_IMAGES = 64
_DATA_URL = re.compile(r"data:image/[a-z+.-]+;base64,([A-Za-z0-9+/=\s]+)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([+]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,3})?)\s*(px|pt|pc|mm|cm|in|em|ex|%)?\s*")
# CSS pixels in one unit (CSS Values 3, section 6.2), at the default font size of 16 px.
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 960 / 25.4, "in": 96.0, "em": 16.0, "ex": 8.0}
# What a browser shows by its user's language or by what it can do: the picture that was judged is the one for everybody.
_CONDITIONS = frozenset({"systemLanguage", "requiredExtensions", "requiredFeatures", "externalResourcesRequired"})
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]+")
_MAX_OCTAVES = 8
_MAX_MORPHOLOGY = 64.0


@dataclass(frozen=True)
class SafeSvg:
    """Cleaned SVG text, its ``size`` in pixels as it is to be drawn, the size that it ``stated``, what went, and whether
    there is text to set in it.
    """

    svg: str
    size: tuple[int, int]
    stated: tuple[int, int]
    notes: tuple[str, ...]
    text: bool = False


def sanitise(data: bytes, limits: Limits) -> SafeSvg:
    """``data`` as SVG text that holds only still shapes and references into itself.

    Raises InputError where it is no well-formed SVG, declares entities, or is too large, too deep or too costly.
    """
    root = parse(data)
    cleaner = _Cleaner(limits)
    cleaner.clean(root)
    check_cost(root, "\n".join(node.text() for node in root.walk() if node.name == "style"))
    stated = _stated_size(root, limits)
    size = _drawn_size(stated, limits)
    _set_size(root, stated, size)
    notes = tuple(f"removed from the SVG: {what} ({count})" for what, count in sorted(cleaner.dropped.items()))
    text = any(node.name == "text" and "".join(part.text() for part in node.walk()).strip() for node in root.walk())
    return SafeSvg(_serialise(root, top=True), size, (math.ceil(stated[0]), math.ceil(stated[1])), notes, text)


class _Cleaner:
    """Removes from a tree, in place, what is not allowed, and counts it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.dropped: Counter[str] = Counter()
        self.images = 0
        self.pixels = 0

    def clean(self, node: Node) -> None:
        """Keep of ``node`` and of what is below it only what is safe to draw, in place. Raises InputError."""
        self._attributes(node)
        if node.name == "style":
            self._style(node)
            return
        kept: list[Node | str] = []
        for item in node.content:
            if isinstance(item, str) or (item.space in (SVG, "") and item.name in _ALLOWED):
                kept.append(item)
            else:
                self.dropped[f"element {item.name[:40]}"] += 1
        node.content = kept
        for child in node.children():
            self.clean(child)

    def _style(self, node: Node) -> None:
        css = node.text()
        clean = clean_css(css)
        if css.strip() and not clean.strip():
            self.dropped["style sheet"] += 1
        node.content = [clean]

    def _attributes(self, node: Node) -> None:
        kept: dict[tuple[str, str], str] = {}
        for (space, name), value in node.attributes.items():
            if space == XLINK and name == "href":
                space = ""
            safe = self._value(node, name, value) if space in ("", XML) and name != "base" else None
            if safe is None:
                if space in ("", XML):  # editors' own attributes are not worth a word
                    self.dropped[f"attribute {name[:40]}"] += 1
            else:
                kept[space, name] = safe
        node.attributes = kept

    def _value(self, node: Node, name: str, value: str) -> str | None:
        """The attribute's value as it may stay, None where the attribute must go."""
        plain = _CONTROL.sub("", value).lower()
        if name.lower().startswith("on") or "javascript:" in plain or "vbscript:" in plain:
            return None
        if name in ("href", "src"):
            return self._link(node, value.strip())
        if name == "numOctaves" and _number(value) > _MAX_OCTAVES:
            return str(_MAX_OCTAVES)
        if node.name == "feMorphology" and name == "radius":
            return value if all(_number(part) <= _MAX_MORPHOLOGY for part in value.replace(",", " ").split()) else None
        if name in _CONDITIONS:
            return None
        if name == "style" or "url" in plain or "\\" in value:
            clean = clean_style(value) if name == "style" else clean_value(value)
            return clean if clean.strip() or not value.strip() else None
        return value

    def _link(self, node: Node, value: str) -> str | None:
        if node.name == "a":
            return None
        if value.startswith("#"):
            return value
        if node.name in ("image", "feImage") and self._is_raster(value):
            return value
        return None

    def _is_raster(self, url: str) -> bool:
        """Whether ``url`` is a picture within the text, of a kind and size that may be decoded."""
        match = _DATA_URL.fullmatch(url)
        if match is None:
            return False
        try:
            data = base64.b64decode(match[1], validate=False)
        except (binascii.Error, ValueError):
            return False
        kind = sniff(data)
        self.images += 1
        if kind not in _RASTERS or self.images > _IMAGES:
            return False
        try:
            picture = peek_raster(data, kind, self.limits)
        except InputError:
            return False
        if getattr(picture, "n_frames", 1) != 1:  # a browser shows them all, and one was looked at
            return False
        width, height = picture.size
        self.pixels += width * height
        return self.pixels <= _IMAGE_PIXELS


def _number(text: str) -> float:
    """The number in ``text``; infinity where there is none, so that no bound lets it through."""
    try:
        value = float(text)
    except ValueError:
        return math.inf
    return value if math.isfinite(value) else math.inf


def _length(text: str | None, whole: float | None) -> float | None:
    """A length in CSS pixels, a percentage of ``whole``; None where there is none that can be used."""
    match = _LENGTH.fullmatch(text or "")
    if match is None:
        return None
    value, unit = float(match[1]), match[2] or "px"
    if unit == "%":
        return None if whole is None else whole * value / 100
    return value * _UNITS[unit]


def _view_box(root: Node) -> tuple[float, float, float, float] | None:
    parts = (root.get("viewBox") or "").replace(",", " ").split()
    numbers = [_number(part) for part in parts]
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)) or numbers[2] <= 0 or numbers[3] <= 0:
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _stated_size(root: Node, limits: Limits) -> tuple[float, float]:
    """Width and height in pixels: the root's own, else its view box's, else 300 × 150 (CSS 2.1, section 10.3.2)."""
    box = _view_box(root)
    ratio = box[2] / box[3] if box else None
    width = _length(root.get("width"), box[2] if box else None)
    height = _length(root.get("height"), box[3] if box else None)
    if width is None and height is None:
        width, height = (box[2], box[3]) if box else (300.0, 150.0)
    elif width is None:
        width = (height or 0) * (ratio or 1)
    elif height is None:
        height = width / (ratio or 1)
    if not (width and height and math.isfinite(width) and math.isfinite(height)):
        raise InputError("the SVG states no usable size")
    if limits.svg_side is None:
        limits.check_size(math.ceil(width), math.ceil(height))
    return width, height or 0.0


def _drawn_size(stated: tuple[float, float], limits: Limits) -> tuple[int, int]:
    scale = 1.0 if limits.svg_side is None else limits.svg_side / max(stated)
    size = max(1, round(stated[0] * scale)), max(1, round(stated[1] * scale))
    limits.check_size(*size)
    return size


def _set_size(root: Node, stated: tuple[float, float], size: tuple[int, int]) -> None:
    """State the drawn size on the root, in pixels, with a view box that keeps the old units."""
    if _view_box(root) is None:
        root.attributes["", "viewBox"] = f"0 0 {stated[0]:g} {stated[1]:g}"
    root.attributes["", "width"], root.attributes["", "height"] = str(size[0]), str(size[1])


def _serialise(node: Node, *, top: bool = False) -> str:
    parts = [f"<{node.name}"]
    if top:
        parts.append(f' xmlns="{SVG}"')
    for (space, name), value in node.attributes.items():
        parts.append(f" {'xml:' if space == XML else ''}{name}={quoteattr(value)}")
    inner = "".join(escape(item) if isinstance(item, str) else _serialise(item) for item in node.content)
    parts.append(f">{inner}</{node.name}>" if inner else "/>")
    return "".join(parts)
