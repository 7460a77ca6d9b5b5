"""Poses that have a name: 18 points each, in heights of the person standing; x from the middle, y from the crown down.

Proportions follow an adult of seven and a half heads (Loomis 1943): chin to crown 0.13 of the height, shoulders 0.21 apart,
hips at 0.49, knees at 0.71, ankles at 0.95. The order is OpenPose's (``imaging/control/skeleton.py``). Walking, running and
sitting people look to the right, so that their own right side is the nearer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Point = tuple[float, float]


class Preset(NamedTuple):
    """A pose: its points, None for one that is not to be seen, and the heights at which it begins and ends."""

    points: tuple[Point | None, ...]
    top: float = 0.0
    bottom: float = 1.0


def _pose(text: str, top: float = 0.0, bottom: float = 1.0) -> Preset:
    found: list[Point | None] = []
    for word in text.split():
        x, _, y = word.partition(",")
        found.append(None if word == "-" else (float(x), float(y)))
    return Preset(tuple(found), top, bottom)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "standing": _pose(
            "0,.085 0,.180 -.105,.190 -.132,.345 -.128,.485 .105,.190 .132,.345 .128,.485"
            " -.062,.490 -.068,.715 -.070,.945 .062,.490 .068,.715 .070,.945"
            " -.020,.068 .020,.068 -.047,.078 .047,.078"
        ),
        "sitting": _pose(
            ".068,.090 .005,.190 -.050,.205 -.062,.360 .062,.440 .058,.195 .082,.345 .190,.415"
            " -.040,.495 .190,.515 .180,.745 .035,.490 .265,.500 .262,.725"
            " .066,.070 .086,.072 .012,.078 -",
            0.0,
            0.80,
        ),
        "walking": _pose(
            ".062,.088 .010,.182 -.028,.198 -.092,.335 -.108,.470 .046,.190 .096,.325 .175,.425"
            " -.022,.490 .082,.690 .162,.915 .030,.488 -.012,.712 -.150,.890"
            " .056,.068 .076,.070 .006,.078 -"
        ),
        "running": _pose(
            ".195,.095 .118,.185 .080,.205 .112,.360 .245,.320 .152,.195 .030,.270 -.010,.405"
            " -.005,.485 -.020,.710 -.235,.755 .045,.480 .225,.585 .185,.810"
            " .188,.074 .208,.077 .138,.083 -",
            0.0,
            0.90,
        ),
    }
)
"""Names that `--pose` knows → their poses."""
