"""From placed items to SVG: one root, one group a layer, colours filled in, numbers short."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from imajin_cli.stages.scene.board import LAYERS, Board, Item
from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.shapes import n

_ROLE = re.compile(r"@[a-z]+(?:-deep)?(?=\")")
_OPACITY = re.compile(r' (?:fill|stroke)-opacity="[^"]*"')
_WIDTH = re.compile(r'stroke-width="([\d.]+)"')
LINE_WIDTH = 2.3


@lru_cache(maxsize=2048)
def _silhouette(body: str, role: str) -> str:
    return _OPACITY.sub("", _ROLE.sub(role, body))


def _icon_lines(part: Part, scale: float, width: float) -> str:
    from imajin_cli.stages.backends import phosphor

    weight = phosphor.weight_for(part.view[0] * scale, width)
    return phosphor.lines(part.name.removeprefix("phosphor:"), weight).body


def _bordered(body: str, role: str, extra: float) -> str:
    """``body`` before its own silhouette in ``role``, wider by half of ``extra`` all round."""
    wider = _WIDTH.sub(lambda m: f'stroke-width="{n(float(m[1]) + extra)}"', _silhouette(body, role))
    return f'<g stroke="{role}" stroke-width="{n(extra)}" stroke-linejoin="round">{wider}</g>{body}'


def body_of(item: Item, width: float) -> str:
    """An item's elements in its own units; ``width`` is the scene's line width in pixels."""
    part = item.part
    if item.style.startswith("@"):
        return _silhouette(part.body, item.style)
    if item.style in ("sticker", "edged"):
        extra = width * (5 if item.style == "sticker" else 3) / item.s
        return _bordered(part.body, "@edge", extra)
    if item.style == "solid" and part.frail:
        return _bordered(part.body, "@soft", width * 1.3 / item.s)
    if item.style == "outline":
        if part.name.startswith("phosphor:"):
            return _icon_lines(part, item.s, width)
        body = part.outline or part.body
    else:
        body = part.body
    if "@w" not in body:
        return body
    w = width / item.s
    return body.replace("@w2", n(w * 2.2)).replace("@w3", n(w * 3)).replace("@w", n(w))


def _transform(item: Item) -> str:
    out = f"translate({n(item.x)} {n(item.y)})"
    if item.s != 1:
        out += f" scale({round(item.s, 4):g})"
    if item.turn or item.flip:
        cx, cy = (item.part.box[0] + item.part.box[2]) / 2, (item.part.box[1] + item.part.box[3]) / 2
        if item.turn:
            out += f" rotate({n(item.turn)} {n(cx)} {n(cy)})"
        if item.flip:
            out += f" translate({n(2 * cx)} 0) scale(-1 1)"
    return out


def element(item: Item, width: float) -> str:
    """An item as one SVG group."""
    return f'<g transform="{_transform(item)}">{body_of(item, width)}</g>'


def paint(svg: str, colours: Mapping[str, str]) -> str:
    """``svg`` with every role filled in. The longest names first: "@accent-deep" also begins with "@accent"."""
    for role in sorted(colours, key=len, reverse=True):
        svg = svg.replace(f'"@{role}"', f'"{colours[role]}"')
    return svg


def root(width: int, height: int, inside: str) -> str:
    """An SVG document of ``width`` × ``height`` pixels."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"{inside}</svg>"
    )


def _is_figure(item: Item) -> bool:
    if item.role == "tile" and '"@deep"' in item.part.body:  # the tile of a glyph goes by the glyph's colours
        return True
    return item.style in ("solid", "sticker", "edged") and item.part.kind != "shape" and item.role != "mark"


def groups(
    board: Board, colours: Mapping[str, str], background: str | None, figures: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    """(layer, SVG group) in painting order; solid drawings are painted in ``figures``.

    A layer that also has items in front of another appears twice.
    """
    own = {**colours, "edge": colours["paper"], **(figures or {})}
    width = LINE_WIDTH * board.unit
    out: list[tuple[str, list[str]]] = []
    if background is not None:
        out.append(("background", [f'<rect width="{n(board.width)}" height="{n(board.height)}" fill="{background}"/>']))
    for item in sorted(board.items, key=lambda item: item.z):
        if not out or out[-1][0] != item.layer:
            out.append((item.layer, []))
        out[-1][1].append(paint(element(item, width), own if _is_figure(item) else colours))
    return [(layer, f'<g data-layer="{layer}">{"".join(inside)}</g>') for layer, inside in out]


class Layers(Mapping[str, str]):
    """A scene's layers as SVG documents of the same canvas, put together only when one is asked for."""

    def __init__(self, size: tuple[int, int], drawn: list[tuple[str, str]]) -> None:
        self._size, self._drawn = size, drawn
        present = {layer for layer, _ in drawn}
        self._names = [layer for layer in LAYERS if layer in present]

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return root(*self._size, "".join(svg for layer, svg in self._drawn if layer == name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
