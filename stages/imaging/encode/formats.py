"""A raster in the format asked for: lossless where that is smaller or wanted, and under the byte budget, if any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PIL import Image

from imajin_cli.stages.imaging.encode import raster
from imajin_cli.stages.imaging.encode.oklab import JUST_NOTICEABLE
from imajin_cli.stages.imaging.encode.palette import Paletted, paletted

Lossless = Literal["auto", "yes", "no"]
RASTERS = ("png", "webp", "avif", "jpeg")
# The bound of a palette, in steps that are just noticeable side by side. What is off by so much are single pixels of smoothed
# edges (an area's colour is always kept): SSIMULACRA2 stays over 90 but for the smallest pictures, and from 90 on nobody sees a
# difference in a flicker test.
_EDGES = 2.0
# Below this quality, artefacts are the first thing that one sees.
_FLOOR = 35
_STEP = 9
# A lossless WebP with fewer bits a pixel than this is about as small as a lossy one; above it both are tried.
_SMALL_BITS = 0.5
# What a lossy file must be of a lossless one's bytes to be worth its artefacts.
_WORTH = 0.75


@dataclass(frozen=True)
class Settings:
    """How rasters are encoded. Qualities 0..100; ``budget`` in bytes a file; ``background`` RGB for JPEG.

    ``xmp`` is a packet to write where the shorter side has at least ``xmp_from`` pixels.
    """

    webp_quality: int = 82
    avif_quality: int = 68
    jpeg_quality: int = 85
    lossless: Lossless = "auto"
    palette: bool = True
    budget: int | None = None
    background: tuple[int, int, int] = (255, 255, 255)
    xmp: bytes = b""
    xmp_from: int = 0


@dataclass(frozen=True)
class Encoded:
    """A file's bytes, and what they must decode to: ``pixels`` exactly where ``exact``, else something like it.

    ``quality`` is set for lossy files, ``colours`` and ``worst`` (its largest OKLab error) for those with a palette.
    """

    data: bytes
    pixels: Image.Image
    exact: bool
    quality: int | None = None
    colours: int | None = None
    worst: float | None = None


class Drawn:
    """A raster with what its encoders share. Build it before they run side by side."""

    def __init__(self, image: Image.Image, settings: Settings) -> None:
        self.image = raster.tidy(image)
        bound = 0.0 if settings.lossless == "yes" else JUST_NOTICEABLE * _EDGES
        self.palette: Paletted | None = paletted(self.image, bound=bound) if settings.palette else None
        if self.palette is not None:
            self.palette.image  # noqa: B018 - made here once, not in two threads at the same time


def encode(drawn: Drawn, kind: str, settings: Settings) -> Encoded:
    """``drawn`` as ``kind`` (png, webp, avif, jpeg): the first attempt within the budget, or the smallest of all."""
    smallest: Encoded | None = None
    for attempt in _ATTEMPTS[kind](drawn, settings):
        found = attempt()
        if smallest is None or len(found.data) < len(smallest.data):
            smallest = found
        if settings.budget is None or len(found.data) <= settings.budget:
            return found
    if smallest is None:
        raise ValueError(f"{kind} has no encoder")
    return smallest


def _qualities(start: int) -> Iterator[int]:
    yield start
    yield from range(start - _STEP, _FLOOR - 1, -_STEP)


Attempts = Iterator[Callable[[], Encoded]]


def _png(drawn: Drawn, settings: Settings) -> Attempts:
    yield lambda: _as_png(drawn.image, drawn.palette, settings.xmp)
    if settings.palette and settings.lossless != "yes":
        for times in (2, 3):  # only a budget leads here: then a visible step beats no picture
            palette = paletted(drawn.image, bound=JUST_NOTICEABLE * times)
            if palette is not None:
                yield partial(_as_png, drawn.image, palette, settings.xmp)


def _as_png(image: Image.Image, palette: Paletted | None, xmp: bytes) -> Encoded:
    data = raster.encode_png(image, palette, xmp=xmp)
    return Encoded(data, image, True) if palette is None else _with_palette(data, palette)


def _with_palette(data: bytes, palette: Paletted) -> Encoded:
    return Encoded(data, palette.image, True, colours=len(palette.colours), worst=palette.worst)


def _webp(drawn: Drawn, settings: Settings) -> Attempts:
    flat = drawn.palette
    if settings.lossless == "yes":
        yield lambda: Encoded(raster.encode_webp_lossless(drawn.image, settings.xmp), drawn.image, True)
        return
    if settings.lossless == "auto" and flat is not None:
        yield lambda: _smaller_webp(drawn, flat, settings)
    for quality in _qualities(settings.webp_quality):
        yield partial(_lossy_webp, drawn.image, quality, settings.xmp)


def _lossy_webp(image: Image.Image, quality: int, xmp: bytes) -> Encoded:
    return Encoded(raster.encode_webp(image, quality, xmp), image, False, quality)


def _smaller_webp(drawn: Drawn, palette: Paletted, settings: Settings) -> Encoded:
    exact = _with_palette(raster.encode_webp_lossless(palette.image, settings.xmp), palette)
    if len(exact.data) * 8 <= _SMALL_BITS * drawn.image.width * drawn.image.height:
        return exact
    lossy = _lossy_webp(drawn.image, settings.webp_quality, settings.xmp)
    return lossy if len(lossy.data) < _WORTH * len(exact.data) else exact


def _avif(drawn: Drawn, settings: Settings) -> Attempts:
    for quality in [100] if settings.lossless == "yes" else _qualities(settings.avif_quality):
        yield partial(_as_avif, drawn.image, quality, settings.xmp)


def _as_avif(image: Image.Image, quality: int, xmp: bytes) -> Encoded:
    return Encoded(raster.encode_avif(image, quality, xmp), image, False, quality)


def _jpeg(drawn: Drawn, settings: Settings) -> Attempts:
    for quality in [95] if settings.lossless == "yes" else _qualities(settings.jpeg_quality):
        yield partial(_as_jpeg, drawn, quality, settings)


def _as_jpeg(drawn: Drawn, quality: int, settings: Settings) -> Encoded:
    flat, ground = drawn.palette is not None, settings.background
    data = raster.encode_jpeg(drawn.image, quality, ground, flat=flat, xmp=settings.xmp)
    return Encoded(data, raster.flattened(drawn.image, ground), False, quality)


_ATTEMPTS: dict[str, Callable[[Drawn, Settings], Attempts]] = {"png": _png, "webp": _webp, "avif": _avif, "jpeg": _jpeg}
