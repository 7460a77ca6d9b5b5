"""Open and decode one raster file with exactly one decoder, inside its bounds."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from PIL.ImageFile import ImageFile

from imajin_cli.contract.errors import ImajinError, InputError
from imajin_cli.stages.imaging.frames import claimed_sizes, gif_frames, tiff_frames
from imajin_cli.stages.imaging.limits import Limits

T = TypeVar("T")

# One class a format: Image.open would ask the other decoders too, and hand some files on (a JPEG to MPO).
_DECODERS = {
    "PNG": "PIL.PngImagePlugin:PngImageFile",
    "JPEG": "PIL.JpegImagePlugin:JpegImageFile",
    "WEBP": "PIL.WebPImagePlugin:WebPImageFile",
    "GIF": "PIL.GifImagePlugin:GifImageFile",
    "AVIF": "PIL.AvifImagePlugin:AvifImageFile",
    "BMP": "PIL.BmpImagePlugin:BmpImageFile",
    "TIFF": "PIL.TiffImagePlugin:TiffImageFile",
    "ICO": "PIL.IcoImagePlugin:IcoImageFile",
}
# A progressive JPEG may repeat scans without end; real ones have about ten.
_MAX_SCANS = 500
# What a damaged file makes the decoders say on standard error is either an exception as well or of no consequence.
warnings.filterwarnings("ignore", module=r"PIL\.(TiffImagePlugin|PngImagePlugin|IcoImagePlugin|JpegImagePlugin|Image)$")


def guarded(kind: str, work: Callable[[], T]) -> T:
    """``work()``, whose every failure means that the file is bad: decoders meet hostile bytes with any exception at all."""
    try:
        return work()
    except ImajinError:
        raise
    except Exception as error:
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"the {kind} picture is damaged or truncated: {detail}") from error


@dataclass(frozen=True)
class Raster:
    """A decoded file: its ``image``, how many ``frames`` it has, and the EXIF orientation that its decoder undid."""

    image: ImageFile
    frames: int
    undone: int = 1


def open_raster(data: bytes, kind: str, limits: Limits) -> Raster:
    """The file opened and its first frame's pixels decoded. Raises InputError when it is bad or too large."""
    image = peek_raster(data, kind, limits)
    # Pillow turns a TIFF as it loads it, and forgets the tag.
    undone = guarded(kind, lambda: getattr(image, "tag_v2", {}).get(0x0112, 1))
    frames = _frames(image, data, kind, limits)
    limits.check_frames(frames)
    _check_whole(data, kind)
    guarded(kind, image.load)
    limits.check_size(*image.size)
    return Raster(image, frames, undone if isinstance(undone, int) and 1 <= undone <= 8 else 1)


def peek_raster(data: bytes, kind: str, limits: Limits) -> ImageFile:
    """The file opened: its headers are read and its size is within bounds, its pixels are still undecoded."""
    for size in claimed_sizes(data, kind):
        limits.check_size(*size)
    module, name = _DECODERS[kind].split(":")
    decoder: Any = getattr(importlib.import_module(module), name)
    image: ImageFile = guarded(kind, lambda: decoder(BytesIO(data)))
    limits.check_size(*image.size)
    return image


def _frames(image: ImageFile, data: bytes, kind: str, limits: Limits) -> int:
    if kind == "GIF":
        return gif_frames(data, limits.max_frames)[0]
    if kind == "TIFF":
        return tiff_frames(data, limits.max_frames)
    return int(getattr(image, "n_frames", 1))


def _check_whole(data: bytes, kind: str) -> None:
    """Raise InputError for a file that ends early in a way which its decoder would overlook."""
    if kind == "PNG" and data.rfind(b"IEND\xaeB`\x82") < 0:
        raise InputError("the PNG picture is truncated: it has no end mark")
    if kind == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise InputError("the WEBP picture is truncated: it is shorter than it says")
    if kind == "JPEG" and data.count(b"\xff\xda") > _MAX_SCANS:
        raise InputError(f"the JPEG picture has more than {_MAX_SCANS} scans")
