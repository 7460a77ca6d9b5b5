"""What layouts share: backdrops, grounds, badges, companions, ambient marks."""

from __future__ import annotations

from imajin_cli.stages.scene import air, shapes
from imajin_cli.stages.scene.board import Board, Item, overlap, union
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.pack import OWN
from imajin_cli.stages.scene.part import Box, Part

# How far above the ground a thing hangs that flies, and the radius of the disc under one that must not, both as parts of
# its size.
LOFT, SEAT = 1.05, 0.74


def size(box: Box) -> tuple[float, float]:
    """Width and height of a box."""
    return box[2] - box[0], box[3] - box[1]


def subject(board: Board, cast: Cast, *, cx: float, foot: float, h: float, w: float, turn: float = 0.0) -> Item:
    """Put the subject. One that floats hangs a little above the ground."""
    part = cast.subject
    if part.ground is None:
        lifted = h * 0.9
        return board.put(part, "subject", "subject", h=lifted, w=w, cx=cx, cy=foot - h * 0.06 - lifted / 2, turn=turn)
    return board.put(part, "subject", "subject", h=h, w=w, cx=cx, foot=foot, turn=turn)


def backdrop(board: Board, cast: Cast, *, cx: float, cy: float, h: float, w: float, foot: float | None = None) -> Item:
    """Put the large pale silhouette: the cast's own, or a soft blob."""
    if cast.backdrop is not None:
        place = {"foot": foot} if foot is not None and cast.backdrop.ground is not None else {"cy": cy}
        return board.put(cast.backdrop, "backdrop", "backdrop", h=h, w=w, cx=cx, style="@pale", **place)
    return board.put(
        shapes.blob(w * 0.92, h * 0.92, cast.rng("blob")), "backdrop", "backdrop", cx=cx, cy=cy, style="shape"
    )


def lift(behind: Item, hero: Item, by: float) -> None:
    """Raise a low silhouette until it shows ``by`` pixels above the subject: hidden behind it, it says nothing."""
    missing = behind.box[1] - (hero.box[1] - by)
    if missing > 0:
        behind.y -= missing


def ground(board: Board, cast: Cast, y: float, span: tuple[float, float]) -> None:
    """Put what the scene stands on, from span[0] to span[1] pixels."""
    cx, w = (span[0] + span[1]) / 2, span[1] - span[0]
    rng = cast.rng("ground")
    floats = next((item for item in board.items if item.role == "subject" and item.part.ground is None), None)
    if cast.ground == "mound":
        part = shapes.mound(w * 1.03, board.unit * 34, "@mist")
        board.put(part, "ground", "ground", cx=cx, foot=y + board.unit * 26, style="shape", loose=True, z=1.5)
    elif cast.ground == "shadow":
        for item in board.items:
            if item.role in ("subject", "companion") and abs(_foot(item) - y) < 4 * board.unit:
                x0, _, x1, _ = item.box
                board.put(
                    shapes.shadow((x1 - x0) * 1.12),
                    "ground",
                    "ground",
                    cx=(x0 + x1) / 2,
                    cy=y - board.unit,
                    style="shape",
                    loose=True,
                )
    else:
        board.put(shapes.ground_line(w, rng), "ground", "ground", cx=cx, cy=y, style="shape", loose=True)
    if floats is not None:
        x0, _, x1, _ = floats.box
        board.put(
            shapes.shadow((x1 - x0) * 0.7, "@light" if cast.ground == "mound" else "@mist"),
            "ground",
            "ground",
            cx=(x0 + x1) / 2,
            cy=y,
            style="shape",
            loose=True,
        )


def _foot(item: Item) -> float:
    part = item.part
    return item.y + item.s * (part.ground if part.ground is not None else part.box[3])


def badge(board: Board, cast: Cast, on: Item, scale: float = 0.22) -> Item | None:
    """Put the badge at the subject's own badge point, within the board."""
    if cast.badge is None or (on.part.badge is None and on.part.credit == OWN):
        return None
    side = max(34 * board.unit, min(scale * min(*size(on.box)) * 1.15, 66 * board.unit))
    _, y0, x1, _ = on.box
    at = on.point(on.part.badge) if on.part.badge is not None else (x1 - side * 0.2, y0 + side * 0.25)
    return board.put(cast.badge, "badge", "badge", h=side, w=side, cx=at[0], cy=at[1])


def companion(
    board: Board,
    part: Part,
    *,
    style: str,
    h: float,
    cx: float,
    foot: float | None = None,
    cy: float | None = None,
    turn: float = 0.0,
    front: bool = False,
    w: float | None = None,
) -> Item:
    """A companion, made but not yet put: standing on ``foot`` (above it, where it flies) or hanging at ``cy``."""
    if foot is not None and air.flies(part):
        foot -= h * LOFT
    return board.make(
        part,
        "companions",
        "companion",
        h=h,
        w=w or h * 1.2,
        cx=cx,
        style=style,
        turn=turn,
        z=4.5 if front else 3,
        foot=foot,
        cy=cy,
    )


def styled(cast: Cast, at: int) -> str:
    """The style of companion number ``at``: outlined, unless the cast wants solid ones."""
    return "solid" if cast.solid or (cast.composition == "trio" and at < 2) else "outline"


def beside(
    board: Board, part: Part, on: Item, side: int, *, h: float, style: str, foot: float, tuck: float = 0.22
) -> Item | None:
    """Stand a companion beside ``on``: tucked behind it first, then clear of it."""
    x0, _, x1, _ = on.box
    tries = []
    for part_of, gap in ((tuck, 0.0), (tuck * 0.5, 0.0), (0.0, 0.06), (0.0, 0.3)):
        probe = companion(board, part, style=style, h=h, cx=0, foot=foot)
        w, _ = size(probe.box)
        edge = x0 if side < 0 else x1
        cx = edge + side * (w / 2 - part_of * w + gap * h)
        tries.append(companion(board, part, style=style, h=h, cx=cx, foot=foot))
    return board.try_put(tries, over_subject=tuck * 1.4)


def hanging(
    board: Board,
    part: Part,
    spots: list[tuple[float, float]],
    *,
    h: float,
    style: str,
    turn: float = 0.0,
    seat: bool = False,
) -> Item | None:
    """Hang a companion at the first of ``spots`` (its centre) where it collides with nothing.

    What stands on the ground does not hang: None, or with ``seat`` it is shown in a pale disc as a picture of its own.
    """
    standing = air.stands(part)
    if standing and not seat:
        return None
    lean = 0.0 if standing else turn
    item = board.try_put([companion(board, part, style=style, h=h, cx=x, cy=y, turn=lean) for x, y in spots])
    if item is not None and standing:
        x0, y0, x1, y1 = item.box
        disc = shapes.disc(SEAT * max(x1 - x0, y1 - y0), "@mist")
        board.put(disc, "backdrop", "seat", cx=(x0 + x1) / 2, cy=(y0 + y1) / 2, style="shape", z=0.9)
    return item


def airy_first(parts: list[Part]) -> list[Part]:
    """``parts`` with those that may hang in the air before the others."""
    return sorted(parts, key=air.stands)


def waiting(board: Board, cast: Cast, first: int | None = None) -> list[Part]:
    """Those of the ``first`` companions (of all where None) that are not on the board yet, in their order."""
    placed = {item.part.name for item in board.items if item.role == "companion"}
    return [part for part in cast.companions[:first] if part.name not in placed]


def tail(board: Board, cast: Cast, used: int, foot: float, h: float, limit: Box) -> int:
    """Stand further companions outwards along the ground while they fit between limit[0] and limit[2]."""
    for part in waiting(board, cast):
        solid_boxes = [item.box for item in board.solids()]
        x0, _, x1, _ = union(solid_boxes)
        gap = h * 0.22
        options = []
        for side in (-cast.side, cast.side):
            probe = companion(board, part, style=styled(cast, used), h=h, cx=0, foot=foot)
            w = size(probe.box)[0]
            cx = x0 - gap - w / 2 if side < 0 else x1 + gap + w / 2
            if limit[0] <= cx - w / 2 and cx + w / 2 <= limit[2]:
                balance = abs((x0 + x1) / 2 - (limit[0] + limit[2]) / 2 + side * w / 2)
                options.append((balance, companion(board, part, style=styled(cast, used), h=h, cx=cx, foot=foot)))
        options.sort(key=lambda option: option[0])
        if board.try_put([item for _, item in options], gap=gap * 0.5) is not None:
            used += 1
        h *= 0.94
    return used


def complete(board: Board, cast: Cast, foot: float | None, s: float) -> None:
    """Stand what the prompt names and no spot took beside the others, smaller where room is short: it must be seen."""
    hero = next((item for item in board.items if item.role == "subject"), None)
    for part in waiting(board, cast, cast.told):
        if hero is None:
            return
        y = hero.box[3] if foot is None else foot
        all_x0, _, all_x1, _ = union(item.box for item in board.solids())
        style = "solid" if part.kind != "icon" else "outline"
        tries = []
        for size_of, tuck in ((0.28, 0.0), (0.22, 0.0), (0.3, 0.3), (0.22, 0.3), (0.16, 0.0), (0.2, 0.45)):
            for side in (-cast.side, cast.side):
                for edge in (all_x0, hero.box[0]) if side < 0 else (all_x1, hero.box[2]):
                    item = companion(board, part, style=style, h=s * size_of, cx=0, foot=y)
                    half = (item.box[2] - item.box[0]) / 2
                    item.x += edge + side * (half * (1 - 2 * tuck) + s * 0.03 * (not tuck))
                    tries.append(item)
        inside = [item for item in tries if board.limit is None or (item.box[0] >= 0 and item.box[2] <= board.width)]
        board.try_put(inside, 2, 0.48)


def set_off(board: Board) -> None:
    """Give the subject a thin paper border where it overlaps a solid companion: equal tones would run together."""
    hero = next((item for item in board.items if item.role == "subject"), None)
    if hero is None or hero.style != "solid" or hero.part.kind == "person":
        return
    solid = [item for item in board.items if item.role == "companion" and item.style == "solid"]
    if any(overlap(hero.box, other.box) > 0.01 for other in solid):
        hero.style = "edged"


def mark_count(cast: Cast, normal: int = 4) -> int:
    """How many ambient marks a scene gets."""
    count = {"minimal": 1, "normal": normal, "rich": normal + 3}[cast.detail]
    return count + (5 if cast.festive and cast.detail != "minimal" else 0)
