"""The layers of an SVG of ours: its top-level groups that carry a ``data-layer`` name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_ROOT = re.compile(r"<svg\b[^>]*>")
_OPEN = re.compile(r'<g data-layer="([a-z][a-z0-9-]*)"[^>]*>')
_GROUP = re.compile(r"<(/?)g\b[^>]*?(/?)>")


class Layers(Mapping[str, str]):
    """Layer name → an SVG of the same canvas that draws that layer alone. Cut out when asked for."""

    def __init__(self, svg: str) -> None:
        self._svg = svg
        root = _ROOT.search(svg)
        self._root = root.group(0) if root is not None else ""
        self._spans: dict[str, list[tuple[int, int]]] = {}
        for name, span in spans(svg) if root is not None else ():
            self._spans.setdefault(name, []).append(span)

    def __getitem__(self, name: str) -> str:
        inside = "".join(self._svg[start:end] for start, end in self._spans[name])
        return f"{self._root}{inside}</svg>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def layers_of(svg: str) -> Layers:
    """The layers of ``svg``; none where it has no group with a ``data-layer``."""
    return Layers(svg)


def spans(svg: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each top-level group with a ``data-layer``: its name, and where in the text it begins and ends; names may repeat."""
    at = 0
    while found := _OPEN.search(svg, at):
        depth = 0
        end = len(svg)
        for tag in _GROUP.finditer(svg, found.start()):
            closing, empty = tag.group(1), tag.group(2)
            depth += -1 if closing else (0 if empty else 1)
            if depth == 0:
                end = tag.end()
                break
        yield found.group(1), (found.start(), end)
        at = end
