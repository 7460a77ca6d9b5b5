"""All measurements of one picture, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.stages.imaging.metrics.banding import banding
from imajin_cli.stages.imaging.metrics.blocks import blockiness
from imajin_cli.stages.imaging.metrics.clipping import clipping
from imajin_cli.stages.imaging.metrics.contrast import contrast
from imajin_cli.stages.imaging.metrics.fringe import fringe
from imajin_cli.stages.imaging.metrics.layout import layout, variety
from imajin_cli.stages.imaging.metrics.legible import legibility
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.imaging.metrics.sharpness import sharpness
from imajin_cli.stages.imaging.metrics.weight import png_kb, webp_kb

if TYPE_CHECKING:
    from PIL.Image import Image

Values = Mapping[str, float]


def _layout(planes: Planes) -> Values:
    found = layout(planes)
    return {
        "content": found.content,
        "padding": found.padding,
        "box_offset": found.box_offset,
        "weight_offset": found.weight_offset,
    }


def _fringe(planes: Planes) -> Values:
    found = fringe(planes)
    return {"fringe": found.pop("any"), **{f"fringe_{ground}": value for ground, value in found.items()}}


def _legible(side: int) -> Callable[[Planes], Values]:
    def measure(planes: Planes) -> Values:
        found = legibility(planes, side)
        name = f"legible_{side}"
        return {name: max(found.values()), **{f"{name}_{ground}": value for ground, value in found.items()}}

    return measure


def _contrast(planes: Planes) -> Values:
    found = contrast(planes)
    return {"contrast": max(found.values()), **{f"contrast_{ground}": value for ground, value in found.items()}}


# What each measurement gives, in the order in which the record lists it.
MEASURES: dict[str, Callable[[Planes], Values]] = {
    "layout": _layout,
    "variety": lambda planes: {"variety": variety(planes)},
    "sharpness": lambda planes: {"sharpness": sharpness(planes)},
    "banding": lambda planes: {"banding": banding(planes)},
    "clipping": lambda planes: {"clipping": clipping(planes)},
    "blockiness": lambda planes: {"blockiness": blockiness(planes)},
    "fringe": _fringe,
    "contrast": _contrast,
    "legible_16": _legible(16),
    "legible_32": _legible(32),
    "side": lambda planes: {"side": float(min(planes.size))},
    "webp_kb": lambda planes: {"webp_kb": webp_kb(planes)},
    "png_kb": lambda planes: {"png_kb": png_kb(planes)},
}
# Encoding a PNG costs as much as all the rest: only when it is asked for.
ON_REQUEST = frozenset({"png_kb"})


def measurements(image: Image, also: frozenset[str] = frozenset()) -> dict[str, float]:
    """Every value of ``image`` (Pillow L, LA, RGB or RGBA), unchecked; those of ``ON_REQUEST`` only if named in ``also``.

    Raises NoVerdictError, which names the measurement, where one fails.
    """
    planes = Planes(image)
    return dict(item for name in MEASURES if name not in ON_REQUEST or name in also for item in _one(name, planes))


def _one(name: str, planes: Planes) -> Iterator[tuple[str, float]]:
    try:
        found = MEASURES[name](planes)
    except Exception as error:
        raise NoVerdictError(f"quality could not measure {name}: {error or type(error).__name__}") from error
    yield from found.items()
