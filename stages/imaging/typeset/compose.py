"""Set text onto a picture: what is behind it measured, inks chosen, and the picture with its new layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.stages.imaging.typeset import ink, overlay
from imajin_cli.stages.imaging.typeset.area import Area
from imajin_cli.stages.imaging.typeset.setting import SetBlock, group, union

# Draws an SVG at a width and a height in px: a Pillow RGBA image.
Render = Callable[[str, int, int], Image.Image]

_SAMPLE = 320  # longer side of the picture that contrast is measured on, in px
_INKS = ("ink", "deep", "paper")
_NEUTRALS = ("#14181f", "#ffffff")
_PROBES = ("#ff0000", "#0000ff")
_HALF = [255 if v > 127 else 0 for v in range(256)]


@dataclass(frozen=True)
class Canvas:
    """What text is set on. An earlier text layer is already taken off."""

    picture: Picture
    vector: Vector | None
    render: Render

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in px."""
        return self.picture.size

    @property
    def scene(self) -> Mapping[str, Any]:
        """The scene's facts; empty for a picture that is none."""
        return self.vector.scene if self.vector else {}

    @property
    def palette(self) -> dict[str, str]:
        """The scene's colours by role, those that can be read."""
        raw = self.scene.get("palette")
        colours = raw.get("roles", raw) if isinstance(raw, Mapping) else {}
        out = {}
        for role, value in colours.items() if isinstance(colours, Mapping) else ():
            if isinstance(value, str) and len(value) == 7 and value[0] == "#":
                out[str(role)] = value
        return out

    @property
    def paper(self) -> str:
        """The colour that a transparent picture is judged on: the theme's paper."""
        dark = self.scene.get("theme") == "dark"
        return self.palette.get("background") or self.palette.get("paper") or ("#14181f" if dark else "#ffffff")

    @cached_property
    def sample(self) -> Image.Image:
        """The picture without the text, small, RGBA."""
        scale = min(1.0, _SAMPLE / max(self.size))
        w, h = (max(1, round(v * scale)) for v in self.size)
        if self.vector is not None:
            return self.render(overlay.scaled(self.vector.svg, self.size, (w, h)), w, h)
        return self.picture.image.convert("RGBA").resize((w, h), Image.Resampling.BOX)


@dataclass(frozen=True)
class Setting:
    """Text at its place: the area, the blocks, the canvas's height with it, and whether words were left out."""

    area: Area
    blocks: Sequence[SetBlock]
    height: int
    cut: bool = False


def canvas_of(picture: Picture, render: Render) -> Canvas:
    """``picture`` as a canvas. A text layer that an earlier run put on a scene comes off."""
    vector = picture.vector
    if vector is not None and "text" in vector.layers:
        layers = {name: svg for name, svg in vector.layers.items() if name != "text"}
        vector = Vector(overlay.without_text(vector.svg), vector.scene, layers)
    return Canvas(picture, vector, render)


def new_ground(canvas: Canvas, setting: Setting) -> str:
    """What fills the new part of a canvas that was made taller: the bottom edge's colour, where it is opaque."""
    if setting.height == canvas.size[1]:
        return ""
    colour = ink.edge_colour(canvas.sample)
    top = canvas.size[1]
    # One pixel of overlap: no seam between the two at any scale.
    box = f'x="0" y="{top - 1}" width="{canvas.size[0]}" height="{setting.height - top + 1}"'
    return f'<rect {box} fill="{colour}"/>' if colour else ""


def grounds(canvas: Canvas, setting: Setting) -> list[ink.Ground]:
    """What is behind each block's letters."""
    small = canvas.sample
    w = small.width
    h = max(small.height, round(setting.height * w / canvas.size[0]))
    if h > small.height:
        colour = ink.edge_colour(small)
        taller = Image.new("RGBA", (w, h), (*ink.parse(colour), 255) if colour else (0, 0, 0, 0))
        taller.paste(small, (0, 0))
        small = taller
    whole = (canvas.size[0], setting.height)
    probe = overlay.document(whole, group(setting.blocks, _PROBES[: len(setting.blocks)]))
    letters = canvas.render(overlay.scaled(probe, whole, (w, h)), w, h)
    red, _, blue, alpha = letters.split()
    out = []
    for channel in (red, blue)[: len(setting.blocks)]:
        coverage = Image.composite(alpha, Image.new("L", letters.size), channel.point(_HALF))
        out.append(ink.behind(small, coverage, ink.parse(canvas.paper)))
    return out


def inks(
    canvas: Canvas, setting: Setting, needs: Sequence[float], colour: str | None, plate: str
) -> tuple[ink.Inks | None, float]:
    """The inks for each block ("auto", "always" or "never" on a plate), or None and the best ratio that there was."""
    behind = grounds(canvas, setting)
    palette = canvas.palette
    choices = [colour] if colour else [*(palette[r] for r in _INKS if r in palette), *_NEUTRALS]
    found = ink.choose(behind, needs, choices) if plate != "always" else None
    if found is None and plate != "never":
        for ground in (canvas.paper, *_NEUTRALS):
            found = found or ink.choose_on_plate(behind, needs, choices, ground)
    return found, 0.0 if found else ink.best(behind, choices)


def _plate(setting: Setting, chosen: ink.Inks, size: tuple[int, int]) -> str:
    if chosen.plate is None:
        return ""
    colour, opacity = chosen.plate
    x0, y0, x1, y1 = union(setting.blocks)
    pad = 0.7 * setting.blocks[-1].size if len(setting.blocks) > 1 else 0.4 * setting.blocks[0].size
    x0, y0, x1, y1 = (
        max(0.0, x0 - 1.25 * pad),
        max(0.0, y0 - pad),
        min(size[0], x1 + 1.25 * pad),
        min(setting.height, y1 + pad),
    )
    box = f'x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}" rx="{0.6 * pad:.2f}"'
    return f'<rect {box} fill="{colour}" fill-opacity="{opacity:g}"/>'


def drawn(canvas: Canvas, setting: Setting, chosen: ink.Inks) -> Picture:
    """The picture with the text: a scene with one more layer, or pixels."""
    size = (canvas.size[0], setting.height)
    layer = group(setting.blocks, chosen.colours, _plate(setting, chosen, canvas.size))
    ground = new_ground(canvas, setting)
    if canvas.vector is None:
        return _on_pixels(canvas, size, layer, ground)
    try:
        vector = _on_vector(canvas.vector, canvas.size, setting, layer, ground)
    except ValueError as error:
        raise InputError(str(error)) from error
    return Picture(size, lambda: canvas.render(vector.svg, *size), vector=vector)


def _on_vector(vector: Vector, before: tuple[int, int], setting: Setting, layer: str, ground: str) -> Vector:
    size = (before[0], setting.height)
    svg, layers, scene = vector.svg, dict(vector.layers), dict(vector.scene)
    if size != before:
        svg = overlay.taller(svg, before, size[1])
        layers = overlay.layers_taller(layers, before, size[1], ground)
        if "height" in scene:
            scene["height"] = size[1]
        if "size" in scene:
            scene["size"] = list(size)
    x0, y0, x1, y1 = union(setting.blocks)
    boxes = dict(scene.get("boxes") or {})
    boxes["text"] = [round(v, 2) for v in (x0, y0, x1 - x0, y1 - y0)]
    scene["boxes"] = boxes
    layers["text"] = overlay.document(size, layer)
    return Vector(overlay.append(svg, ground + layer), scene, layers)


def _on_pixels(canvas: Canvas, size: tuple[int, int], layer: str, ground: str) -> Picture:
    def pixels() -> Image.Image:
        """The picture with the text over it, made taller where the text asked for canvas."""
        own = canvas.picture.image
        base = own.convert("RGBA")
        if size != base.size:
            taller = Image.new("RGBA", size, (0, 0, 0, 0))
            taller.paste(base, (0, 0))
            base = Image.alpha_composite(taller, _below(canvas, size, ground)) if ground else taller
        done = Image.alpha_composite(base, canvas.render(overlay.document(size, layer), *size))
        return done if "A" in own.mode else done.convert("RGB")

    return Picture(size, pixels)


def _below(canvas: Canvas, size: tuple[int, int], ground: str) -> Image.Image:
    colour = ink.edge_colour(canvas.sample)
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    if ground and colour:
        layer.paste((*ink.parse(colour), 255), (0, canvas.size[1], *size))
    return layer
