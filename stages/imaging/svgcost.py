"""How much drawing an SVG's references multiply it to: a few ``use`` elements can stand for billions of shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.svgcss import references, sheet_references
from imajin_cli.stages.imaging.svgtree import MAX_DEPTH, Node

# In shapes drawn. A filter primitive works on whole surfaces and weighs as much as hundreds of shapes.
MAX_DRAWN = 250_000
_FILTER_WEIGHT = 500
_MAX_CHAIN = 2 * MAX_DEPTH
# A gradient costs the same however often it is used, and may refer only to another gradient.
_CHEAP = frozenset({"linearGradient", "radialGradient"})
_VERTEX = re.compile(r"[A-Za-z,\s]+")


class _Counter:
    def __init__(self, root: Node, css: str) -> None:
        self.by_id = {node.get("id") or "": node for node in root.walk() if node.get("id")}
        self.sheet: Mapping[str, list[str]] = sheet_references(css)
        self.known: dict[int, int] = {}
        self.open: set[int] = set()

    def cost(self, node: Node, depth: int = 0) -> int:
        """Shapes that drawing ``node`` draws, everything that it refers to included."""
        key = id(node)
        if key in self.known:
            return self.known[key]
        if key in self.open:
            raise InputError("the SVG refers to itself in a loop")
        if depth > _MAX_CHAIN:
            raise InputError("the SVG's references form too long a chain")
        self.open.add(key)
        total = _FILTER_WEIGHT if node.name.startswith("fe") else 1
        total += sum(self.cost(child, depth + 1) for child in node.children())
        for target in self._targets(node):
            total += self.cost(target, depth + 1) * (_vertices(node) if target.name == "marker" else 1)
        if total > MAX_DRAWN:
            raise InputError(f"the SVG's references multiply it to more than {MAX_DRAWN} shapes")
        self.open.discard(key)
        self.known[key] = total
        return total

    def _targets(self, node: Node) -> list[Node]:
        names = [name for value in node.attributes.values() if "url(" in value for name in references(value)]
        href = node.get("href")
        if href is not None and href.startswith("#"):
            names.append(href[1:])
        # A broad style rule also meets what is inside its own target; a renderer stops there, so it is no loop.
        styled = [name for mark in _marks(node) for name in self.sheet.get(mark, ())]
        names += [name for name in styled if name in self.by_id and id(self.by_id[name]) not in self.open]
        found = [self.by_id[name] for name in names if name in self.by_id]
        return [target for target in found if target.name not in _CHEAP]


def _marks(node: Node) -> list[str]:
    classes = [f".{name}" for name in (node.get("class") or "").split()]
    return ["*", *classes, f"#{node.get('id')}"] if node.get("id") else ["*", *classes]


def _vertices(node: Node) -> int:
    """About how many corners a shape has: each gets a marker."""
    return 1 + len(_VERTEX.findall((node.get("d") or node.get("points") or "").strip())) // 2


def check_cost(root: Node, css: str) -> None:
    """Raise InputError when ``root`` (cleaned, with ``css`` all its style sheets) draws more than a picture may."""
    _Counter(root, css).cost(root)
