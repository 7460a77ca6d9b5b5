"""The exact matte of a picture on a flat ground: alpha solved for each edge pixel, its colour un-premultiplied.

An edge pixel shows I = αF + (1 - α)B. B is the ground; F is found by going from the pixel inwards, along the line from B
through I, for as long as the colour moves further away from B: an edge ends where its shape's own colour is reached. With
both known, α is I's place between them, and F = B + (I - B) / α puts the same picture together again on the same ground.
Blending is taken to be in sRGB's encoded values, as browsers, resvg and drawing programs do it, or in linear light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.matte.ground import Bools, Bytes, Floats, Ground, grown, outside

_STEPS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
# How far, in levels, an edge pixel may lie beside the line between two colours: 8-bit rounding, and a share of its length.
_BESIDE, _BESIDE_SHARE = 1.5, 0.03
# From this alpha on a pixel is solid; below the other its own colour says too little, and the shape's is taken.
_SOLID, _FAINT = 0.996, 0.08
# Levels that an 8-bit picture may be off what was blended.
_ROUNDING = 1.0
_PALETTE, _LEAST_COUNT = 64, 12
# An edge pixel that lies further beside every shape's line, as a share of its own length, is of no known colour.
_FAR_SHARE = 0.25
_AROUND = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Cut:
    """A picture cut out: ``pixels`` (height, width, 4) 8-bit straight alpha, and what is to be known of it.

    ``enclosed`` is the share of the picture that has the ground's colour and is surrounded; ``removed`` the share that
    became see-through; ``unsure`` the share of edge pixels whose colour lies on no line from the ground to a shape's.
    """

    pixels: Bytes
    enclosed: float
    removed: float
    unsure: float


@dataclass(frozen=True)
class _Field:
    """Differences to the ground, (height · width, 3), their lengths, the noise, and the picture's width."""

    off: Floats
    length: Floats
    tolerance: float
    width: int


def cut_out(pixels: Bytes, ground: Ground, *, edge: int, holes: bool, linear: bool = False) -> Cut:
    """RGB ``pixels`` (height, width, 3) without their ground. ``edge``: widest soft edge in pixels; ``holes``: take out

    enclosed parts of the ground's colour too. ``linear``: edges were blended in linear light.
    """
    like = ground.like(pixels)
    clear = outside(like)
    enclosed = float((like & ~clear).mean())
    if holes:
        clear = like
    height, width = clear.shape
    shown = _linear(pixels) if linear else pixels.astype(np.float32)
    back = _linear(ground.colour[None, None])[0, 0] if linear else ground.colour
    off = (shown - back).reshape(-1, 3)
    field = _Field(off, np.sqrt((off * off).sum(axis=1)), ground.tolerance, width)
    band = _band(clear, field.length.reshape(height, width), edge, ground.tolerance)
    at = np.flatnonzero(band)
    shape, unsure = _shapes(field, clear, at, edge + 1)
    alpha = np.where(clear, np.float32(0), np.float32(1)).ravel()
    alpha[at] = _alphas(off[at], shape, back)
    colours = shown.reshape(-1, 3).copy()
    levels = np.round(alpha * 255).astype(np.uint8)
    colours[at] = _unmixed(off[at], shape, levels[at], back)
    colours[levels == 0] = 0
    rgb = _encoded(colours) if linear else np.round(np.clip(colours, 0, 255)).astype(np.uint8)
    done = np.dstack([rgb.reshape(height, width, 3), levels.reshape(height, width)])
    return Cut(done, enclosed, float((levels == 0).mean()), float(unsure.mean()) if at.size else 0.0)


def _band(clear: Bools, length: Floats, edge: int, tolerance: float) -> Bools:
    """The pixels that may be half see-through: those beside the ground, and inwards as long as the colour moves away."""
    first = grown(clear) & ~clear
    band, front, seen = first.copy(), first, clear | first
    for _ in range(edge - 1):
        ring = grown(front) & ~seen
        lowest = np.where(front, length, np.inf).astype(np.float32)
        near = np.full_like(lowest, np.inf)
        for step in _STEPS:
            np.minimum(near, _shifted(lowest, step), out=near)
        front = ring & (near < length - tolerance)
        seen |= ring
        band |= front
    return band


def _shifted(plane: Floats, step: tuple[int, int]) -> Floats:
    """``plane`` read one pixel further on in the direction of ``step``; infinite beyond the border."""
    padded = np.pad(plane, 1, constant_values=np.inf)
    y, x = step
    return padded[1 + y : 1 + y + plane.shape[0], 1 + x : 1 + x + plane.shape[1]]


def _shapes(field: _Field, clear: Bools, at: Indices, steps: int) -> tuple[Floats, Bools]:
    """For each pixel of ``at`` how its shape's own colour differs from the ground, and whether that is a guess."""
    place = at.copy()
    own = field.off[at]
    moving = np.ones(at.size, np.bool_)
    for _ in range(steps):
        best, reach = place.copy(), field.length[place] + field.tolerance
        for step in _STEPS:
            there, inside = _neighbours(place, step, clear.shape)
            further = inside & moving & (field.length[there] > reach) & _on_line(own, field.off[there], field.tolerance)
            best = np.where(further, there, best)
            reach = np.where(further, field.length[there], reach)
        moving = best != place
        place = best
        if not moving.any():
            break
    found = field.off[place].copy()
    thin = np.flatnonzero(~_plateau(field, clear, place))
    found[thin], known = _from_palette(found[thin], _palette(field, clear), field.tolerance)
    loose = thin[~known]
    unsure = np.zeros(at.size, np.bool_)
    if loose.size:
        found[loose], unsure[loose] = _mixed(field, clear, at[loose], found[loose])
    return found, unsure


def _neighbours(place: Indices, step: tuple[int, int], shape: tuple[int, ...]) -> tuple[Indices, Bools]:
    y, x = place // shape[1] + step[0], place % shape[1] + step[1]
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return np.where(inside, y * shape[1] + x, place), inside


def _on_line(own: Floats, far: Floats, tolerance: float) -> Bools:
    """Whether ``own`` lies between nothing and ``far``, both (n, 3): beside that line by no more than rounding."""
    square = np.maximum((far * far).sum(axis=1), 1e-6)
    part = (own * far).sum(axis=1) / square
    beside = own - part[:, None] * far
    limit = np.maximum(_BESIDE, tolerance) + _BESIDE_SHARE * np.sqrt((own * own).sum(axis=1))
    return np.asarray((part > 0) & (part <= 1) & (np.sqrt((beside * beside).sum(axis=1)) <= limit))


def _plateau(field: _Field, clear: Bools, place: Indices) -> Bools:
    """Whether at least three of a pixel's neighbours have its colour: it belongs to an area, not to a thin line."""
    equal = np.zeros(place.size, np.int64)
    for step in _STEPS:
        there, inside = _neighbours(place, step, clear.shape)
        same = np.abs(field.off[there] - field.off[place]).max(axis=1) <= field.tolerance
        equal += inside & same
    return np.asarray(equal >= 3)


def _palette(field: _Field, clear: Bools) -> Floats:
    """The picture's commonest flat colours, as differences to the ground, (n, 3)."""
    height, width = clear.shape
    off = field.off.reshape(height, width, 3)
    flat = ~clear
    flat[:, 1:] &= np.abs(off[:, 1:] - off[:, :-1]).max(axis=2) <= field.tolerance
    flat[1:] &= np.abs(off[1:] - off[:-1]).max(axis=2) <= field.tolerance
    values, counts = np.unique(np.round(off[flat]).astype(np.int16), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_PALETTE]
    return values[order[counts[order] >= _LEAST_COUNT]].astype(np.float32)


def _from_palette(found: Floats, palette: Floats, tolerance: float) -> tuple[Floats, Bools]:
    """Colours that a thin line reached, carried on to the nearest flat colour on their line, and whether there is one."""
    best = found.copy()
    reach = np.full(len(found), np.inf, np.float32)
    least = np.sqrt((found * found).sum(axis=1))
    for colour in palette:
        length = float(np.sqrt((colour * colour).sum()))
        on = _on_line(found, np.broadcast_to(colour, found.shape), tolerance)
        fits = (length >= least - 1) & (length < reach) & on
        best[fits] = colour
        reach[fits] = length
    return best, np.isfinite(reach)


def _mixed(field: _Field, clear: Bools, at: Indices, found: Floats) -> tuple[Floats, Bools]:
    """The shapes' colour where two of them meet the ground in one pixel, and whether it is a guess.

    Such a pixel mixes both and the ground, so pairs of neighbours are tried by least squares, and their mixture taken.
    What fits none takes the flat neighbour that lies nearest to its line, or stays with what was ``found``.
    """
    own, free = field.off[at], clear.ravel()
    best, error = found.copy(), np.full(at.size, np.inf, np.float32)
    corners = []
    for y, x in _AROUND:
        there, inside = _neighbours(at, (y, x), clear.shape)
        corners.append((field.off[there], inside & ~free[there], there))
    for first, (one, one_in, _) in enumerate(corners):
        for two, two_in, _ in corners[first + 1 :]:
            a, b, rest = _parts(own, one, two)
            total = a + b
            fits = one_in & two_in & (a >= 0) & (b >= 0) & (total > 0.02) & (total < 1) & (rest < error - 1e-3)
            best[fits] = (a[fits, None] * one[fits] + b[fits, None] * two[fits]) / total[fits, None]
            error[fits] = rest[fits]
    unknown = error > np.maximum(2 * _BESIDE, 2 * field.tolerance)
    best[unknown] = found[unknown]
    reach = np.full(at.size, np.inf, np.float32)
    for one, inside, there in corners:
        part = (own * one).sum(axis=1) / np.maximum((one * one).sum(axis=1), 1e-6)
        beside = np.sqrt(((own - part[:, None] * one) ** 2).sum(axis=1))
        fits = unknown & inside & (part > 0) & (beside < reach) & _plateau(field, clear, there)
        best[fits], reach[fits] = one[fits], beside[fits]
    return best, unknown & (reach > _FAR_SHARE * np.sqrt((own * own).sum(axis=1)))


def _parts(own: Floats, one: Floats, two: Floats) -> tuple[Floats, Floats, Floats]:
    """``own`` ≈ a · one + b · two by least squares, row by row: a, b and what is left over."""
    aa, bb, ab = (one * one).sum(axis=1), (two * two).sum(axis=1), (one * two).sum(axis=1)
    pa, pb = (own * one).sum(axis=1), (own * two).sum(axis=1)
    scale = aa * bb - ab * ab
    # Two colours on one line, within about two degrees, tell nothing about their shares.
    safe = np.where(scale > 1.5e-3 * aa * bb + 1e-3, scale, np.float32(np.inf))
    a, b = (pa * bb - pb * ab) / safe, (pb * aa - pa * ab) / safe
    rest = own - a[:, None] * one - b[:, None] * two
    return a, b, np.sqrt((rest * rest).sum(axis=1))


def _alphas(off: Floats, shape: Floats, back: Floats) -> Floats:
    """α of each pixel: its place between the ground and its shape's colour, and no less than its own colour allows."""
    square = np.maximum((shape * shape).sum(axis=1), 1e-6)
    alpha = np.clip((off * shape).sum(axis=1) / square, 0, 1)
    # A fainter one would need a colour beyond black or white to show what is there.
    room = np.where(off > 0, 255 - back, back)
    least = np.max(np.maximum(np.abs(off) - _ROUNDING, 0) / np.maximum(room, 1e-3), axis=1)
    alpha = np.maximum(alpha, np.minimum(least, 1))
    return np.where(alpha >= _SOLID, np.float32(1), alpha).astype(np.float32)


def _unmixed(off: Floats, shape: Floats, levels: Bytes, back: Floats) -> Floats:
    """Colours without their share of ground, for alphas as they are stored."""
    alpha = levels.astype(np.float32)[:, None] / 255
    own = back + off / np.maximum(alpha, 1 / 255)
    return np.clip(np.where(alpha < _FAINT, back + shape, own), 0, 255).astype(np.float32)


def _linear(levels: Bytes | Floats) -> Floats:
    """Levels of sRGB, 0..255, as linear light, 0..255 (IEC 61966-2-1)."""
    value = np.asarray(levels, np.float32) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return (light * 255).astype(np.float32)


def _encoded(light: Floats) -> Bytes:
    value = np.clip(light / 255, 0, 1)
    shown = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(shown * 255).astype(np.uint8)
