"""One raster as PNG, WebP, AVIF or JPEG bytes: no metadata, the same bytes for the same pixels and library version."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imajin_cli.stages.imaging.encode.denser import denser
from imajin_cli.stages.imaging.encode.palette import Paletted

# A PNG is deflated once more, and well (denser.py); its rows are filtered alike at every level.
_FAST = 1
# Measured at 1024 px: method 6 takes up to sixty times as long as 4 for 1 % fewer bytes (libwebp 1.6).
_WEBP_METHOD = 4
# Effort of a lossless WebP, 0..100: 75 costs as much as 50 for flat art.
_WEBP_EFFORT = 75
# Speed 8 takes a quarter of the time for a sixth more bytes, which others do not spend (libaom in Pillow 12.3;
# benchmarks/ENCODERS.md).
_AVIF_SPEED = 6


def tidy(image: Image.Image) -> Image.Image:
    """``image`` (L, LA, RGB, RGBA) with as few channels as its pixels need, and black wherever it is transparent.

    No visible pixel changes: what a transparent pixel hides only costs bytes and may be what somebody cut away.
    """
    if image.mode not in ("LA", "RGBA"):
        return image
    alpha = image.getchannel("A")
    counts = alpha.histogram()
    low = next(level for level, count in enumerate(counts) if count)
    high = next(level for level in range(255, -1, -1) if counts[level])
    if low == 255:
        return image.convert(image.mode[:-1])
    if low > 0:
        return image
    nothing = Image.new(image.mode, image.size)
    if high == 0:
        return nothing
    return Image.composite(image, nothing, alpha.point([0] + [255] * 255))


def encode_png(image: Image.Image, palette: Paletted | None = None, *, full: bool = False, xmp: bytes = b"") -> bytes:
    """PNG with an sRGB chunk; indexed where a ``palette`` is given, which then stands for ``image``.

    ``full`` keeps the image's channels even where fewer would do. ``xmp`` is an XMP packet to write into the file.
    """
    info = PngInfo()
    info.add(b"sRGB", b"\x00")  # PNG, section 11.3.2.5: perceptual intent
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    if palette is None:
        return denser(_save(image if full else _grey_if_grey(image), "PNG", compress_level=_FAST, pnginfo=info))
    settings: dict[str, Any] = {"transparency": palette.transparency} if palette.transparency else {}
    return denser(_save(palette.indexed, "PNG", compress_level=_FAST, pnginfo=info, **settings))


def encode_webp(image: Image.Image, quality: int, xmp: bytes = b"") -> bytes:
    """Lossy WebP at ``quality`` 0..100; alpha stays exact."""
    return _save(_coloured(image), "WEBP", quality=quality, alpha_quality=100, method=_WEBP_METHOD, **_packet(xmp))


def encode_webp_lossless(image: Image.Image, xmp: bytes = b"") -> bytes:
    """Lossless WebP, what transparent pixels hold included."""
    settings = {"lossless": True, "exact": True, "quality": _WEBP_EFFORT, "method": _WEBP_METHOD}
    return _save(_coloured(image), "WEBP", **settings, **_packet(xmp))


def encode_avif(image: Image.Image, quality: int, xmp: bytes = b"") -> bytes:
    """AVIF at ``quality`` 0..100, full chroma resolution: flat colours bleed at their edges without it."""
    # More threads split the picture otherwise and give other bytes.
    settings = {"quality": quality, "speed": _AVIF_SPEED, "subsampling": "4:4:4", "max_threads": 1}
    return _save(_coloured(image), "AVIF", **settings, **_packet(xmp))


def encode_jpeg(
    image: Image.Image, quality: int, background: tuple[int, int, int], *, flat: bool = False, xmp: bytes = b""
) -> bytes:
    """JPEG at ``quality`` 1..95, full chroma resolution, on the RGB ``background``; progressive if ``flat``."""
    # Pillow gives the optimised coder one buffer of a byte a pixel, which a noisy photograph overruns.
    laid = flattened(image, background)
    settings = {"quality": quality, "optimize": flat, "progressive": flat, "subsampling": "4:4:4"}
    return _save(laid, "JPEG", **settings, **_packet(xmp))


def _packet(xmp: bytes) -> dict[str, bytes]:
    return {"xmp": xmp} if xmp else {}


def flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """``image`` over an opaque RGB ``background``, in mode RGB or L."""
    if image.mode not in ("LA", "RGBA"):
        return image
    ground = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _coloured(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if image.mode == "LA" else "RGB") if image.mode in ("L", "LA") else image


def _grey_if_grey(image: Image.Image) -> Image.Image:
    """The same pixels without colour channels where all three are equal."""
    if image.mode not in ("RGB", "RGBA"):
        return image
    bands = [band.tobytes() for band in image.split()[:3]]
    if bands[0] != bands[1] or bands[0] != bands[2]:
        return image
    grey = image.getchannel(0)
    return grey if image.mode == "RGB" else Image.merge("LA", (grey, image.getchannel("A")))


def _save(image: Image.Image, kind: str, **settings: Any) -> bytes:
    bare = image if not image.info else image.copy()
    bare.info = {}
    buffer = io.BytesIO()
    bare.save(buffer, kind, **settings)
    return buffer.getvalue()
