"""ICO: several square pictures in one file, each as a PNG of its own."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from PIL import Image

from imajin_cli.stages.imaging.encode.raster import encode_png, tidy

_HEADER = struct.Struct("<HHH")
_ENTRY = struct.Struct("<BBBBHHII")
MAX_SIDE = 256


def encode_ico(images: Sequence[Image.Image]) -> bytes:
    """``images`` (square RGBA, 1..256 pixels a side) as one icon file, in this order. Raises ValueError."""
    bodies = []
    for image in images:
        if image.width != image.height or not 1 <= image.width <= MAX_SIDE:
            raise ValueError(
                f"an icon is square and at most {MAX_SIDE} pixels a side, not {image.width}x{image.height}"
            )
        # Readers of icons take a PNG for 32-bit RGBA whatever it says: Pillow loses an indexed one's transparency.
        bodies.append(encode_png(tidy(image).convert("RGBA"), full=True))
    offset = _HEADER.size + _ENTRY.size * len(images)
    entries = []
    for image, body in zip(images, bodies, strict=True):
        side = image.width % MAX_SIDE  # 0 stands for 256
        entries.append(_ENTRY.pack(side, side, 0, 0, 1, 32, len(body), offset))
        offset += len(body)
    return _HEADER.pack(0, 1, len(images)) + b"".join(entries) + b"".join(bodies)


def icon_sizes(data: bytes) -> list[int]:
    """The sides, in pixels, of the pictures in an icon file, in its order. Raises ValueError where it is none."""
    if len(data) < _HEADER.size:
        raise ValueError("no icon file")
    reserved, kind, count = _HEADER.unpack_from(data)
    if (reserved, kind) != (0, 1) or len(data) < _HEADER.size + count * _ENTRY.size:
        raise ValueError("no icon file")
    return [_ENTRY.unpack_from(data, _HEADER.size + i * _ENTRY.size)[0] or MAX_SIDE for i in range(count)]


def icon_frames(data: bytes) -> list[bytes]:
    """The PNG files within an icon file of ours, in its order. Raises ValueError where it is none."""
    count = len(icon_sizes(data))
    spans = [_ENTRY.unpack_from(data, _HEADER.size + i * _ENTRY.size)[6:8] for i in range(count)]
    return [data[offset : offset + length] for length, offset in spans]
