"""An SVG put on a canvas of another size, or a part of it cut out."""

from __future__ import annotations

import re

_ROOT = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r"""\s(?:width|height|preserveAspectRatio)\s*=\s*(?:"[^"]*"|'[^']*')""")
_VIEW = re.compile(r"\sviewBox\s*=")


Box = tuple[int, int, int, int]


def cut_out(svg: str, own: tuple[int, int], box: Box, size: tuple[int, int], ground: str | None = None) -> str:
    """The part ``box`` (left, top, right, bottom, in pixels) of ``svg``, whose own size is ``own``, drawn ``size`` pixels.

    The box may reach beyond the picture; there ``ground``, a colour, is seen, or nothing.
    """
    left, top, right, bottom = box
    fill = (
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="{ground}"/>' if ground else ""
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" preserveAspectRatio="none" '
        f'viewBox="{left} {top} {right - left} {bottom - top}">{fill}{on_canvas(svg, own, own)}</svg>'
    )


def on_canvas(svg: str, own: tuple[int, int], size: tuple[int, int]) -> str:
    """``svg``, whose own size is ``own`` pixels, to be drawn ``size`` pixels: centred, and covering the canvas wholly.

    Without it a ratio that is off by a rounded pixel would leave a see-through seam along one edge. The same text
    where it has no root element.
    """
    root = _ROOT.search(svg)
    if root is None:
        return svg
    tag = _SIZE.sub("", root.group(0))
    closed = tag.endswith("/>")
    view = "" if _VIEW.search(tag) else f' viewBox="0 0 {own[0]} {own[1]}"'
    head = (
        f'{tag[: -2 if closed else -1]}{view} width="{size[0]}" height="{size[1]}" preserveAspectRatio="xMidYMid slice"'
    )
    return f"{svg[: root.start()]}{head}{'/>' if closed else '>'}{svg[root.end() :]}"
