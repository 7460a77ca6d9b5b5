"""The publication of one asset: its files, and what the manifest says of it as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.stage import Asset, Outcome, Publication
from imajin_cli.stages.publication.entry import alt_of, background_of, credits_of, scene_of, theme_of
from imajin_cli.stages.publication.files import Made, stem_of
from imajin_cli.stages.publication.names import safe_name
from imajin_cli.stages.publication.snippet import ORDER, Shown, icon_html, picture_html, srcsets

if TYPE_CHECKING:
    from imajin_cli.stages.output import OutputParams


def published(
    asset: Asset, params: OutputParams, files: Sequence[Made], gates: Sequence[dict[str, Any]], outcome: Outcome
) -> Publication:
    """``files`` (the primary one first) with the asset's manifest entry. InputError where there is no picture."""
    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet")
    alt = alt_of(asset, params.alt)
    shown = [
        Shown(f.name, f.format, f.size, f.scale, f.pixels[0]) for f in files if f.role == "asset" and f.format in ORDER
    ]
    vector = next((file.name for file in files if file.format == "svg"), None)
    group, request = asset.sidecar.group, asset.sidecar.request
    entry: dict[str, Any] = {
        "name": safe_name(stem_of(asset, params.name), ""),
        "alt": alt,
        "width": files[0].size[0],
        "height": files[0].size[1],
        "ratio": group.ratio if group is not None else _ratio(asset.picture.size),
        "theme": theme_of(asset),
        "placeholder": placeholder(asset),
        "srcset": srcsets(shown),
        "credits": credits_of(asset.sidecar),
        "require": list(gates),
    }
    if params.prompt and request is not None:
        entry["prompt"] = request.prompt
    if params.snippet:
        entry["html"] = picture_html(shown, alt, vector)
        icon = next((file.name for file in files if file.format == "ico"), None)
        if icon is not None:
            entry["icon_html"] = icon_html(icon, sorted(params.ico_sizes))
    return Publication([file.published() for file in files], entry, outcome)


def placeholder(asset: Asset) -> str:
    """The picture's average colour over its background, "#rrggbb": what may stand in its place while it loads."""
    from PIL import Image

    from imajin_cli.stages.imaging.encode.raster import flattened

    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet")
    image = asset.picture.image
    step = max(1, min(image.size) // 32)
    ground = background_of(asset) if scene_of(asset).get("background") else _theme_ground(theme_of(asset))
    # Premultiplied while it is averaged: what transparent pixels hide has no say.
    small = image.convert("RGBA").convert("RGBa").reduce(step).convert("RGBA")
    one = flattened(small, ground).convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = one.tobytes()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _theme_ground(theme: str | None) -> tuple[int, int, int]:
    return (18, 18, 22) if theme == "dark" else (255, 255, 255)


def _ratio(size: tuple[int, int]) -> str:
    from math import gcd

    common = gcd(*size)
    return f"{size[0] // common}:{size[1] // common}"
