"""Drawings of people from the `dicebear-styles` package, read straight from its definitions.

A definition is JSON: components ("hair", "mouth"), each with variants, each a small tree of SVG elements. Walking the
tree here, without `dicebear-core`, keeps for every shape the component it came from (which is what tells hair from
outline in styles that draw both in one ink) and leaves out the JSON Schema check of half a megabyte at each start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from imajin_cli.contract.sidecar import Credit

PACKAGE = "dicebear_styles"
# Style name -> SPDX licence of its drawings, checked against the definition when it is loaded.
STYLES = {
    "notionists": "CC0-1.0",
    "open-peeps": "CC0-1.0",
    "lorelei": "CC0-1.0",
    "voxel-bot": "CC0-1.0",
    "adventurer": "CC-BY-4.0",
    "big-smile": "CC-BY-4.0",
    "micah": "CC-BY-4.0",
    "miniavs": "CC-BY-4.0",
    "personas": "CC-BY-4.0",
    "toon-head": "CC-BY-4.0",
}
_SPDX = {"CC0 1.0": "CC0-1.0", "CC BY 4.0": "CC-BY-4.0"}
_MAX_DEPTH = 24
_GEOMETRY = {
    "path": ("d",),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "rect": ("height", "rx", "ry", "width", "x", "y"),
}


@dataclass(frozen=True)
class Shape:
    """One element that draws, with all that it inherits; its geometry as the definition has it, in the style's units.

    ``element`` is path, circle, ellipse or rect, ``geometry`` its sorted geometric attributes, ``transforms`` the SVG
    transform attributes around it from the outermost in. ``fill`` and ``stroke`` are a named colour of the style
    ("hair"), a literal ("#ff8181", "white") or "none". ``where`` is the component it belongs to ("" on the bare canvas),
    ``nth`` its place within that. ``clip`` holds the shapes to whose inside it is confined.
    """

    where: str
    nth: int
    element: str
    geometry: tuple[tuple[str, str], ...]
    transforms: tuple[str, ...]
    fill: str
    stroke: str = "none"
    stroke_width: float = 0.0
    round_ends: bool = False
    evenodd: bool = False
    opacity: float = 1.0
    clip: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """A style: its canvas (units), the variants of each component in a fixed order, its licence."""

    name: str
    size: float
    variants: Mapping[str, tuple[str, ...]]
    credit: Credit
    raw: Mapping[str, Any]


@lru_cache(maxsize=len(STYLES))
def drawing(style: str) -> Drawing:
    """Load one style. Raises ValueError for one that is not in STYLES or whose licence is not the recorded one."""
    if style not in STYLES:
        raise ValueError(f"unknown avatar style {style!r}; there are {', '.join(sorted(STYLES))}")
    raw = json.loads(files(PACKAGE).joinpath(f"{style}.json").read_text("utf-8"))
    meta = raw["meta"]
    licence = _SPDX.get(meta["license"]["name"], meta["license"]["name"])
    if licence != STYLES[style]:
        raise ValueError(f"avatar style {style!r} is now licensed {licence!r}, not {STYLES[style]!r}")
    credit = Credit(
        name=f"{meta.get('source', {}).get('name', style)} (DiceBear {style})",
        licence=licence,
        source=meta.get("source", {}).get("url"),
        by=meta["creator"]["name"],
    )
    parts = {name: part for name, part in raw["components"].items() if "variants" in part}
    return Drawing(
        name=style,
        size=float(raw["canvas"]["width"]),
        variants={name: tuple(part["variants"]) for name, part in parts.items()},
        credit=credit,
        raw=raw,
    )


@dataclass(frozen=True)
class _Pen:
    """What an element inherits from those around it."""

    where: str = ""
    transforms: tuple[str, ...] = ()
    fill: str = "black"
    stroke: str = "none"
    stroke_width: float = 1.0
    round_ends: bool = False
    opacity: float = 1.0
    clip: tuple[Shape, ...] = ()


def shapes(style: str, picks: Mapping[str, str]) -> list[Shape]:
    """The shapes of ``style`` from back to front, each component in the variant that ``picks`` names.

    A component that is left out is not drawn. Raises ValueError as drawing() does, and for one nested too deep.
    """
    source = drawing(style)
    walker = _Walker(source, picks)
    pen = _Pen(fill=str(source.raw.get("attributes", {}).get("fill", "black")))
    return list(walker.elements(source.raw["canvas"]["elements"], pen, 0))


class _Walker:
    """Walks one definition; ``masks`` collects the mask and clip shapes met on the way, by id."""

    def __init__(self, source: Drawing, picks: Mapping[str, str]) -> None:
        self.source, self.picks = source, picks
        self.masks: dict[str, tuple[Shape, ...]] = {}
        self.counts: dict[str, int] = {}

    def elements(self, elements: list[dict[str, Any]], pen: _Pen, depth: int) -> Iterator[Shape]:
        if depth > _MAX_DEPTH:
            raise ValueError(f"avatar style {self.source.name!r} nests deeper than {_MAX_DEPTH}")
        for element in elements:
            if element.get("type") == "component":
                yield from self.component(element, pen, depth)
            elif element.get("type") == "element":
                yield from self.element(element, pen, depth)

    def component(self, element: dict[str, Any], pen: _Pen, depth: int) -> Iterator[Shape]:
        name = str(element["name"])
        variant = self.source.raw["components"][name].get("variants", {}).get(self.picks.get(name, ""))
        if variant is not None:
            yield from self.elements(variant["elements"], replace(self.inherit(element, pen), where=name), depth + 1)

    def element(self, element: dict[str, Any], pen: _Pen, depth: int) -> Iterator[Shape]:
        """The shapes that one element draws; what a mask or clip path holds is kept aside under its id."""
        name, attributes = element["name"], element.get("attributes") or {}
        children = element.get("children") or []
        if name in ("mask", "clipPath"):
            inside = self.elements(children, _Pen(where="mask", transforms=pen.transforms), depth + 1)
            self.masks[str(attributes.get("id", ""))] = tuple(inside)
        elif name in ("g", "defs"):
            yield from self.elements(children, self.inherit(element, pen), depth + 1)
        elif name in _GEOMETRY:
            yield self.shape(name, attributes, self.inherit(element, pen))

    def shape(self, name: str, attributes: Mapping[str, Any], pen: _Pen) -> Shape:
        """One drawn element, counted within its component so that it can be told from its neighbours."""
        nth = self.counts.get(pen.where, 0)
        self.counts[pen.where] = nth + 1
        return Shape(
            where=pen.where,
            nth=nth,
            element=name,
            geometry=tuple((key, str(attributes[key])) for key in _GEOMETRY[name] if key in attributes),
            transforms=pen.transforms,
            fill=pen.fill,
            stroke=pen.stroke,
            stroke_width=pen.stroke_width,
            round_ends=pen.round_ends,
            evenodd=attributes.get("fill-rule") == "evenodd",
            opacity=pen.opacity * float(attributes.get("fill-opacity", 1)),
            clip=pen.clip,
        )

    def inherit(self, element: Mapping[str, Any], pen: _Pen) -> _Pen:
        """The pen as the element's children take it over: its transform, paint and component."""
        attributes = element.get("attributes") or {}
        if "transform" in attributes:
            pen = replace(pen, transforms=(*pen.transforms, str(attributes["transform"])))
        if "fill" in attributes:
            pen = replace(pen, fill=_colour(attributes["fill"]))
        if "stroke" in attributes:
            pen = replace(pen, stroke=_colour(attributes["stroke"]))
        if "stroke-width" in attributes:
            pen = replace(pen, stroke_width=float(attributes["stroke-width"]))
        if attributes.get("stroke-linecap") == "round":
            pen = replace(pen, round_ends=True)
        if "opacity" in attributes:
            pen = replace(pen, opacity=pen.opacity * float(attributes["opacity"]))
        held = str(attributes.get("mask") or attributes.get("clip-path") or "")
        if held:
            pen = replace(pen, clip=self.masks.get(held.removeprefix("url(#").removesuffix(")"), ()))
        return pen


def _colour(value: object) -> str:
    return str(value["name"]) if isinstance(value, dict) else str(value)
