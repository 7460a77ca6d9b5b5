"""Small ambient marks: sparks, rings, dots, crosses, dashes. Each is a part about the origin, ``r`` pixels in radius."""

from __future__ import annotations

import math
from collections.abc import Callable

from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.shapes import LINE, n, shape


def _spark(r: float, role: str) -> Part:
    """Four short strokes round an empty middle."""
    i = r * 0.42
    d = f"M0 {n(-r)}V{n(-i)}M0 {n(i)}V{n(r)}M{n(-r)} 0H{n(-i)}M{n(i)} 0H{n(r)}"
    return shape("spark", f'<path d="{d}" {LINE}/>'.replace("@line", role), (-r, -r, r, r))


def _star(r: float, role: str) -> Part:
    """A four-pointed star with hollow sides."""
    k = r * 0.2
    d = f"M0 {n(-r)}Q{n(k)} {n(-k)} {n(r)} 0Q{n(k)} {n(k)} 0 {n(r)}Q{n(-k)} {n(k)} {n(-r)} 0Q{n(-k)} {n(-k)} 0 {n(-r)}Z"
    return shape("star", f'<path d="{d}" fill="{role}"/>', (-r, -r, r, r))


def _ring(r: float, role: str) -> Part:
    body = f'<circle r="{n(r * 0.55)}" {LINE}/>'.replace("@line", role)
    return shape("ring", body, (-r * 0.6, -r * 0.6, r * 0.6, r * 0.6))


def _dot(r: float, role: str) -> Part:
    return shape("dot", f'<circle r="{n(r * 0.36)}" fill="{role}"/>', (-r * 0.4, -r * 0.4, r * 0.4, r * 0.4))


def _plus(r: float, role: str) -> Part:
    k = r * 0.62
    return shape(
        "plus", f'<path d="M0 {n(-k)}V{n(k)}M{n(-k)} 0H{n(k)}" {LINE}/>'.replace("@line", role), (-k, -k, k, k)
    )


def _zigzag(r: float, role: str) -> Part:
    half = n(r * 0.5)
    d = f"M{n(-r)} {n(r * 0.25)}" + f"l{half} -{half}l{half} {half}" * 2
    return shape("zigzag", f'<path d="{d}" {LINE}/>'.replace("@line", role), (-r, -r * 0.3, r, r * 0.3))


def _triangle(r: float, role: str) -> Part:
    k = r * 0.6
    points = " ".join(
        f"{n(k * math.sin(a))},{n(-k * math.cos(a))}" for a in (0.35, 0.35 + math.tau / 3, 0.35 + 2 * math.tau / 3)
    )
    return shape("triangle", f'<polygon points="{points}" {LINE}/>'.replace("@line", role), (-k, -k, k, k))


_MAKERS: dict[str, Callable[[float, str], Part]] = {
    "spark": _spark,
    "star": _star,
    "ring": _ring,
    "dot": _dot,
    "plus": _plus,
    "zigzag": _zigzag,
    "triangle": _triangle,
}
KINDS = frozenset(_MAKERS)
# Sets that look well together, as (mark, role, size) in the order in which they are placed.
SETS: tuple[tuple[tuple[str, str, float], ...], ...] = (
    (
        ("spark", "@line", 1.0),
        ("ring", "@accent", 0.8),
        ("spark", "@line", 0.75),
        ("dot", "@main", 0.8),
        ("dot", "@accent", 0.7),
    ),
    (
        ("star", "@light", 1.1),
        ("star", "@accent", 0.7),
        ("dot", "@main", 0.7),
        ("star", "@light", 0.6),
        ("ring", "@line", 0.7),
    ),
    (
        ("plus", "@main", 0.9),
        ("ring", "@line", 0.9),
        ("dot", "@accent", 0.8),
        ("plus", "@line", 0.7),
        ("dot", "@light", 0.9),
    ),
    (
        ("ring", "@main", 0.9),
        ("triangle", "@line", 0.8),
        ("dot", "@accent", 0.8),
        ("spark", "@line", 0.8),
        ("dot", "@light", 0.8),
    ),
    (
        ("spark", "@main", 1.0),
        ("plus", "@line", 0.7),
        ("dot", "@accent", 0.9),
        ("ring", "@line", 0.8),
        ("dot", "@light", 0.8),
    ),
)
# Names of the pack's own marks stand beside those made here.
FESTIVE: tuple[tuple[str, str, float], ...] = (
    ("confetti-a", "@accent", 1.1),
    ("star", "@accent", 1.0),
    ("confetti-b", "@main", 1.1),
    ("dot", "@main", 1.0),
    ("confetti-c", "@light", 1.1),
    ("star", "@light", 0.9),
    ("ring", "@main", 0.9),
    ("dot", "@accent", 0.9),
    ("star", "@main", 0.7),
)


def mark(kind: str, r: float, role: str) -> Part:
    """The mark ``kind`` of radius ``r`` pixels, painted in ``role``. Raises KeyError for a kind that is none."""
    return _MAKERS[kind](r, role)
