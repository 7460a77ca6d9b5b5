"""Descriptions of Phosphor icons that belong to a family, composed from the parts of their names.

``concepts.yaml`` describes each icon that has a meaning of its own. Arrows, carets, alignments, digits and levels
differ only by a direction, a number or an amount, so a sentence is built for them here; ``NAME-simple`` and
``NAME-vertical`` take over the description of ``NAME``.
"""

from __future__ import annotations

from collections.abc import Mapping

BRANDS = frozenset({"article-medium", "article-ny-times", "finn-the-human"})
"""Icons of a company or of somebody's cartoon character that do not end in ``-logo``."""

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MEANING = {
    "up": "rise, top, send up",
    "down": "fall, bottom, bring down",
    "left": "back, previous",
    "right": "forward, next",
}
_ARROW_SHAPES = (
    ("arrow-arc", "curved arrow turning {to}, undo or redo"),
    ("arrow-bend-double-up", "double arrow bending {to}, reply to all"),
    ("arrow-bend", "bent arrow pointing {to}, reply, turn off"),
    ("arrow-circle", "arrow pointing {to} in a circle, {meaning}"),
    ("arrow-elbow", "angled arrow pointing {to}, detour, branch off"),
    ("arrow-fat-lines", "thick striped arrow pointing {to}, {meaning}"),
    ("arrow-fat-line", "thick arrow with a line pointing {to}, {meaning}"),
    ("arrow-fat", "thick arrow pointing {to}, {meaning}"),
    ("arrow-line", "arrow pointing {to} against a line, {meaning}"),
    ("arrow-square", "arrow pointing {to} in a square, {meaning}"),
    ("arrow-u", "arrow making a U-turn {to}, return"),
    ("arrow", "arrow pointing {to}, {meaning}"),
    ("caret-circle-double", "double chevron pointing {to} in a circle, {meaning}"),
    ("caret-circle", "chevron pointing {to} in a circle, {meaning}"),
    ("caret-double", "double chevron pointing {to}, skip, {meaning}"),
    ("caret", "chevron pointing {to}, expand, {meaning}"),
)
_FIXED = {
    "arrow-clockwise": "circular arrow turning clockwise, refresh, try again",
    "arrow-counter-clockwise": "circular arrow turning backwards, undo, restore",
    "arrow-square-in": "arrow pointing into a square, import, open here",
    "arrow-square-out": "arrow pointing out of a square, open in a new window",
    "arrows-clockwise": "two circular arrows, synchronise, refresh, turn",
    "arrows-counter-clockwise": "two circular arrows turning backwards, synchronise, restore",
    "arrows-down-up": "arrows pointing down and up, sort, swap, transfer",
    "arrows-horizontal": "arrow pointing to both sides, width, move sideways",
    "arrows-vertical": "arrow pointing up and down, height, scroll",
    "arrows-in": "four arrows pointing inwards, shrink, leave full screen",
    "arrows-in-cardinal": "four arrows meeting in the middle, gather, centre",
    "arrows-in-line-horizontal": "arrows pointing at an upright line, narrow, merge",
    "arrows-in-line-vertical": "arrows pointing at a level line, flatten, merge",
    "arrows-left-right": "arrows pointing left and right, exchange, compare",
    "arrows-merge": "two arrows joining into one, merge, bring together",
    "arrows-out": "four arrows pointing outwards, full screen, enlarge",
    "arrows-out-cardinal": "arrows in four directions, move, drag anywhere",
    "arrows-out-line-horizontal": "arrows leaving an upright line, widen, spread",
    "arrows-out-line-vertical": "arrows leaving a level line, stretch, spread",
    "arrows-split": "one arrow splitting in two, fork, separate ways",
}
_LEVELS = {
    "battery": {
        "empty": "empty battery, no charge left, out of power",
        "low": "nearly empty battery, low charge",
        "medium": "half-full battery, some charge left, power",
        "high": "nearly full battery, well charged, power",
        "full": "full battery, fully charged, power",
    },
    "cell-signal": {
        "none": "no bars of mobile signal, no reception",
        "low": "one bar of mobile signal, weak reception",
        "medium": "some bars of mobile signal, fair reception",
        "high": "most bars of mobile signal, good reception",
        "full": "all bars of mobile signal, full reception",
        "slash": "crossed-out mobile signal, no reception, flight mode",
        "x": "mobile signal with a cross, no network",
    },
    "hourglass": {
        "low": "hourglass almost run out, little time left",
        "medium": "hourglass half run through, waiting, half time",
        "high": "hourglass just turned, plenty of time",
    },
}
_EDGES = {
    "bottom": "at the bottom edge",
    "top": "at the top edge",
    "left": "at the left edge",
    "right": "at the right edge",
    "center-horizontal": "centred from left to right",
    "center-vertical": "centred from top to bottom",
}


def is_brand(name: str) -> bool:
    """Whether the icon shows somebody's trade mark or character, which is never offered."""
    return name in BRANDS or name.endswith("-logo") or "-logo-" in name


def describe(name: str, written: Mapping[str, str]) -> str | None:
    """Return the description of the Phosphor icon ``name``, or None where nothing fits.

    ``written`` maps names to the descriptions of ``concepts.yaml``; they win over every rule.
    """
    if name in written:
        return written[name]
    found = _FIXED.get(name) or _numbered(name) or _level(name) or _aligned(name) or _directed(name)
    return found or _variant(name, written)


def _variant(name: str, written: Mapping[str, str]) -> str | None:
    parts = name.split("-")
    for extra in ("simple", "vertical", "horizontal", "square"):
        if extra in parts:
            base = "-".join(part for part in parts if part != extra)
            return describe(base, written) if base else None
    return None


def _numbered(name: str) -> str | None:
    head, _, last = name.rpartition("-")
    if last not in _NUMBERS:
        return None
    digit = _NUMBERS.index(last)
    return {
        "number": f"digit {digit}, the number {last}, count",
        "number-circle": f"digit {digit} in a circle, step {last}, number",
        "number-square": f"digit {digit} in a square, number {last}, count",
        "dice": f"dice showing {last}, game of chance, luck",
        "text-h": f"letter H with a {digit}, heading of level {last}",
    }.get(head)


def _level(name: str) -> str | None:
    for family, levels in _LEVELS.items():
        last = name.rpartition("-")[2]
        if name.startswith(family) and last in levels and "plus" not in name:
            return levels[last]
    return None


def _aligned(name: str) -> str | None:
    edge = name.removeprefix("align-").removesuffix("-simple")
    if name.startswith("align-") and edge in _EDGES:
        return f"boxes lined up {_EDGES[edge]}, alignment in a layout"
    return None


def _directed(name: str) -> str | None:
    for prefix, sentence in _ARROW_SHAPES:
        ways = name.removeprefix(prefix + "-").split("-")
        if name.startswith(prefix + "-") and all(way in _MEANING for way in ways):
            meaning = _MEANING[ways[0]]
            return sentence.format(to=" and ".join(ways), meaning=meaning)
    return None
