"""The base of an asset at the sizes that are published, from its vector where it has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.stages.publication.plan import Size, Variant

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.crop import Box, Focus

# How far, 0..1, the vector may be from the pixels that were judged: rounding and smoothing at a small size stay under
# half of it.
_MAX_MEAN, _MAX_CELL = 0.015, 0.15
# Pixels of the shorter side at which they are compared.
_PROBE = 96
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class Renderer:
    """Draws one picture at any size. ``notes`` says what a person should know of it."""

    def __init__(self, picture: Picture, name: str, sidecar: Sidecar) -> None:
        self.picture = picture
        self.name = name
        self.sidecar = sidecar
        self.notes: list[str] = []

    @cached_property
    def vector(self) -> Vector | None:
        """The picture's vector. Raises InputError where it does not show what the judged pixels show."""
        vector = self.picture.vector
        if vector is None:
            return None
        self.check_like(vector.svg, "its vector")
        return vector

    def check_like(self, svg: str, what: str) -> None:
        """Raise InputError where ``svg`` (called ``what``) does not show what the picture's pixels show."""
        from imajin_cli.stages.backends.resvg import render
        from imajin_cli.stages.imaging.crop import contain_size
        from imajin_cli.stages.imaging.encode.check import differences

        own = self.picture.size
        size = contain_size(own, min(round(_PROBE * max(own) / min(own)), max(own)))
        mean, worst = differences(render(_on_canvas(svg, own, size), *size), self.picture.image)
        if mean > _MAX_MEAN or worst > _MAX_CELL:
            raise InputError(
                f"{self.name}: {what} does not show what its pixels show",
                hint="generate it again, or load the SVG alone",
            )

    def variant(self, variant: Variant) -> Image:
        """The picture as ``variant`` wants it."""
        if variant.cut:
            return self._cut(self.box(variant.pixels), variant.pixels)
        if variant.pixels == self.picture.size:
            return self.picture.image
        if self.vector is not None:
            return self._drawn(self.vector, variant.pixels)
        return self._scaled(self.picture.image, variant.pixels)

    @cached_property
    def focus(self) -> Focus:
        """What sizes of another aspect ratio are cut around."""
        from imajin_cli.stages.publication.focus import focus_of

        return focus_of(self, self.sidecar)

    def box(self, size: Size) -> Box:
        """The part (left, top, right, bottom) of the picture that is cut out for ``size``; it may reach beyond its edges."""
        from imajin_cli.stages.imaging.crop import focal_box

        return focal_box(self.picture.size, size, self.focus)

    def icon(self, side: int) -> Image:
        """The whole picture in a square of ``side`` pixels, RGBA."""
        from imajin_cli.stages.imaging.crop import contain_size, in_square

        size = contain_size(self.picture.size, side)
        image = self._drawn(self.vector, size) if self.vector is not None else self._scaled(self.picture.image, size)
        return in_square(image, side)

    def part(self, box: Box, size: Size) -> Image:
        """The part ``box`` of the picture at ``size``, RGBA; what lies beyond its edges is see-through."""
        if self.vector is not None:
            from imajin_cli.stages.backends.resvg import render
            from imajin_cli.stages.imaging.encode.svgcanvas import cut_out

            return render(cut_out(self.vector.svg, self.picture.size, box, size), *size)
        return self._scaled(self.picture.image.convert("RGBA").crop(box), size)

    def masks(self, size: Size, names: Sequence[str] | None = None) -> dict[str, Image]:
        """The alpha of each layer, or of those of ``names``, at ``size``, mode L, by the layer's name."""
        from imajin_cli.stages.backends.resvg import render

        vector = self.vector
        layers = vector.layers if vector is not None else {}
        own = self.picture.size
        return {
            name: render(_on_canvas(layers[name], own, size), *size).getchannel("A")
            for name in sorted(layers if names is None else names)
        }

    def _drawn(self, vector: Vector, size: Size) -> Image:
        from imajin_cli.stages.backends.resvg import render

        return render(self._svg(vector, size), *size)

    def _svg(self, vector: Vector, size: Size) -> str:
        return _on_canvas(vector.svg, self.picture.size, size)

    def _cut(self, box: Box, size: Size) -> Image:
        """The part ``box`` of the picture at ``size``; what lies beyond the edges is ground.

        Raises UsageError where there is no one colour to go on with.
        """
        outside = box[0] < 0 or box[1] < 0 or box[2] > self.picture.width or box[3] > self.picture.height
        if outside:
            self.notes.append("{}x{} shows ground beyond the picture, so that its subject stays whole".format(*size))
        if self.vector is not None:
            from imajin_cli.stages.backends.resvg import render
            from imajin_cli.stages.imaging.encode.svgcanvas import cut_out

            ground = self.vector.scene.get("background")
            colour = ground if isinstance(ground, str) and _HEX.fullmatch(ground) else None
            return render(cut_out(self.vector.svg, self.picture.size, box, size, colour), *size)
        return self._scaled(self._part(box) if outside else self.picture.image.crop(box), size)

    def _part(self, box: Box) -> Image:
        from PIL import Image

        from imajin_cli.stages.publication.focus import flat_ground

        image = self.picture.image
        size = box[2] - box[0], box[3] - box[1]
        if image.mode in ("LA", "RGBA"):
            return image.crop(box)
        ground = flat_ground(image)
        if ground is None:
            raise UsageError(
                f"{self.name}: cannot be cut to {size[0]}:{size[1]} without cutting through its {self.focus.kind}",
                hint="ask for that size when generating",
            )
        wider = Image.new("RGB", size, ground)
        wider.paste(image.convert("RGB"), (-box[0], -box[1]))
        return wider

    def _scaled(self, image: Image, size: Size) -> Image:
        from imajin_cli.stages.imaging.resample import resized

        if size[0] > image.width or size[1] > image.height:
            self.notes.append(f"{size[0]}x{size[1]} is scaled up from {image.width}x{image.height} pixels")
        return resized(image, size)


def _on_canvas(svg: str, own: Size, size: Size) -> str:
    from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas

    return on_canvas(svg, own, size)
