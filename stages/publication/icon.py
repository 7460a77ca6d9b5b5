"""An ICO file, and whether its small pictures can still be seen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.publication.render import Renderer

# Up to this side an icon stands in a tab or a list, where it is the smallest thing on the screen.
_SMALL = 32


@dataclass(frozen=True)
class Icon:
    """An ICO file; the least ``contrast`` ratio of its small pictures with their ground, and that one's side."""

    data: bytes
    contrast: float
    smallest: int


def make_icon(renderer: Renderer, sides: Sequence[int], theme: str | None) -> Icon:
    """The renderer's picture as an icon of ``sides`` pixels, each drawn at its own size, and read back.

    Contrast is measured on the ground that ``theme`` is for; on light or dark, whichever suits it, where there is
    none.
    Raises BackendError where a picture does not read back as it was drawn.
    """
    from PIL import Image

    from imajin_cli.stages.imaging.encode.ico import encode_ico, icon_frames, icon_sizes
    from imajin_cli.stages.imaging.encode.raster import tidy
    from imajin_cli.stages.imaging.metrics.contrast import contrast
    from imajin_cli.stages.imaging.metrics.planes import Planes

    ordered = sorted(set(sides))
    images = [renderer.icon(side) for side in ordered]
    data = encode_ico(images)
    if icon_sizes(data) != ordered:
        raise BackendError(f"the ICO file holds {icon_sizes(data)} instead of {ordered}")
    found: list[tuple[float, int]] = []
    for side, image, body in zip(ordered, images, icon_frames(data), strict=True):
        frame = Image.open(io.BytesIO(body), formats=["PNG"]).convert("RGBA")
        if frame.tobytes() != tidy(image).convert("RGBA").tobytes():
            raise BackendError(f"the ICO file's picture of {side} px is not what was drawn")
        if side <= _SMALL or side == ordered[0]:
            ratios = contrast(Planes(frame))
            ground = "dark" if theme == "dark" else "light"
            found.append((ratios[ground] if theme else max(ratios.values()), side))
    least, smallest = min(found)
    return Icon(data, least, smallest)
