"""The board on which a layout places parts: items, their boxes, collisions, and fitting into a frame. Units are pixels."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from imajin_cli.stages.scene.part import Box, Part

LAYERS = ("background", "backdrop", "ground", "companions", "subject", "badge", "marks")


@dataclass
class Item:
    """A placed part.

    ``style`` is "solid", "outline", "sticker" or "edged" (with a broad or thin paper border), "shape" (a part made for
    this scene) or a role ("@pale": silhouette).

    The part is drawn at translate(x, y) scale(s), turned by ``turn`` degrees about the middle of its box. ``loose`` items
    (marks, grounds, wide backdrops) do not count when the scene is fitted into its frame.
    """

    layer: str
    role: str
    part: Part
    style: str
    x: float
    y: float
    s: float
    turn: float = 0.0
    z: float = 0.0
    loose: bool = False
    flip: bool = False

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) on the board, the turn included."""
        x0, y0, x1, y1 = self.part.box
        if not self.turn:
            return self.x + self.s * x0, self.y + self.s * y0, self.x + self.s * x1, self.y + self.s * y1
        cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
        c, n = abs(math.cos(math.radians(self.turn))), abs(math.sin(math.radians(self.turn)))
        # The corners of a drawing's box are mostly empty, so a turned box grows by half of what a full one would.
        half_w, half_h = (w + w * c + h * n) / 2, (h + h * c + w * n) / 2
        return (
            self.x + self.s * (cx - half_w),
            self.y + self.s * (cy - half_h),
            self.x + self.s * (cx + half_w),
            self.y + self.s * (cy + half_h),
        )

    def point(self, at: tuple[float, float]) -> tuple[float, float]:
        """A point of the part's own units on the board."""
        x, y = at
        if self.turn:
            cx, cy = (self.part.box[0] + self.part.box[2]) / 2, (self.part.box[1] + self.part.box[3]) / 2
            c, n = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
            x, y = cx + (x - cx) * c - (y - cy) * n, cy + (x - cx) * n + (y - cy) * c
        return self.x + self.s * x, self.y + self.s * y


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of ``boxes``, which may not be empty."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def grow(box: Box, by: float) -> Box:
    """``box`` grown by ``by`` on every side."""
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def overlap(a: Box, b: Box) -> float:
    """The common area of two boxes, as a part of the smaller one's."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return w * h / smaller if smaller > 0 else 0.0


class Board:
    """Items on a canvas of ``width`` × ``height`` pixels. A layout draws into ``frame`` (x0, y0, x1, y1)."""

    def __init__(self, width: float, height: float, frame: Box, rng: random.Random, side: int = 1) -> None:
        self.width, self.height, self.frame, self.rng, self.side = width, height, frame, rng, side
        self.items: list[Item] = []
        # Boxes kept free of marks and companions: text, faces.
        self.reserved: list[Box] = []
        # Where companions must stay, for layouts that place in canvas pixels and are not fitted afterwards.
        self.limit: Box | None = None

    @property
    def unit(self) -> float:
        """The size that line widths and small marks go by: 1 at 512 × 512 pixels."""
        return min(math.sqrt(self.width * self.height), 1.5 * min(self.width, self.height)) / 512

    def make(
        self,
        part: Part,
        layer: str,
        role: str,
        *,
        h: float | None = None,
        w: float | None = None,
        cx: float = 0.0,
        foot: float | None = None,
        cy: float | None = None,
        style: str = "solid",
        turn: float = 0.0,
        z: float | None = None,
        loose: bool = False,
    ) -> Item:
        """A placed item, not yet on the board: as tall as ``h`` and as wide as ``w`` allow, centred at ``cx``.

        It stands on ``foot`` (its ground line; the lower edge of its box where it has none) or is centred at ``cy``.
        """
        scales = [have / size for have, size in ((h, part.height), (w, part.width)) if have is not None and size > 0]
        s = min(scales) if scales else 1.0
        x0, y0, x1, y1 = part.box
        x = cx - s * (x0 + x1) / 2
        if foot is not None:
            y = foot - s * (part.ground if part.ground is not None and part.ground <= y1 + 2 else y1)
        else:
            y = (cy or 0.0) - s * (y0 + y1) / 2
        return Item(layer, role, part, style, x, y, s, turn, LAYERS.index(layer) if z is None else z, loose)

    def add(self, item: Item) -> Item:
        """Put an item on the board."""
        self.items.append(item)
        return item

    def put(self, part: Part, layer: str, role: str, **place: object) -> Item:
        """``make`` and ``add``."""
        return self.add(self.make(part, layer, role, **place))  # type: ignore[arg-type]

    def solids(self) -> list[Item]:
        """The items that others must not collide with."""
        return [item for item in self.items if item.role in ("subject", "companion", "badge", "numeral")]

    def free(self, item: Item, gap: float, over_subject: float = 0.0) -> bool:
        """Whether ``item`` collides with nothing, kept ``gap`` apart; it may lie behind the subject by ``over_subject``."""
        box = item.box
        if self.limit is not None and (box[0] < self.limit[0] or box[2] > self.limit[2] or box[1] < self.limit[1]):
            return False
        for other in self.solids():
            allowed = over_subject if other.role in ("subject", "numeral") else 0.0
            if other is not item and overlap(grow(box, gap if not allowed else 0), other.box) > allowed:
                return False
        return not any(overlap(box, kept) > 0 for kept in self.reserved)

    def try_put(self, candidates: Sequence[Item], gap: float | None = None, over_subject: float = 0.0) -> Item | None:
        """The first of ``candidates`` that collides with nothing is put; None where all collide."""
        space = 8 * self.unit if gap is None else gap
        for item in candidates:
            if self.free(item, space, over_subject):
                return self.add(item)
        return None

    def move(self, scale: float, dx: float, dy: float) -> None:
        """Scale all items about the origin, then shift them."""
        for item in self.items:
            item.x, item.y, item.s = item.x * scale + dx, item.y * scale + dy, item.s * scale
        self.limit = None
        self.reserved = [tuple(v * scale + (dx, dy)[i % 2] for i, v in enumerate(box)) for box in self.reserved]  # type: ignore[misc]

    def fit(self, grow_limit: float = 1.6, upper: float = 0.5) -> None:
        """Scale and centre what is on the board into the frame, optically: the subject pulls the middle to itself.

        ``upper`` is where spare height goes: 0.5 shares it, less lifts the scene.
        """
        tight = [item for item in self.items if not item.loose] or self.items
        x0, y0, x1, y1 = union(item.box for item in tight)
        fx0, fy0, fx1, fy1 = self.frame
        scale = min((fx1 - fx0) / max(1.0, x1 - x0), (fy1 - fy0) / max(1.0, y1 - y0), grow_limit)
        subject = next((item.box for item in self.items if item.role == "subject"), (x0, y0, x1, y1))
        middle = (x0 + x1) / 2
        pulled = middle + 0.35 * ((subject[0] + subject[2]) / 2 - middle)
        slack = max(0.0, (fx1 - fx0) - scale * (x1 - x0)) / 2
        shift = max(-slack, min(slack, scale * (middle - pulled)))
        dx = (fx0 + fx1) / 2 - scale * middle + shift
        dy = fy0 + ((fy1 - fy0) - scale * (y1 - y0)) * upper - scale * y0
        self.move(scale, dx, dy)

    def bounds(self) -> Box:
        """The box of everything that is not loose."""
        return union(item.box for item in self.items if not item.loose) if self.items else self.frame


def turned(item: Item, degrees: float) -> Item:
    """A copy of ``item`` turned by ``degrees``."""
    return replace(item, turn=item.turn + degrees)
