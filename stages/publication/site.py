"""A site's icons from one base: favicon, Apple's and Android's, its web app manifest, and the HTML that names them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.stage import Asset
from imajin_cli.stages.publication.entry import background_of, scene_of, theme_of
from imajin_cli.stages.publication.made import Made
from imajin_cli.stages.publication.render import Renderer
from imajin_cli.stages.publication.snippet import url_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.crop import Box

FAVICON, APPLE, MASKABLE, WEBMANIFEST = "favicon", "apple-touch-icon", "icon-maskable", "site"
# Side in pixels of the icon for a home screen of iOS (Apple, "Configuring Web Applications": 180 for the densest screens).
APPLE_SIDE = 180
# Sides of Android's icons, the largest first (web.dev, "Add a web app manifest": 192 and 512).
ANDROID_SIDES = (512, 192)
MASKABLE_SIDE = 512
# "The safe zone is a circle with a centre point in the middle of the icon and with a radius of 2/5 of its size" (W3C, Web
# Application Manifest, "Icon masks and safe zone").
SAFE_RADIUS = 0.4
# What of its side Apple's icon leaves free all round, so that rounded corners cut nothing.
_APPLE_AIR = 0.1
# What smoothing at a small size may add to an outline, as a part of the safe circle's radius.
_SLACK = 0.02
_SEEN = 24
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_PROBE = 256


def ground_of(asset: Asset) -> str:
    """The colour "#rrggbb" of opaque icons' ground: the scene's own, its tint, or its theme's."""
    scene = scene_of(asset)
    palette = scene.get("palette")
    if scene.get("background"):
        return "#{:02x}{:02x}{:02x}".format(*background_of(asset))
    tint = palette.get("tint") if isinstance(palette, Mapping) else None
    if isinstance(tint, str) and _HEX.fullmatch(tint):
        return tint.lower()
    return "#121216" if theme_of(asset) == "dark" else "#ffffff"


def apple_icon(renderer: Renderer, ground: str) -> Image:
    """The picture on an opaque ``ground``, with room for rounded corners: iOS shows see-through pixels black."""
    width, height = renderer.picture.size
    side = max(width, height) / (1 - 2 * _APPLE_AIR)
    return _on_ground(renderer, _square((width / 2, height / 2), side), APPLE_SIDE, ground)


def maskable_icon(renderer: Renderer, ground: str) -> Image:
    """The picture on an opaque ``ground``, all of its subject inside the circle that every mask leaves."""
    middle, radius = _reach(renderer)
    side = radius * (1 + _SLACK) / SAFE_RADIUS
    return _on_ground(renderer, _square(middle, side), MASKABLE_SIDE, ground)


def _reach(renderer: Renderer) -> tuple[tuple[float, float], float]:
    """The middle of what must be seen, and how far it reaches from there, in pixels of the picture."""
    import numpy as np

    size = renderer.picture.size
    scale = min(1.0, _PROBE / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    seen = np.asarray(_content(renderer, small)) >= _SEEN
    ys, xs = np.nonzero(seen)
    if not len(xs):
        return (size[0] / 2, size[1] / 2), math.hypot(*size) / 2
    middle = (xs.min() + xs.max() + 1) / 2, (ys.min() + ys.max() + 1) / 2
    reach = float(np.hypot(np.abs(xs + 0.5 - middle[0]) + 0.5, np.abs(ys + 0.5 - middle[1]) + 0.5).max())
    across, down = size[0] / small[0], size[1] / small[1]
    return (float(middle[0]) * across, float(middle[1]) * down), reach * max(across, down)


def _content(renderer: Renderer, size: tuple[int, int]) -> Image:
    """What of the picture must be seen, as levels: its subject's layers, else all that is not see-through."""
    from PIL import ImageChops

    vector = renderer.vector
    names = [
        name for name in ("subject", "badge", "companions", "text") if vector is not None and name in vector.layers
    ]
    if "subject" in names:
        masks = list(renderer.masks(size, names).values())
        seen = masks[0]
        for mask in masks[1:]:
            seen = ImageChops.lighter(seen, mask)
        return seen
    return renderer.picture.image.convert("RGBA").getchannel("A").resize(size)


def _square(middle: tuple[float, float], side: float) -> Box:
    left, top = round(middle[0] - side / 2), round(middle[1] - side / 2)
    return left, top, left + max(1, math.ceil(side)), top + max(1, math.ceil(side))


def _on_ground(renderer: Renderer, box: Box, side: int, ground: str) -> Image:
    """The part ``box`` of the picture, which may reach beyond it, over ``ground``."""
    from imajin_cli.stages.imaging.encode.raster import flattened

    levels = int(ground[1:3], 16), int(ground[3:5], 16), int(ground[5:7], 16)
    return flattened(renderer.part(box, (side, side)), levels).convert("RGB")


def webmanifest(asset: Asset, name: str, icons: Sequence[Mapping[str, str]], ground: str) -> bytes:
    """The web app manifest (W3C) of a site called ``name`` with ``icons`` (src, sizes, type, purpose)."""
    told: dict[str, Any] = {
        "name": name,
        "short_name": name[:12].rstrip(),
        "icons": [dict(icon) for icon in icons],
        "theme_color": theme_colour(asset),
        "background_color": ground,
        "display": "standalone",
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def theme_colour(asset: Asset) -> str:
    """The colour that browsers give to what is around a page: the scene's main one, else the icons' ground."""
    palette = scene_of(asset).get("palette")
    main = palette.get("main") if isinstance(palette, Mapping) else None
    return main.lower() if isinstance(main, str) and _HEX.fullmatch(main) else ground_of(asset)


def head_html(files: Sequence[Made], base: str, colour: str) -> str:
    """The lines of a page's head that name a site's icons, ``files``, in the folder at ``base``.

    An ICO file that states no more than 32 px lets browsers take the SVG that can.
    """
    urls = {(file.format, file.stem): escape(url_of(file.name, base)) for file in files}
    vector = urls.get(("svg", FAVICON))
    lines = [
        f'<link rel="icon" href="{urls["ico", FAVICON]}" sizes="32x32">',
        f'<link rel="icon" href="{vector}" type="image/svg+xml">' if vector is not None else None,
        f'<link rel="apple-touch-icon" href="{urls["png", APPLE]}">',
        f'<link rel="manifest" href="{urls["webmanifest", WEBMANIFEST]}">',
        f'<meta name="theme-color" content="{escape(colour)}">',
    ]
    return "\n".join(line for line in lines if line is not None)
