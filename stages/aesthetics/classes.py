"""What kind of asset a picture is: what was asked for says it; of a foreign file, its pixels do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from imajin_cli.contract.sidecar import Sidecar

AssetClass = Literal["icon", "avatar", "spot", "hero", "banner", "pattern", "photo"]
CLASSES: tuple[AssetClass, ...] = get_args(AssetClass)
# Layouts and presets whose assets belong to the class of another name.
_LAYOUTS: dict[str, AssetClass] = {"numerals": "spot", **{name: name for name in CLASSES if name != "photo"}}
_PRESETS: dict[str, AssetClass] = {
    "icon": "icon",
    "avatar": "avatar",
    "hero": "hero",
    "og-image": "hero",
    **dict.fromkeys(("error-404", "error-500", "error-base", "empty-state", "loading", "maintenance"), "spot"),
    **dict.fromkeys(("no-results", "offline", "success"), "spot"),
}
# From this aspect ratio on (either way) an illustration counts as a hero, and as a banner.
WIDE, VERY_WIDE = 1.45, 2.2
# Share of neighbouring pixels that are alike, below which a picture is a photograph: see Planes.flatness.
_PHOTO_FLATNESS, _PHOTO_COLOURS = 0.4, 4.4
# An icon is one thing with few edges on a squarish canvas.
_ICON_EDGES = 0.075


def class_of(sidecar: Sidecar, size: tuple[int, int], numbers: Mapping[str, float]) -> tuple[AssetClass, str]:
    """The asset class, and what it goes by: "layout", "preset" or "pixels".

    ``size`` is (width, height), ``numbers`` are the picture's features.
    """
    for record in reversed(sidecar.stages):
        layout = record.notes.get("layout") if record.stage == "generate" else None
        if isinstance(layout, str) and layout in _LAYOUTS:
            return _LAYOUTS[layout], "layout"
    preset = sidecar.request.preset if sidecar.request is not None else None
    if preset in _PRESETS:
        return _PRESETS[preset], "preset"
    return by_pixels(size, numbers), "pixels"


def by_pixels(size: tuple[int, int], numbers: Mapping[str, float]) -> AssetClass:
    """The class of a picture of which nothing else is known. An avatar or a pattern is told by request alone."""
    if numbers["flatness"] < _PHOTO_FLATNESS and numbers["colours"] > _PHOTO_COLOURS:
        return "photo"
    wide = size[0] / size[1]
    if max(wide, 1 / wide) >= VERY_WIDE:
        return "banner"
    if wide >= WIDE:
        return "hero"
    squarish = max(wide, 1 / wide) < 1.2
    return "icon" if squarish and numbers["edge_share"] < _ICON_EDGES else "spot"
