"""Size families: named sets of sizes that one picture is shown at, and the fewest bases that all of them can be cut from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imajin_cli.contract.ratio import ratio_of
from imajin_cli.contract.request import MAX_SIDE, parse_size

Size = tuple[int, int]

# CSS pixels. The sizes of one family share their aspect ratio, so that a browser may choose among them by width.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "hero": ("640x360", "1024x576", "1600x900"),
    "og": ("1200x630",),
    "sidebar": ("320x480", "640x960"),
    "portrait": ("480x600", "960x1200"),
    "square": ("400x400", "800x800"),
    "thumbnail": ("160x120", "320x240"),
    "favicon": ("512x512",),
}
# How far, as a factor, the aspect ratio of a size may be from that of the base that it is cut from: a fifth of the base goes.
SPREAD = 1.25
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MAX_SIZES = 16


@dataclass(frozen=True)
class Family:
    """A named set of ``sizes`` (width, height) in CSS pixels."""

    name: str
    sizes: tuple[Size, ...]

    def written(self) -> str:
        """The family as one line, "NAME=WIDTHxHEIGHT,…": what `read_family` reads."""
        return f"{self.name}={','.join(f'{width}x{height}' for width, height in self.sizes)}"


@dataclass(frozen=True)
class Base:
    """A picture to make: its aspect ratio as it is written, its size in pixels, and the family sizes cut from it."""

    ratio: str
    size: Size
    cuts: tuple[tuple[str, Size], ...] = field(default=())


def read_family(text: str, own: Mapping[str, Family] | None = None) -> Family:
    """A family by name (one of ``own``, else ours), or written out as "NAME=WIDTHxHEIGHT,…". Raises ValueError."""
    name, equals, sizes = text.strip().partition("=")
    if not equals:
        if own and name in own:
            return own[name]
        if name in FAMILIES:
            return Family(name, tuple(parse_size(size) for size in FAMILIES[name]))
        known = ", ".join([*FAMILIES, *(own or ())])
        raise ValueError(f'there is no size family "{name[:40]}"; there are {known}; or write NAME=WIDTHxHEIGHT,…')
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name[:40]}" cannot name a family: lower-case letters, digits and hyphens, 32 at most')
    found = tuple(dict.fromkeys(parse_size(size) for size in sizes.split(",")))
    if len(found) > _MAX_SIZES:
        raise ValueError(f"family {name} has {len(found)} sizes; {_MAX_SIZES} are the most")
    return Family(name, found)


def read_families(chosen: Iterable[str], defined: Iterable[str] = ()) -> list[Family]:
    """The families ``chosen``, each once; those that ``defined`` writes out may be named. Raises ValueError."""
    own = {family.name: family for family in map(read_family, defined)}
    found = {family.name: family for family in (read_family(text, own) for text in chosen)}
    return list(found.values())


def bases_of(sizes: Iterable[str], families: Iterable[str], longest: int) -> list[Base]:
    """The bases for ``sizes``, one for each aspect ratio as it is asked for, and the fewest more that ``families`` need.

    A family's size is cut from the base whose aspect ratio is nearest, and a base is added only where none is within
    `SPREAD`. In the order asked for; at most ``longest`` pixels on the longer side. Raises ValueError for a bad size.
    """
    asked: dict[str, Size] = {}
    for size in map(parse_size, sizes):
        ratio = ratio_of(*size)
        if ratio not in asked or size[0] > asked[ratio][0]:
            asked[ratio] = size
    cuts = [(family.name, size) for family in map(read_family, families) for size in family.sizes]
    shapes = list(asked.values())
    far = [size for _, size in cuts if all(_apart(size, shape) > SPREAD for shape in shapes)]
    shapes += [shape for shape in _centres(far) if ratio_of(*shape) not in asked]
    found: dict[str, tuple[Size, list[tuple[str, Size]]]] = {ratio_of(*shape): (shape, []) for shape in shapes}
    for name, size in cuts:
        ratio = nearest(size, [(ratio, shape) for ratio, (shape, _) in found.items()])
        shape, mine = found[ratio]
        found[ratio] = _covering(shape, size), [*mine, (name, size)]
    return [Base(ratio, _shrunk(size, longest), tuple(mine)) for ratio, (size, mine) in found.items()]


def nearest(size: Size, bases: Sequence[tuple[str, Size]]) -> str:
    """The ratio of that one of ``bases`` (ratio, size) whose shape is nearest to ``size``'s; its own ratio first."""
    own = ratio_of(*size)
    return min(bases, key=lambda base: (base[0] != own, _apart(size, base[1])))[0]


def _apart(one: Size, other: Size) -> float:
    """How many times wider, for its height, one of two shapes is than the other: 1 for the same."""
    ratio = one[0] * other[1] / (one[1] * other[0])
    return max(ratio, 1 / ratio)


def _centres(sizes: Sequence[Size]) -> list[Size]:
    """The fewest of ``sizes`` such that each is within `SPREAD` of one of them, in the order given.

    On a line (the logarithm of the ratio) the greedy choice is the best: the furthest one that still covers the narrowest
    that is not covered yet. Of each run so found the one in its middle is taken, the first asked for where several are.
    """
    waiting = sorted(dict.fromkeys(sizes), key=lambda size: size[0] / size[1])
    chosen = []
    while waiting:
        reach = [size for size in waiting if _apart(size, waiting[0]) <= SPREAD]
        mine = [size for size in waiting if _apart(size, reach[-1]) <= SPREAD]
        far = {size: max(round(_apart(size, other), 6) for other in mine) for size in mine}
        chosen.append(min(mine, key=lambda size: (far[size], sizes.index(size))))
        waiting = waiting[len(mine) :]
    return sorted(chosen, key=sizes.index)


def _covering(shape: Size, size: Size) -> Size:
    """``shape`` scaled up, where it must be, until ``size`` can be cut out of it without being scaled up itself."""
    scale = max(1.0, size[0] / shape[0], size[1] / shape[1])
    scale = min(scale, MAX_SIDE / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _shrunk(size: Size, longest: int) -> Size:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
