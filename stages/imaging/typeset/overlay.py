"""A text layer on an SVG: put in, taken out again, and the canvas made taller for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ROOT = re.compile(r"<svg\b[^>]*>")
_TEXT = re.compile(r'<g data-layer="text"[^>]*>.*?</g>', re.DOTALL)


def document(size: tuple[int, int], body: str) -> str:
    """An SVG of ``size`` px that shows ``body``."""
    w, h = size
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{body}</svg>'


def append(svg: str, body: str) -> str:
    """``svg`` with ``body`` on top. Raises ValueError where it has no end tag."""
    at = svg.rfind("</svg>")
    if at < 0:
        raise ValueError("the picture's SVG has no end tag")
    return svg[:at] + body + svg[at:]


def without_text(svg: str) -> str:
    """``svg`` without the text layer of an earlier run."""
    return _TEXT.sub("", svg)


def taller(svg: str, size: tuple[int, int], height: int) -> str:
    """``svg``, of ``size`` px, on a canvas ``height`` px tall: what it shows stays where and as large as it was."""
    return _rooted(svg, size, (size[0], height), height / size[1], "")


def scaled(svg: str, size: tuple[int, int], to: tuple[int, int]) -> str:
    """``svg``, of ``size`` px, drawn as exactly ``to`` px, so that no rasteriser has to round."""
    return _rooted(svg, size, to, 1.0, ' preserveAspectRatio="none"')


def _rooted(svg: str, size: tuple[int, int], to: tuple[int, int], taller_by: float, more: str) -> str:
    root = _ROOT.search(svg)
    if root is None:
        raise ValueError("the picture's SVG has no root")
    tag = re.sub(r'\s(?:width|height|viewBox|preserveAspectRatio)="[^"]*"', "", root.group(0))
    inner = re.search(r'\sviewBox="([^"]*)"', root.group(0))
    box = [float(v) for v in re.split(r"[\s,]+", inner.group(1).strip())] if inner else [0.0, 0.0, *map(float, size)]
    shown = f"{box[0]:.6g} {box[1]:.6g} {box[2]:.6g} {box[3] * taller_by:.6g}"
    head = f'{tag[:-1]} width="{to[0]}" height="{to[1]}" viewBox="{shown}"{more}>'
    return svg[: root.start()] + head + svg[root.end() :]


def layers_taller(layers: Mapping[str, str], size: tuple[int, int], height: int, ground: str) -> dict[str, str]:
    """Every layer on the taller canvas; ``ground``, what fills the new part, goes with the backdrop."""
    out = {name: taller(svg, size, height) for name, svg in layers.items()}
    if ground and "backdrop" in out:
        out["backdrop"] = append(out["backdrop"], ground)
    return out
