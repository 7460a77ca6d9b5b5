"""Room that a scene keeps for text: until the text is set it is not empty, it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imajin_cli.contract.sidecar import Sidecar

Box = tuple[int, int, int, int]
# What is left beside the room must be at least this share of the picture.
_LEAST = 0.1


def beside_text(scene: Mapping[str, Any], size: tuple[int, int], sidecar: Sidecar) -> Box | None:
    """(left, top, right, bottom) in pixels of a picture of ``size``: the largest part beside the room kept for text.

    None where the scene keeps none, says nothing that can be used, or the text has been set.
    """
    if any(record.stage == "text" and record.status == "changed" for record in sidecar.stages):
        return None
    try:
        x, y, w, h = (float(v) for v in scene["boxes"]["text"])
        width, height = (float(v) for v in scene["size"])
        left, top, right, bottom = (x / width, y / height, (x + w) / width, (y + h) / height)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        return None
    parts = [(0.0, 0.0, 1.0, top), (0.0, bottom, 1.0, 1.0), (0.0, 0.0, left, 1.0), (right, 0.0, 1.0, 1.0)]
    best = max(parts, key=lambda part: (part[2] - part[0]) * (part[3] - part[1]))
    if (best[2] - best[0]) * (best[3] - best[1]) < _LEAST:
        return None
    return (round(best[0] * size[0]), round(best[1] * size[1]), round(best[2] * size[0]), round(best[3] * size[1]))
