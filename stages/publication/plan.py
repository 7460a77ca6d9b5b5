"""Which sizes one base is published at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.families import Family, bases_of, read_family
from imajin_cli.contract.ratio import ratio_of
from imajin_cli.contract.request import MAX_SIDE, parse_size
from imajin_cli.contract.stage import Asset

Size = tuple[int, int]
ICONS = "favicon"
"""The family that is no set of sizes but a site's icons."""
# 1200x630 and 1.91:1 are one shape to whoever asks; so are sizes that rounding to whole pixels set apart.
_SAME = 0.006


@dataclass(frozen=True)
class Variant:
    """One size to publish: ``size`` in CSS pixels, its density, and the picture's own size in pixels.

    ``cut`` says that the base has another aspect ratio and is cut to this one around its subject; ``family`` is the
    family that the size is of, and ``alone`` whether its name needs no size.
    """

    size: Size
    scale: float
    pixels: Size
    cut: bool = False
    family: str | None = None
    alone: bool = False


@dataclass(frozen=True)
class Plan:
    """The variants of one base, largest last within a density, and whether names need their size to differ.

    ``icons`` says that a site's icons are to be made of this base.
    """

    variants: Sequence[Variant]
    sized: bool
    notes: Sequence[str] = ()
    icons: bool = False


def same_shape(one: Size, other: Size) -> bool:
    """Whether two sizes have the same aspect ratio, up to what rounding to whole pixels explains."""
    width, height = other
    expected = one[0] * height / width
    within_a_pixel = abs(expected - one[1]) <= 0.5 or abs(one[1] * width / height - one[0]) <= 0.5
    return within_a_pixel or abs(expected / one[1] - 1) <= _SAME


def planned(
    asset: Asset, extra: Iterable[str], scales: Iterable[float], *, cut: bool, families: Sequence[Family] = ()
) -> Plan:
    """The sizes of ``asset``'s base: those asked for, and ``extra``, that have its aspect ratio; else its own.

    Sizes of another ratio belong to the group's other bases. One that no base has is cut out with ``cut``, else it
    raises UsageError. A family's size, of its request's or of ``families``, is cut out of the base that is nearest.
    InputError where the asset has no picture.
    """
    picture = asset.picture
    if picture is None:
        raise InputError(f"{asset.name}: has no picture yet", hint="pipe it through `imajin generate` first")
    request = asset.sidecar.request
    asked = [parse_size(text) for text in request.size] if request is not None else []
    more = [parse_size(text) for text in extra]
    shape = _shape(asset, picture.size)
    every = list(dict.fromkeys([*asked, *more]))
    mine, lost = _sorted_out(asked, more, asset.sidecar.group.ratio if asset.sidecar.group else None, shape)
    if lost and not cut:
        raise UsageError(
            "{}: no base has the aspect ratio of {}x{}".format(asset.name, *lost[0]),
            hint="ask for that size when generating, or cut it out with --crop",
        )
    cuts = _cuts(asset, families)
    if not mine and not lost and not cuts:
        mine = [picture.size]
    taller = not same_shape(picture.size, shape)
    notes = [f"the picture is {picture.width}x{picture.height}, so heights follow it"] if taller else []
    variants = [
        _variant(_fitted(size, picture.size, taller), scale) for scale in sorted(set(scales)) for size in sorted(mine)
    ]
    variants += [_variant(size, scale, cut=True) for scale in sorted(set(scales)) for size in sorted(lost)]
    icons = any(name == ICONS for name, _ in cuts)
    cuts = [(name, size) for name, size in cuts if name != ICONS]
    count = Counter(name for name, _ in cuts)
    for scale in sorted(set(scales)):
        for name, size in sorted(cuts):
            one = _variant(size, scale, cut=not same_shape(size, picture.size))
            variants.append(replace(one, family=name, alone=count[name] == 1))
    return Plan(tuple(dict.fromkeys(variants)), len(every) > 1, tuple(notes), icons)


def _cuts(asset: Asset, families: Sequence[Family]) -> list[tuple[str, Size]]:
    """(family, size) of every family size that is to be cut out of this base: of the request's, those nearest to it."""
    request, group = asset.sidecar.request, asset.sidecar.group
    found = [(family.name, size) for family in families for size in family.sizes]
    if request is None or not request.family:
        return found
    try:
        if group is None:
            own = [(family.name, size) for family in map(read_family, request.family) for size in family.sizes]
        else:
            bases = bases_of(request.size, request.family, MAX_SIDE)
            own = [cut for base in bases if base.ratio == group.ratio for cut in base.cuts]
    except ValueError as error:
        raise InputError(f"{asset.name}: its request cannot be read: {error}") from None
    return list(dict.fromkeys([*own, *found]))


def _sorted_out(
    asked: Sequence[Size], more: Sequence[Size], ratio: str | None, shape: Size
) -> tuple[list[Size], list[Size]]:
    """The sizes that are this base's, and those that are no base's.

    A base is made for each ratio as it is written ("1.9:1"), so a written ratio decides before the shape does:
    1.9:1 and 1.91:1 look alike and have a base each.
    """
    mine, lost = [], []
    written = {ratio_of(*size) for size in asked} if ratio is not None else set()
    for size in dict.fromkeys([*asked, *more]):
        own = ratio_of(*size)
        if own in written:
            if own == ratio:
                mine.append(size)
        elif same_shape(size, shape):
            mine.append(size)
        elif size in more and not any(same_shape(size, other) for other in asked):
            lost.append(size)
    return mine, lost


def _shape(asset: Asset, size: Size) -> Size:
    """The shape that the base was asked for: text below a picture may have made it taller since."""
    group = asset.sidecar.group
    if group is None:
        return size
    wide, colon, high = group.ratio.partition(":")
    try:
        ratio = float(wide) / float(high) if colon else 0.0
    except (ValueError, ZeroDivisionError):
        return size
    return (round(ratio * 100_000), 100_000) if 0.01 <= ratio <= 100 else size


def _fitted(size: Size, base: Size, taller: bool) -> Size:
    return (size[0], max(1, round(size[0] * base[1] / base[0]))) if taller else size


def _variant(size: Size, scale: float, *, cut: bool = False) -> Variant:
    pixels = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    if max(pixels) > MAX_SIDE:
        raise UsageError(
            f"{size[0]}x{size[1]} at {scale:g} times has more than {MAX_SIDE} pixels a side",
            hint="lower --scale or --size",
        )
    return Variant(size, scale, pixels, cut)
