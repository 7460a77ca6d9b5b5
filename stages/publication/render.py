"""The base of an asset at the sizes that are published, from its vector where it has one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.stages.publication.plan import Size, Variant

if TYPE_CHECKING:
    from PIL.Image import Image

# How far, 0..1, the vector may be from the pixels that were judged: rounding and smoothing at a small size stay under
# half of it.
_MAX_MEAN, _MAX_CELL = 0.015, 0.15
# Pixels of the shorter side at which they are compared.
_PROBE = 96


class Renderer:
    """Draws one picture at any size. ``notes`` says what a person should know of it."""

    def __init__(self, picture: Picture, name: str) -> None:
        self.picture = picture
        self.name = name
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
        if variant.pixels == self.picture.size and not variant.cut:
            return self.picture.image
        if self.vector is not None:
            return self._drawn(self.vector, variant.pixels)
        return self._scaled(variant.pixels, cut=variant.cut)

    def icon(self, side: int) -> Image:
        """The whole picture in a square of ``side`` pixels, RGBA."""
        from imajin_cli.stages.imaging.crop import contain_size, in_square

        size = contain_size(self.picture.size, side)
        image = self._drawn(self.vector, size) if self.vector is not None else self._scaled(size, cut=False)
        return in_square(image, side)

    def masks(self, size: Size) -> dict[str, Image]:
        """Each layer's alpha at ``size``, mode L, by the layer's name."""
        from imajin_cli.stages.backends.resvg import render

        vector = self.vector
        layers = vector.layers if vector is not None else {}
        own = self.picture.size
        return {name: render(_on_canvas(layers[name], own, size), *size).getchannel("A") for name in sorted(layers)}

    def _drawn(self, vector: Vector, size: Size) -> Image:
        from imajin_cli.stages.backends.resvg import render

        return render(self._svg(vector, size), *size)

    def _svg(self, vector: Vector, size: Size) -> str:
        return _on_canvas(vector.svg, self.picture.size, size)

    def _scaled(self, size: Size, *, cut: bool) -> Image:
        from imajin_cli.stages.imaging.crop import cover_box
        from imajin_cli.stages.imaging.resample import resized

        image = self.picture.image
        if cut:
            image = image.crop(cover_box(image.size, size))
        if size[0] > image.width or size[1] > image.height:
            self.notes.append(f"{size[0]}x{size[1]} is scaled up from {image.width}x{image.height} pixels")
        return resized(image, size)


def _on_canvas(svg: str, own: Size, size: Size) -> str:
    from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas

    return on_canvas(svg, own, size)
