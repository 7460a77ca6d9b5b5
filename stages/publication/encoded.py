"""One raster file, encoded and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.encode.formats import Drawn, Settings


def encoded(drawn: Drawn, kind: str, settings: Settings) -> tuple[bytes, dict[str, Any]]:
    """The bytes of one file of ``kind`` (png, webp, avif, jpeg), read back, and remarks on them. Raises BackendError."""
    from imajin_cli.stages.imaging.encode.check import check_raster
    from imajin_cli.stages.imaging.encode.formats import encode

    found = encode(drawn, kind, settings)
    check_raster(found.data, kind, found.pixels, exact=found.exact)
    remarks: dict[str, Any] = {"quality": found.quality, "colours": found.colours}
    if found.worst:
        remarks["colour_error"] = round(found.worst, 4)
    return found.data, {name: value for name, value in remarks.items() if value is not None}
