"""The bytes that a picture takes when it is published."""

from __future__ import annotations

import io

from imajin_cli.stages.imaging.metrics.planes import Planes


def webp_kb(planes: Planes) -> float:
    """Size in kB (1000 bytes) as a WebP of quality 80, encoded at the fastest setting: an upper estimate of a careful one."""
    return _encoded(planes, "WEBP", quality=80, method=0)


def png_kb(planes: Planes) -> float:
    """Size in kB (1000 bytes) as a PNG in full colour: an upper estimate where a palette will do."""
    return _encoded(planes, "PNG", compress_level=6)


def _encoded(planes: Planes, kind: str, **options: int) -> float:
    buffer = io.BytesIO()
    planes.image.save(buffer, kind, **options)
    return len(buffer.getvalue()) / 1000
