"""A person drawn round the 18 points of a pose, flesh and garments as flat classes of a segmentation map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from imajin_cli.stages.conditioning.clothing import Garment, Palette

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

    from imajin_cli.stages.imaging.control.labels import Colour

Point = tuple[float, float]
Points = Sequence[Point | None]


class Body:
    """One person's flesh round the 18 points, in pixels. Widths follow from the length of the trunk."""

    def __init__(self, points: Points) -> None:
        self.at = points
        trunk = _distance(points[1], _middle(points[8], points[11]))
        head = _distance(points[0], points[1])
        span = _distance(points[2], points[5])
        # Shoulders to hips is about 0.31 of a person's height, nose to neck 0.1.
        self.height = max(trunk / 0.31, head / 0.1 * 0.8, span / 0.21 * 0.6, 1.0)

    def width(self, share: float) -> float:
        """``share`` of the person's height in pixels."""
        return share * self.height

    def bones(self) -> Iterator[tuple[str, Point, Point, float, float]]:
        """Limbs: which part, from where to where, and how wide at either end."""
        for side, (shoulder, elbow, wrist, hip, knee, ankle) in (
            ("right", (2, 3, 4, 8, 9, 10)),
            ("left", (5, 6, 7, 11, 12, 13)),
        ):
            for part, a, b, wide, narrow in (
                (f"{side} leg", hip, knee, 0.092, 0.064),
                (f"{side} leg", knee, ankle, 0.064, 0.042),
                (f"{side} arm", shoulder, elbow, 0.052, 0.042),
                (f"{side} arm", elbow, wrist, 0.042, 0.03),
            ):
                start, end = self.at[a], self.at[b]
                if start is not None and end is not None:
                    yield part, start, end, self.width(wide), self.width(narrow)

    def trunk(self) -> list[Point]:
        """Shoulders and hips as a polygon, a little wider than the joints; empty where none of them is to be seen."""
        found = [self.at[i] for i in (2, 5, 11, 8)]
        there = [point for point in found if point is not None]
        return _outward(there, self.width(0.028)) if len(there) >= 3 else []

    def head(self) -> tuple[Point, float, float, float] | None:
        """Centre, half height, half width and turn (radians, 0 upright) of the head, None where it is not to be seen."""
        face = [point for point in (self.at[0], *self.at[14:18]) if point is not None]
        neck = self.at[1]
        if not face:
            return None
        centre = (sum(x for x, _ in face) / len(face), sum(y for _, y in face) / len(face))
        turn = 0.0
        if neck is not None:
            turn = math.atan2(centre[0] - neck[0], neck[1] - centre[1])
            turn = max(-0.4, min(0.4, turn))
        return (centre[0], centre[1] - self.width(0.008)), self.width(0.072), self.width(0.052), turn


def draw(pen: ImageDraw, person: Points, clothes: Mapping[str, Garment], palette: Palette) -> None:
    """Draw one person: flesh first, then each garment over the part that it covers, the trunk before the arms."""
    body = Body(person)
    # Of somebody seen from the side, the arm on the side of the ear that is hidden is behind the trunk.
    hidden = {"right": body.at[16] is None, "left": body.at[17] is None}
    behind = next((side for side in hidden if hidden[side] and not all(hidden.values())), None)
    if behind:
        _arm(pen, body, behind, clothes, palette)
    _legs(pen, body, clothes, palette)
    _feet(pen, body, clothes, palette)
    _trunk(pen, body, clothes, palette)
    for side in hidden:
        if side != behind:
            _arm(pen, body, side, clothes, palette)
    _head(pen, body, clothes, palette)


def _over(clothes: Mapping[str, Garment]) -> list[Garment]:
    """What hangs from the trunk, the outermost last."""
    return [clothes[part] for part in ("legs", "torso", "body") if part in clothes]


def _legs(pen: ImageDraw, body: Body, clothes: Mapping[str, Garment], palette: Palette) -> None:
    for part in ("right leg", "left leg"):
        bones = [bone for bone in body.bones() if bone[0] == part]
        _chain(pen, bones, 1.0, palette.skin[part])
        for garment in (clothes[name] for name in ("legs", "body") if name in clothes):
            if not garment.skirt:
                _chain(pen, bones, garment.legs, palette.garments[garment.kind], 1.12)
    for garment in _over(clothes):
        if garment.skirt and garment.legs > 0:
            _skirt(pen, body, garment.legs, palette.garments[garment.kind])


def _skirt(pen: ImageDraw, body: Body, share: float, colour: Colour) -> None:
    """Cloth that hangs from the hips over both legs, down to ``share`` of them."""
    hips = [point for point in (body.at[8], body.at[11]) if point is not None]
    ends = [_along([bone for bone in body.bones() if bone[0] == part], share) for part in ("right leg", "left leg")]
    there = [point for point in ends if point is not None]
    if not hips or not there:
        return
    wide = body.width(0.055)
    corners = [(x + off, y) for x, y in hips for off in (-wide, wide)]
    corners += [(x + off, y) for x, y in there for off in (-1.25 * wide, 1.25 * wide)]
    pen.polygon(_hull(corners), fill=colour)


def _feet(pen: ImageDraw, body: Body, clothes: Mapping[str, Garment], palette: Palette) -> None:
    garment = clothes.get("feet")
    side_on = body.at[16] is None or body.at[17] is None
    for side, ankle in (("right", 10), ("left", 13)):
        at = body.at[ankle]
        if at is None:
            continue
        colour = palette.skin[f"{side} leg"]
        if garment is not None:
            kind = f"{side} shoe" if garment.kind == "shoe" else garment.kind
            colour = palette.garments[kind]
            bones = [bone for bone in body.bones() if bone[0] == f"{side} leg"]
            _chain(pen, bones, garment.legs, colour, 1.12, from_end=True)
        toe = (at[0] + (_facing(body) * body.width(0.085) if side_on else 0), at[1] + body.width(0.03))
        _capsule(pen, at, toe, body.width(0.045), body.width(0.036 if side_on else 0.05), colour)


def _facing(body: Body) -> float:
    nose, neck = body.at[0], body.at[1]
    return 1.0 if nose is None or neck is None or nose[0] >= neck[0] else -1.0


def _trunk(pen: ImageDraw, body: Body, clothes: Mapping[str, Garment], palette: Palette) -> None:
    polygon = body.trunk()
    neck, nose = body.at[1], body.at[0]
    if neck is not None and nose is not None:
        _capsule(pen, neck, nose, body.width(0.05), body.width(0.04), palette.skin["face"])
    if not polygon:
        return
    garment = clothes.get("torso") or clothes.get("body")
    # Bare skin of the trunk has no class of its own in LIP: it is that of an arm.
    colour = palette.garments[garment.kind] if garment else palette.skin["left arm"]
    pen.polygon(polygon, fill=colour)
    for a, b in ((2, 8), (5, 11), (2, 5)):
        start, end = body.at[a], body.at[b]
        if start is not None and end is not None:
            _capsule(pen, start, end, body.width(0.062), body.width(0.062), colour)


def _arm(pen: ImageDraw, body: Body, side: str, clothes: Mapping[str, Garment], palette: Palette) -> None:
    garment = clothes.get("torso") or clothes.get("body")
    bones = [bone for bone in body.bones() if bone[0] == f"{side} arm"]
    _chain(pen, bones, 1.0, palette.skin[f"{side} arm"])
    if garment is not None and garment.arms > 0:
        _chain(pen, bones, garment.arms, palette.garments[garment.kind], 1.15)
    wrist = body.at[4 if side == "right" else 7]
    if wrist is not None:
        hand = palette.garments["glove"] if "hands" in clothes else palette.skin[f"{side} arm"]
        _disc(pen, wrist, body.width(0.023), hand)


def _head(pen: ImageDraw, body: Body, clothes: Mapping[str, Garment], palette: Palette) -> None:
    head = body.head()
    if head is None:
        return
    centre, high, wide, turn = head
    pen.polygon(_oval(centre, high, wide, turn), fill=palette.skin["face"])
    if "head" in clothes:
        # The upper part of the head, and a brim's breadth more.
        upper = [p for p in _oval(centre, 1.12 * high, 1.12 * wide, turn) if p[1] <= centre[1] - 0.3 * high]
        if len(upper) >= 3:
            pen.polygon(upper, fill=palette.garments["hat"])


def _chain(
    pen: ImageDraw,
    bones: Sequence[tuple[str, Point, Point, float, float]],
    share: float,
    colour: Colour,
    wider: float = 1.0,
    *,
    from_end: bool = False,
) -> None:
    """Draw the first (or last) ``share`` of a limb of several bones."""
    if share <= 0 or not bones:
        return
    whole = sum(math.dist(start, end) for _, start, end, _, _ in bones)
    left = share * whole
    for _, start, end, wide, narrow in reversed(bones) if from_end else bones:
        a, b, at_a, at_b = (end, start, narrow, wide) if from_end else (start, end, wide, narrow)
        length = math.dist(a, b)
        part = min(1.0, left / length) if length > 0 else 1.0
        stop = (a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]))
        _capsule(pen, a, stop, wider * at_a, wider * (at_a + part * (at_b - at_a)), colour)
        left -= length
        if left <= 0:
            return


def _along(bones: Sequence[tuple[str, Point, Point, float, float]], share: float) -> Point | None:
    """Where a limb is after ``share`` of its length."""
    left = share * sum(math.dist(start, end) for _, start, end, _, _ in bones)
    for _, start, end, _, _ in bones:
        length = math.dist(start, end)
        if left <= length and length > 0:
            part = left / length
            return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])
        left -= length
    return bones[-1][2] if bones else None


def _capsule(pen: ImageDraw, start: Point, end: Point, wide: float, narrow: float, colour: Colour) -> None:
    """A limb: round at both ends, ``wide`` and ``narrow`` pixels across."""
    _disc(pen, start, wide / 2, colour)
    _disc(pen, end, narrow / 2, colour)
    length = math.dist(start, end)
    if length == 0:
        return
    x, y = (end[1] - start[1]) / length / 2, (start[0] - end[0]) / length / 2
    pen.polygon(
        [
            (start[0] + x * wide, start[1] + y * wide),
            (end[0] + x * narrow, end[1] + y * narrow),
            (end[0] - x * narrow, end[1] - y * narrow),
            (start[0] - x * wide, start[1] - y * wide),
        ],
        fill=colour,
    )


def _disc(pen: ImageDraw, at: Point, radius: float, colour: Colour) -> None:
    pen.ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=colour)


def _oval(centre: Point, high: float, wide: float, turn: float) -> list[Point]:
    found = []
    for step in range(48):
        angle = 2 * math.pi * step / 48
        x, y = wide * math.cos(angle), high * math.sin(angle)
        found.append(
            (centre[0] + x * math.cos(turn) - y * math.sin(turn), centre[1] + x * math.sin(turn) + y * math.cos(turn))
        )
    return found


def _outward(points: Sequence[Point], by: float) -> list[Point]:
    """A polygon's corners, each moved ``by`` pixels away from the middle."""
    x0, y0 = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    found = []
    for x, y in points:
        away = math.hypot(x - x0, y - y0) or 1.0
        found.append((x + by * (x - x0) / away, y + by * (y - y0) / away))
    return found


def _hull(points: Sequence[Point]) -> list[Point]:
    """The convex hull (Andrew's monotone chain)."""
    ordered = sorted(set(points))

    def half(items: Sequence[Point]) -> list[Point]:
        kept: list[Point] = []
        for p in items:
            while len(kept) >= 2 and _turn(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return half(ordered) + half(ordered[::-1])


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _middle(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _distance(one: Point | None, other: Point | None) -> float:
    return 0.0 if one is None or other is None else math.dist(one, other)
