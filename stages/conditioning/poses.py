"""Where the people of a pose come from: a name, 18 points written out, a file of points, or points found in a picture.

What is read is data of other people's making: bounded, finite numbers or an InputError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.conditioning.presets import PRESETS, Preset

POINTS = 18
MAX_BYTES = 1 << 20
MAX_PEOPLE = 32
# Of the canvas: how much of it a named pose fills at most.
FILL = 0.88
# A point that OpenPose is less sure of is none.
_SURE = 0.05
# OpenPose's BODY_25 → its 18 points of COCO's model.
_FROM_25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)

Point = tuple[float, float]
Person = tuple[Point | None, ...]


class People(NamedTuple):
    """Everybody of a pose, in shares of the canvas (0..1 across and down). ``ratio`` is the canvas's width by its height,

    None where the pose does not depend on it; ``source`` says in a word or two where it came from.
    """

    people: tuple[Person, ...]
    source: str
    ratio: float | None = None


def named(name: str, size: tuple[int, int]) -> People:
    """A preset, centred on a canvas of ``size`` pixels."""
    return People((_placed(PRESETS[name], size),), f"preset {name}")


def _placed(pose: Preset, size: tuple[int, int]) -> Person:
    there = [point for point in pose.points if point is not None]
    left, right = min(x for x, _ in there), max(x for x, _ in there)
    high, wide = pose.bottom - pose.top, (right - left) + 0.08
    # Pixels to one height of the person: as tall as fits, no wider than fits.
    unit = FILL * min(size[1] / high, size[0] / wide)
    x0 = size[0] / 2 - unit * (left + right) / 2
    y0 = size[1] / 2 - unit * (pose.top + pose.bottom) / 2
    return tuple(
        None if point is None else ((x0 + unit * point[0]) / size[0], (y0 + unit * point[1]) / size[1])
        for point in pose.points
    )


def looks_written_out(text: str) -> bool:
    """Whether ``text`` is points rather than a file's name: 18 words that are "x,y" or "-", or JSON."""
    words = text.split()
    return text.lstrip()[:1] in ("{", "[") or (len(words) > 1 and all(word == "-" or "," in word for word in words))


def written_out(text: str) -> People:
    """18 points as "x,y" in shares of the canvas, "-" for one that is not to be seen; or JSON. Raises InputError."""
    if text.lstrip()[:1] in ("{", "["):
        return from_json(text.encode(), "--pose")
    words = text.split()
    if len(words) != POINTS:
        raise InputError(f"--pose: {len(words)} points, and OpenPose has {POINTS}", hint="x,y each, - for none")
    found: list[Point | None] = []
    for word in words:
        x, _, y = word.partition(",")
        try:
            found.append(None if word == "-" else (float(x), float(y)))
        except ValueError:
            raise InputError(f"--pose: {word[:40]!r} is no point", hint="x,y each, - for none") from None
    return People((_checked(found, "--pose", 1.0, 1.0),), "points")


def from_json(data: bytes, name: str) -> People:
    """The people of a JSON file: OpenPose's own output, {"keypoints": [[x, y], …]} or a list of such people.

    Points of OpenPose's are pixels; then, and wherever a number is above 1, the canvas's size must be said
    ("canvas_width", "canvas_height"). Raises InputError for anything else.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 20} MiB, which no pose is")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: is neither a picture nor JSON") from None
    people = _people(parsed, name)
    if not 1 <= len(people) <= MAX_PEOPLE:
        raise InputError(f"{name}: {len(people)} people, where 1 to {MAX_PEOPLE} can be drawn")
    points = [_points(person, name) for person in people]
    size = _canvas(parsed)
    if size is None:
        if any(abs(v) > 2 for person in points for point in person if point is not None for v in point):
            raise InputError(
                f"{name}: its points are pixels, and the canvas is not said", hint="canvas_width, canvas_height"
            )
        return People(tuple(_checked(person, name, 1.0, 1.0) for person in points), "points")
    return People(tuple(_checked(person, name, *size) for person in points), "points", size[0] / size[1])


def _people(parsed: Any, name: str) -> list[Any]:
    """The people of what was read: OpenPose's list, a list of our own, or one person alone."""
    if isinstance(parsed, list) and len(parsed) == 1 and isinstance(parsed[0], dict) and "people" in parsed[0]:
        # How some tools write OpenPose's output: a list of pictures.
        parsed = parsed[0]
    if isinstance(parsed, dict) and isinstance(parsed.get("people"), list):
        return list(parsed["people"])
    if isinstance(parsed, dict):
        return [parsed]
    if isinstance(parsed, list) and parsed and isinstance(parsed[0], dict):
        return parsed
    if isinstance(parsed, list) and len(parsed) == POINTS:
        return [{"keypoints": parsed}]
    raise InputError(f"{name}: holds no people", hint='{"keypoints": [[x, y], …]} with 18 points')


def _canvas(parsed: Any) -> tuple[float, float] | None:
    held = parsed[0] if isinstance(parsed, list) and parsed and isinstance(parsed[0], dict) else parsed
    if not isinstance(held, Mapping):
        return None
    width, height = (held.get(key) for key in ("canvas_width", "canvas_height"))
    if width is None or height is None or not (_is_number(width) and _is_number(height)):
        return None
    return (float(width), float(height)) if min(width, height) >= 1 and max(width, height) <= 1e5 else None


def _points(person: Any, name: str) -> list[Point | None]:
    if not isinstance(person, Mapping):
        raise InputError(f"{name}: a person is no object")
    if isinstance(flat := person.get("pose_keypoints_2d"), list):
        return _from_openpose(flat, name)
    points = person.get("keypoints")
    if not isinstance(points, list) or len(points) != POINTS:
        raise InputError(f"{name}: a person has {POINTS} keypoints, in OpenPose's order")
    return [_point(point, name) for point in points]


def _from_openpose(flat: Sequence[Any], name: str) -> list[Point | None]:
    """OpenPose's x, y, confidence, one after another, of 18 or 25 points."""
    if len(flat) not in (3 * POINTS, 3 * 25) or not all(_is_number(value) for value in flat):
        raise InputError(f"{name}: pose_keypoints_2d has {len(flat)} values, where 54 or 75 numbers belong")
    found = [None if flat[i + 2] <= _SURE else (float(flat[i]), float(flat[i + 1])) for i in range(0, len(flat), 3)]
    return [found[i] for i in _FROM_25] if len(found) == 25 else found


def _point(point: Any, name: str) -> Point | None:
    if point is None:
        return None
    if isinstance(point, list) and len(point) in (2, 3) and all(_is_number(value) for value in point):
        return None if len(point) == 3 and point[2] <= _SURE else (float(point[0]), float(point[1]))
    raise InputError(f"{name}: a point is [x, y], [x, y, confidence] or null")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)


def _checked(points: Sequence[Point | None], name: str, width: float, height: float) -> Person:
    """Points in shares of the canvas. Raises InputError where fewer than two are there, or one is far outside."""
    found: list[Point | None] = []
    for point in points:
        if point is not None and not all(_is_number(value) for value in point):
            raise InputError(f"{name}: a point is no number")
        placed = None if point is None else (point[0] / width, point[1] / height)
        if placed is not None and not all(-1 <= value <= 2 for value in placed):
            raise InputError(f"{name}: a point lies far outside of the canvas")
        found.append(placed)
    if sum(point is not None for point in found) < 2:
        raise InputError(f"{name}: a pose has at least two points")
    return tuple(found)


def on_canvas(people: People, size: tuple[int, int]) -> list[list[Point | None]]:
    """Everybody in pixels of a canvas of ``size``; where the pose has a ratio of its own, all of it is shown, centred."""
    width, height = float(size[0]), float(size[1])
    left = top = 0.0
    if people.ratio is not None:
        wide = min(width, height * people.ratio)
        high = wide / people.ratio
        left, top, width, height = (width - wide) / 2, (height - high) / 2, wide, high
    return [
        [None if point is None else (left + point[0] * width, top + point[1] * height) for point in person]
        for person in people.people
    ]
