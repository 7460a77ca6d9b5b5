"""Every encoded file read back and held against what went in: an encoder's word is not enough."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imajin_cli.contract.errors import BackendError

PILLOW_NAME: Final = {"png": "PNG", "webp": "WEBP", "avif": "AVIF", "jpeg": "JPEG"}
# Mean difference, 0..1, of two pictures of 32 pixels a side. The lowest qualities that a budget leads to
# stay under 0.02.
_MAX_MEAN = 0.05
_SIDE = 32


def decoded(data: bytes, kind: str) -> Image.Image:
    """The picture in an encoded file of ``kind`` (png, webp, avif, jpeg). Raises BackendError."""
    name = PILLOW_NAME[kind]
    try:
        image = Image.open(io.BytesIO(data), formats=[name])
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BackendError(f"the {name} file that was encoded cannot be read back: {str(error)[:120]}") from error
    return image


def check_raster(data: bytes, kind: str, source: Image.Image, *, exact: bool) -> None:
    """Hold a file of ``kind`` against the picture that it encodes.

    Raises BackendError where size or transparency differ, where a pixel differs (``exact``), or where it
    looks otherwise.
    """
    image = decoded(data, kind)
    if image.size != source.size:
        raise BackendError(
            f"the {kind} file has {image.width}x{image.height} pixels, not {source.width}x{source.height}"
        )
    if source.has_transparency_data and not image.has_transparency_data:
        raise BackendError(f"the {kind} file lost its transparency")
    if exact:
        if image.convert("RGBA").tobytes() != source.convert("RGBA").tobytes():
            raise BackendError(f"the {kind} file does not hold the pixels that went in")
    elif difference(image, source) > _MAX_MEAN:
        raise BackendError(f"the {kind} file looks unlike the picture that went in")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference, 0..1, of two pictures drawn 32 × 32 pixels, over black and over white (the larger)."""
    return differences(one, other)[0]


def differences(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """Mean and worst difference, 0..1, of two pictures' cells, 32 × 32 of them, over black or white (the larger)."""
    small = [_small(image) for image in (one, other)]
    mean = worst = 0.0
    for ground in (0.0, 1.0):
        first, second = (rgb * alpha + ground * (1 - alpha) for rgb, alpha in small)
        off = np.abs(first - second)
        mean, worst = max(mean, float(off.mean())), max(worst, float(off.max()))
    return mean, worst


def _small(image: Image.Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rgba = image.convert("RGBA")
    # Premultiplied (mode RGBa), or the colours that transparent pixels hide would count.
    small = rgba.convert("RGBa").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0).convert("RGBA")
    pixels = (np.asarray(small) / np.float32(255)).astype(np.float32)
    return pixels[:, :, :3], pixels[:, :, 3:]
