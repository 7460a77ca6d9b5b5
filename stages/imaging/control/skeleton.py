"""Skeletons as pose ControlNets read them: OpenPose's 18 points in COCO's order, limbs and joints in its colours on black.

The order of points, the pairs that are limbs and the 18 colours are those of OpenPose's COCO model (Cao et al. 2019, IEEE
TPAMI 43) as ControlNet's annotator draws them (Zhang et al. 2023, lllyasviel/ControlNet, Apache-2.0): limbs at 0.6 of their
colour, of half width 4 in a picture of 512 pixels, and joints of radius 4 above them.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

Point = tuple[float, float]
Points = Sequence[Point | None]
"""18 points in pixels, None for one that is not to be seen."""

NAMES = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye", "right ear",
    "left ear",
)  # fmt: skip
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0), (0, 14),
    (14, 16), (0, 15), (15, 17),
)  # fmt: skip
_SHADE, _HALF_WIDTH, _DESIGNED_FOR = 0.6, 4.0, 512
# Smaller pictures are drawn larger and scaled down, so that their lines are smooth.
_ENOUGH = 1536


def _colours() -> list[tuple[int, int, int]]:
    """Red to magenta round the hues in 18 steps: OpenPose's list, whose levels are multiples of 85."""
    found = []
    for step in range(len(NAMES)):
        red, green, blue = colorsys.hsv_to_rgb(step / 18, 1, 1)
        found.append((round(red * 255), round(green * 255), round(blue * 255)))
    return found


COLOURS = _colours()


def draw(people: Sequence[Points], size: tuple[int, int]) -> Image.Image:
    """All ``people`` on black, RGB of ``size`` (width, height) in pixels."""
    scale = max(1, min(4, math.ceil(_ENOUGH / max(size))))
    canvas = Image.new("RGB", (size[0] * scale, size[1] * scale))
    pen = ImageDraw.Draw(canvas)
    half = scale * max(1.5, _HALF_WIDTH * min(size) / _DESIGNED_FOR)
    for points in people:
        placed = [None if point is None else (point[0] * scale, point[1] * scale) for point in points]
        for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
            start, end = placed[a], placed[b]
            if start is not None and end is not None:
                shade = tuple(int(level * _SHADE) for level in colour)
                pen.polygon(_ellipse(start, end, half), fill=shade)
        for place, colour in zip(placed, COLOURS, strict=True):
            if place is not None:
                x, y = place
                pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)
    return canvas.resize(size, Image.Resampling.BOX) if scale > 1 else canvas


def _ellipse(start: Point, end: Point, half: float) -> list[Point]:
    """The ellipse whose long axis is the limb, as a polygon."""
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    long, turn = math.dist(start, end) / 2, math.atan2(end[1] - start[1], end[0] - start[0])
    found = []
    for step in range(48):
        angle = 2 * math.pi * step / 48
        along, across = long * math.cos(angle), half * math.sin(angle)
        found.append(
            (
                middle[0] + along * math.cos(turn) - across * math.sin(turn),
                middle[1] + along * math.sin(turn) + across * math.cos(turn),
            )
        )
    return found
