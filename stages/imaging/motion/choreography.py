"""Which part of a drawing moves how: small, slow and in turn, so that waiting is pleasant and nothing twitches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from imajin_cli.stages.imaging.motion.model import LINEAR, REST, SINE, Key, Kind, Motion, Pose, Track

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Part:
    """A layer, or an item of one: its layer's name, its place there (None: the layer), and its box in the drawing's units."""

    name: str
    item: int | None
    box: Box


# Layers that never move: where one stands is what tells that something else moves.
STILL = frozenset({"background", "ground", "text"})
# Of the drawing's shorter side: how far things float.
_FLOAT, _FLOAT_SMALL = 0.022, 0.014
# The golden ratio's share spreads any number of phases evenly.
_GOLDEN = 0.618034


def choreographed(kind: Kind, parts: Sequence[Part], size: tuple[int, int], seconds: float) -> Motion:
    """The motion of ``kind`` for the ``parts`` of a drawing of ``size``; a loop of ``seconds``. No tracks where none fit."""
    return Motion(seconds, tuple(_TABLE[kind](_Stage(parts, size, seconds))))


@dataclass(frozen=True)
class _Stage:
    parts: Sequence[Part]
    size: tuple[int, int]
    seconds: float

    @property
    def unit(self) -> float:
        return float(min(self.size))

    def layer(self, name: str) -> Part | None:
        """The whole layer ``name``."""
        return next((part for part in self.parts if part.name == name and part.item is None), None)

    def items(self, *names: str) -> list[Part]:
        """The items of the layers ``names``, in painting order."""
        return [part for part in self.parts if part.name in names and part.item is not None]

    def main(self) -> list[Part]:
        """What a motion of one kind is for: the subject, else whatever may move."""
        subject = self.layer("subject")
        return [subject] if subject is not None else [p for p in self.parts if p.item is None and p.name not in STILL]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _there_and_back(pose: Pose) -> tuple[Key, ...]:
    return Key(0.0, REST), Key(0.5, pose), Key(1.0, REST)


def _phases(count: int) -> Iterator[float]:
    return (round(at * _GOLDEN % 1.0, 3) for at in range(count))


def _floating(parts: Iterable[Part], stage: _Stage, far: float) -> Iterator[Track]:
    listed = list(parts)
    for part, phase in zip(listed, _phases(len(listed)), strict=True):
        lift = Pose(y=-round(far * stage.unit, 2))
        yield Track(part.name, part.item, _there_and_back(lift), stage.seconds, _middle(part.box), SINE, phase)


def _breathing(part: Part, stage: _Stage, by: float) -> Track:
    """A part that stands on the ground: it stretches a little, its feet stay."""
    foot = (part.box[0] + part.box[2]) / 2, part.box[3]
    stretched = Pose(wide=round(1 - by / 3, 4), high=round(1 + by, 4))
    return Track(part.name, part.item, _there_and_back(stretched), stage.seconds, foot)


def _twinkling(parts: Iterable[Part], stage: _Stage) -> Iterator[Track]:
    listed = list(parts)
    for part, phase in zip(listed, _phases(len(listed)), strict=True):
        dim = Pose(opacity=0.35, wide=0.82, high=0.82)
        yield Track(part.name, part.item, _there_and_back(dim), stage.seconds, _middle(part.box), SINE, phase)


def _float(stage: _Stage) -> Iterator[Track]:
    yield from _floating(stage.main(), stage, _FLOAT)


def _pulse(stage: _Stage) -> Iterator[Track]:
    for part in stage.main():
        yield Track(part.name, part.item, _there_and_back(Pose(wide=1.06, high=1.06)), stage.seconds, _middle(part.box))


def _spin(stage: _Stage) -> Iterator[Track]:
    for part in stage.main():
        keys = (Key(0.0, Pose()), Key(1.0, Pose(turn=360.0)))
        yield Track(part.name, part.item, keys, stage.seconds, _middle(part.box), LINEAR)


def _draw(stage: _Stage) -> Iterator[Track]:
    """Lines are drawn, stay, and fade, so that the loop has no jump."""
    keys = (
        Key(0.0, Pose(drawn=0.0)),
        Key(0.5, Pose()),
        Key(0.86, Pose()),
        Key(1.0, Pose(opacity=0.0)),
    )
    for part in stage.main():
        yield Track(part.name, part.item, keys, stage.seconds, _middle(part.box), SINE)


def _blink(stage: _Stage) -> Iterator[Track]:
    small = stage.items("marks", "badge") or stage.main()
    keys = (Key(0.0, Pose()), Key(0.62, Pose()), Key(0.78, Pose(opacity=0.15)), Key(1.0, Pose()))
    for part, phase in zip(small, _phases(len(small)), strict=True):
        yield Track(part.name, part.item, keys, stage.seconds, _middle(part.box), SINE, phase)


def _shimmer(stage: _Stage) -> Iterator[Track]:
    """A light that goes over the shapes from left to right, and then rests."""
    moving = [part for part in stage.parts if part.item is None and part.name not in STILL]
    if not moving:
        return
    for part in moving:
        # From where the light's band is about to come in to where it has just gone out.
        wide = float(stage.size[0])
        begin, end = Pose(x=round(wide * 0.3, 2)), Pose(x=round(wide * 1.7, 2))
        keys = (Key(0.0, begin), Key(0.7, end), Key(1.0, end))
        yield Track(part.name, part.item, keys, stage.seconds, ease=LINEAR, shines=True)


def _auto(stage: _Stage) -> Iterator[Track]:
    """The subject floats, or breathes where it stands on a ground; companions float less; marks twinkle, a badge pulses."""
    subject, ground = stage.layer("subject"), stage.layer("ground")
    if subject is not None and ground is not None and subject.box[3] > ground.box[1]:
        yield _breathing(subject, stage, 0.022)
    elif subject is not None:
        yield from _floating([subject], stage, _FLOAT)
    yield from _floating(stage.items("companions"), stage, _FLOAT_SMALL)
    badge = stage.layer("badge")
    if badge is not None:
        keys = _there_and_back(Pose(wide=1.07, high=1.07))
        yield Track(badge.name, None, keys, stage.seconds / 2, _middle(badge.box), SINE, 0.25)
    yield from _twinkling(stage.items("marks"), stage)


_TABLE: dict[str, Callable[[_Stage], Iterator[Track]]] = {
    "auto": _auto,
    "float": _float,
    "pulse": _pulse,
    "spin": _spin,
    "draw": _draw,
    "blink": _blink,
    "shimmer": _shimmer,
}
