"""How much a picture may ask for before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from imajin_cli.contract.errors import InputError

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on one picture: pixels of one frame, bytes of the file, frames (or pages) in the file.

    ``svg_side`` is the longest side, in pixels, at which an SVG is drawn; None draws it at the size that it states.
    """

    max_pixels: int = 64_000_000
    max_bytes: int = 64 * MIB
    max_frames: int = 1000
    svg_side: int | None = None

    def check_bytes(self, data: bytes) -> None:
        """Raise InputError when ``data`` is empty or larger than a file may be."""
        if not data:
            raise InputError("the picture is empty (0 bytes)")
        if len(data) > self.max_bytes:
            raise InputError(f"the picture has {len(data)} bytes, more than the limit of {self.max_bytes}")

    def check_size(self, width: float, height: float) -> None:
        """Raise InputError when ``width`` × ``height`` pixels are none at all or more than a picture may have."""
        if not (width >= 1 and height >= 1):
            raise InputError(f"the picture claims a size of {width:g}x{height:g} pixels")
        if width * height > self.max_pixels:
            raise InputError(
                f"the picture claims {width:.12g}x{height:.12g} pixels, more than the limit of {self.max_pixels} pixels"
            )

    def check_frames(self, count: int) -> None:
        """Raise InputError when a file has more frames than it may."""
        if count > self.max_frames:
            raise InputError(f"the picture has more than {self.max_frames} frames")
