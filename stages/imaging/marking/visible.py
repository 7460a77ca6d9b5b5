"""A mark that everybody sees: where it goes, how light or dark it is, and the layer that draws it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

from PIL import Image

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.imaging.typeset import ink, overlay
from imajin_cli.stages.imaging.typeset.setting import SetBlock

Place = Literal["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]
Tone = Literal["auto", "light", "dark", "own"]
Size = tuple[int, int]
Render = Callable[[str, int, int], Image.Image]
LIGHT, DARK = "#ffffff", "#14181f"
LAYER = "mark"
# From here an alpha counts as opaque: encoders and smoothing leave a level or two.
_OPAQUE = 250
# Longer side, in px, of the picture that places and contrast are judged on.
_SAMPLE = 512
# How far towards the middle a place is moved, in parts of the way, to find opaque ground.
_INWARDS = (0.0, 0.12, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
# A larger bitmap than this in a vector would be most of it.
_BITMAP_SIDE = 512
_TAG = re.compile(r"<(/?)g\b[^>]*?(/?)>")


@dataclass(frozen=True)
class Drawing:
    """What is drawn, in a box of its own: ``svg`` gives its elements for a colour, at ``size`` px, from 0, 0.

    ``own`` says that it has colours of its own; ``stencil``, that its shape can be painted in one colour; ``credits``, whose
    fonts it is set in.
    """

    size: tuple[float, float]
    svg: Callable[[str | None], str]
    label: str
    own: bool = False
    stencil: bool = True
    credits: Sequence[Credit] = ()


@dataclass(frozen=True)
class Wanted:
    """How the mark is to be: its place, distance from the edges (part of the shorter side), opacity, tone, least contrast."""

    place: Place
    margin: float
    opacity: float
    tone: Tone
    least: float


@dataclass(frozen=True)
class Set:
    """A mark at its place: its SVG group and what the record says of it."""

    layer: str
    told: Mapping[str, Any]


def of_text(block: SetBlock, fonts: Sequence[Credit]) -> Drawing:
    """A set line of text, in ``fonts``, as a drawing: its ink's box."""
    x0, y0, x1, y1 = block.ink

    def svg(colour: str | None) -> str:
        return f'<g transform="translate({-x0:.2f} {-y0:.2f})">{block.svg(colour or DARK)}</g>'

    return Drawing((x1 - x0, y1 - y0), svg, block.text, credits=fonts)


def of_image(image: Image.Image, longer: float, label: str) -> Drawing:
    """An image as a drawing whose longer side is ``longer`` px. One that is opaque cannot be painted in one colour."""
    rgba = image.convert("RGBA")
    box = rgba.getchannel("A").getbbox()
    if box is None:
        raise InputError(f"the mark {label}: it is wholly transparent")
    rgba = rgba.crop(box)
    longest = max(rgba.size)
    width, height = rgba.width * longer / longest, rgba.height * longer / longest
    part = min(1.0, _BITMAP_SIDE / longest)
    inside = max(1, round(rgba.width * part)), max(1, round(rgba.height * part))
    # Premultiplied while it is scaled: what transparent pixels hide has no say.
    bitmap = rgba.convert("RGBa").resize(inside, Image.Resampling.LANCZOS).convert("RGBA")

    def svg(colour: str | None) -> str:
        painted = bitmap if colour is None else _painted(bitmap, colour)
        return f'<image width="{width:.2f}" height="{height:.2f}" href="{_data_url(painted)}"/>'

    return Drawing((width, height), svg, label, own=True, stencil=_least(bitmap.getchannel("A")) < _OPAQUE)


def _least(channel: Image.Image) -> int:
    """The lowest level of a channel (mode L)."""
    return next(level for level, count in enumerate(channel.histogram()) if count)


def _painted(bitmap: Image.Image, colour: str) -> Image.Image:
    painted = Image.new("RGBA", bitmap.size, (*ink.parse(colour), 255))
    painted.putalpha(bitmap.getchannel("A"))
    return painted


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=9)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def without_mark(picture: Picture, render: Render) -> Picture:
    """``picture`` without the mark that an earlier run put on a scene; pixels alone keep theirs."""
    vector = picture.vector
    if vector is None or LAYER not in vector.layers:
        return picture
    layers = {name: svg for name, svg in vector.layers.items() if name != LAYER}
    bare = Vector(_without(vector.svg), vector.scene, layers)
    return Picture(picture.size, lambda: render(bare.svg, *picture.size), vector=bare)


def _without(svg: str) -> str:
    """``svg`` without its layer of marks, whatever groups that holds."""
    start = svg.find(f'<g data-layer="{LAYER}"')
    while start >= 0:
        end = start + len(_group_at(svg, start))
        svg = svg[:start] + svg[end:]
        start = svg.find(f'<g data-layer="{LAYER}"')
    return svg


def _group_at(svg: str, start: int) -> str:
    depth = 0
    for tag in _TAG.finditer(svg, start):
        depth += -1 if tag[1] else (0 if tag[2] else 1)
        if depth == 0:
            return svg[start : tag.end()]
    return svg[start:]


def set_mark(picture: Picture, drawing: Drawing, wanted: Wanted, render: Render) -> Set | str:
    """``drawing`` at its place on ``picture``, or why there is none: it must stand on opaque ground, and be seen there."""
    scale = min(1.0, _SAMPLE / max(picture.size))
    small: Size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    sample = picture.image.convert("RGBA")
    sample = sample if sample.size == small else sample.resize(small, Image.Resampling.BOX)
    if drawing.size[0] > picture.width or drawing.size[1] > picture.height:
        return "the mark is larger than the picture"
    for at in _places(picture.size, drawing.size, wanted, sample, scale):
        probe = overlay.document(picture.size, _placed(drawing.svg(DARK if drawing.stencil else None), at))
        coverage = render(overlay.scaled(probe, picture.size, small), *small).getchannel("A")
        if _stands_on_opaque(sample, coverage):
            return _toned(drawing, wanted, at, ink.behind(sample, coverage, (255, 255, 255)))
    return "nowhere is there opaque ground for it"


def _places(
    size: Size, mark: tuple[float, float], wanted: Wanted, sample: Image.Image, scale: float
) -> Iterator[tuple[float, float]]:
    """Upper left corners, the place that was asked for first, then nearer and nearer to the middle of what is opaque."""
    box = sample.getchannel("A").point([255 if v >= _OPAQUE else 0 for v in range(256)]).getbbox()
    if box is None:
        return
    left, top, right, bottom = (v / scale for v in box)
    right, bottom = min(right, size[0]), min(bottom, size[1])
    gap = wanted.margin * min(size)
    middle = ((left + right - mark[0]) / 2, (top + bottom - mark[1]) / 2)
    x = left + gap if "left" in wanted.place else right - gap - mark[0] if "right" in wanted.place else middle[0]
    y = top + gap if "top" in wanted.place else bottom - gap - mark[1] if "bottom" in wanted.place else middle[1]
    for part in _INWARDS:
        at = x + (middle[0] - x) * part, y + (middle[1] - y) * part
        if at[0] >= 0 and at[1] >= 0 and at[0] + mark[0] <= size[0] and at[1] + mark[1] <= size[1]:
            yield at


def _stands_on_opaque(sample: Image.Image, coverage: Image.Image) -> bool:
    drawn = coverage.point([255 if v else 0 for v in range(256)])
    if drawn.getbbox() is None:
        return False
    ground = Image.new("L", sample.size, 255)
    ground.paste(sample.getchannel("A"), mask=drawn)
    return _least(ground) >= _OPAQUE


def _toned(drawing: Drawing, wanted: Wanted, at: tuple[float, float], ground: ink.Ground) -> Set | str:
    """The tone that is seen best on ``ground``, and as much opacity as that takes."""
    colours = _colours(drawing, wanted.tone)
    steps = [wanted.opacity, *(step / 20 for step in range(1, 21) if step / 20 > wanted.opacity)]
    best, colour, opacity = 0.0, colours[0], wanted.opacity
    for opacity in steps:
        best, colour = max(((contrast(ground, one, opacity), one) for one in colours), key=lambda pair: pair[0])
        if best >= wanted.least:
            break
    if best < wanted.least:
        return f"it would hardly be seen: contrast {best:.2f}, needed {wanted.least:g}"
    told = {
        "box": [round(v, 2) for v in (*at, *drawing.size)],
        "colour": colour or "own",
        "opacity": opacity,
        "contrast": round(best, 2),
    }
    label = quoteattr(drawing.label)
    body = _placed(drawing.svg(colour), at)
    # One opacity for the whole: letters and strokes that overlap must not show it.
    return Set(f'<g data-layer="{LAYER}" role="img" aria-label={label} opacity="{opacity:g}">{body}</g>', told)


def _colours(drawing: Drawing, tone: Tone) -> Sequence[str | None]:
    """The colours to choose from; None is the drawing's own."""
    if tone == "own" or not drawing.stencil:
        return [None] if drawing.own else [DARK]
    if tone != "auto":
        return [LIGHT if tone == "light" else DARK]
    return [LIGHT, DARK]


def contrast(ground: ink.Ground, colour: str | None, opacity: float) -> float:
    """Contrast ratio, 1 to 21, of what is drawn with what is behind it, that three quarters of the pixels reach.

    A photograph has a little of everything, so that no colour is seen on all of it.

    A drawing in its own colours (None) is taken to be seen: what it looks like is its owner's choice.
    """
    if colour is None:
        return 21.0
    own = ink.parse(colour)
    ratios = sorted(
        (_ratio(ink.luminance(ink.mixed(rgb, own, opacity)), ink.luminance(rgb)), count)
        for count, rgb in ground.colours
    )
    left = sum(count for _, count in ratios) * 0.25
    for ratio, count in ratios:
        left -= count
        if left < 0:
            return ratio
    return 21.0


def _ratio(one: float, other: float) -> float:
    """WCAG 2.2's contrast ratio of two relative luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _placed(body: str, at: tuple[float, float]) -> str:
    return f'<g transform="translate({at[0]:.2f} {at[1]:.2f})">{body}</g>'


def drawn(picture: Picture, mark: Set, render: Render) -> Picture:
    """The picture with the mark: a scene with one more layer, or pixels. The alpha stays what it was."""
    if picture.vector is not None:
        layers = {**picture.vector.layers, LAYER: overlay.document(picture.size, mark.layer)}
        try:
            svg = overlay.append(picture.vector.svg, mark.layer)
        except ValueError as error:
            raise InputError(str(error)) from error
        vector = Vector(svg, picture.vector.scene, layers)
        return Picture(picture.size, lambda: render(vector.svg, *picture.size), vector=vector)

    def pixels() -> Image.Image:
        """The picture with the mark over it."""
        own = picture.image
        layer = render(overlay.document(picture.size, mark.layer), *picture.size)
        done = Image.alpha_composite(own.convert("RGBA"), layer)
        if "A" not in own.mode:
            return done.convert("RGB")
        done.putalpha(own.getchannel("A"))
        return done

    return Picture(picture.size, pixels)
