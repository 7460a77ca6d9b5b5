"""Pixels and what they were drawn from, decoded or rasterised only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from imajin_cli.contract.digest import pixel_digest

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Vector:
    """A picture as SVG text in its own pixel units, its scene as JSON, and its layers as SVG texts of the same canvas.

    ``layers`` maps a layer's name ("subject", "backdrop", …) to an SVG that draws that layer alone: its alpha is the mask.
    """

    svg: str
    scene: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)


class Picture:
    """One picture of ``size`` (width, height) in pixels.

    ``pixels`` is called at most once, when ``image`` is first asked for, and gives a Pillow image in mode L, LA, RGB or
    RGBA, 8 bits a channel, sRGB, alpha straight (not premultiplied). ``sha256`` is the pixels' digest where it is known
    already. A picture is never changed in place.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pixels: Callable[[], Image],
        *,
        vector: Vector | None = None,
        sha256: str | None = None,
    ) -> None:
        self.size = size
        self.vector = vector
        self._pixels = pixels
        self._sha256 = sha256

    @classmethod
    def of(cls, image: Image, *, vector: Vector | None = None) -> Picture:
        """A picture whose pixels are at hand."""
        return cls(image.size, lambda: image, vector=vector)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.size[1]

    @cached_property
    def image(self) -> Image:
        """The pixels as a Pillow image. Do not change it: copy first."""
        return self._pixels()

    @property
    def sha256(self) -> str:
        """Digest of the decoded pixels, the identity that verdicts are bound to."""
        if self._sha256 is None:
            image = self.image
            self._sha256 = pixel_digest(image.mode, image.size, image.tobytes())
        return self._sha256


@dataclass(frozen=True)
class ControlMap:
    """A picture that steers a diffusion model.

    ``fit`` is how it is brought to another ratio: "cover" cuts off what does not fit, "contain" shows all of it.
    """

    picture: Picture
    fit: Literal["cover", "contain"] = "cover"
