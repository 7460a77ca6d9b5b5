"""Keyframes on parts of a drawing, and where a part is at a moment: what CSS says and what a frame shows are this."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

# Control points of a cubic Bézier curve from (0, 0) to (1, 1), as CSS writes them (CSS Easing Functions 1, section 2.2).
Ease = tuple[float, float, float, float]
LINEAR: Ease = (0.0, 0.0, 1.0, 1.0)
SINE: Ease = (0.37, 0.0, 0.63, 1.0)


@dataclass(frozen=True)
class Pose:
    """How a part stands: moved by ``x``, ``y`` (the drawing's units), turned (degrees) and scaled about its track's origin.

    ``drawn`` is the part of its lines that is there, 0..1.
    """

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0
    wide: float = 1.0
    high: float = 1.0
    opacity: float = 1.0
    drawn: float = 1.0


REST = Pose()
_NAMES = tuple(field.name for field in fields(Pose))


@dataclass(frozen=True)
class Key:
    """A pose at a moment of the track's period, 0..1."""

    at: float
    pose: Pose


@dataclass(frozen=True)
class Track:
    """The motion of one part: keys from 0 to 1, the easing between two of them, and its period in seconds.

    ``origin`` is the point that turning and scaling leave where it is; ``phase`` (0..1) is how far into its period the track
    is when the animation begins. ``name`` is that of the layer, ``item`` the place of the part in it, None for all of it.
    ``shines`` says that it is no part that moves but a light over it.
    """

    name: str
    item: int | None
    keys: tuple[Key, ...]
    period: float
    origin: tuple[float, float] = (0.0, 0.0)
    ease: Ease = SINE
    phase: float = 0.0
    shines: bool = False

    def moved(self) -> frozenset[str]:
        """The fields of the pose that ever differ from rest."""
        rest = {name: getattr(REST, name) for name in _NAMES}
        return frozenset(name for key in self.keys for name in _NAMES if getattr(key.pose, name) != rest[name])

    def pose(self, seconds: float) -> Pose:
        """The pose at ``seconds`` after the animation began."""
        at = (seconds / self.period + self.phase) % 1.0
        places = [key.at for key in self.keys]
        after = min(max(bisect_right(places, at), 1), len(places) - 1)
        one, other = self.keys[after - 1], self.keys[after]
        span = other.at - one.at
        share = eased(self.ease, (at - one.at) / span if span else 1.0)
        values = {
            name: getattr(one.pose, name) + share * (getattr(other.pose, name) - getattr(one.pose, name))
            for name in _NAMES
        }
        return Pose(**values)


@dataclass(frozen=True)
class Motion:
    """The tracks of one drawing; after ``seconds`` all of it is as it began."""

    seconds: float
    tracks: Sequence[Track]

    def times(self, rate: float) -> list[float]:
        """The moments of the frames, at about ``rate`` a second, evenly over one turn."""
        count = max(2, round(self.seconds * rate))
        return [self.seconds * at / count for at in range(count)]


Kind = Literal["auto", "float", "pulse", "spin", "draw", "blink", "shimmer"]


def eased(ease: Ease, share: float) -> float:
    """The progress of ``ease`` at ``share`` of the time, both 0..1."""
    if ease == LINEAR:
        return share
    x1, y1, x2, y2 = ease
    low, high = 0.0, 1.0
    for _ in range(40):  # x grows with t, so halving finds it; a frame's error is far below a pixel
        middle = (low + high) / 2
        if _bezier(x1, x2, middle) < share:
            low = middle
        else:
            high = middle
    return _bezier(y1, y2, (low + high) / 2)


def _bezier(one: float, two: float, t: float) -> float:
    return 3 * one * t * (1 - t) ** 2 + 3 * two * t * t * (1 - t) + t**3
