"""The publication of one asset: its files, and what the manifest says of it as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.stage import Asset, Outcome, Publication
from imajin_cli.stages.publication.entry import alt_of, background_of, credits_of, lang_of, scene_of, theme_of
from imajin_cli.stages.publication.files import stem_of
from imajin_cli.stages.publication.made import Made
from imajin_cli.stages.publication.motion import ROLE as MOTION
from imajin_cli.stages.publication.names import safe_name
from imajin_cli.stages.publication.plan import ICONS
from imajin_cli.stages.publication.site import head_html, theme_colour
from imajin_cli.stages.publication.snippet import (
    ORDER,
    Shown,
    icon_html,
    picture_html,
    scheme_sources,
    share_html,
    srcsets,
    url_of,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.output import OutputParams

SHARED = "og"
"""The family whose picture stands for a shared link."""


def published(
    asset: Asset, params: OutputParams, files: Sequence[Made], gates: Sequence[dict[str, Any]], outcome: Outcome
) -> Publication:
    """``files`` (the primary one first) with the asset's manifest entry. InputError where there is no picture."""
    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet")
    from imajin_cli.stages.imaging.thumbhash import thumbhash

    small = _small(asset)
    alt, lang = alt_of(asset, params.alt), lang_of(asset, params.alt)
    shown = _shown(files, None, params.base_url)
    families = {
        file.family: _shown(files, file.family, params.base_url) for file in files if file.family not in (None, ICONS)
    }
    vector = next(
        (url_of(file.name, params.base_url) for file in files if file.format == "svg" and file.role == "asset"), None
    )
    group, request = asset.sidecar.group, asset.sidecar.request
    entry: dict[str, Any] = {
        "name": safe_name(stem_of(asset, params.name), ""),
        "alt": alt,
        **({"lang": lang} if lang is not None else {}),
        "width": files[0].size[0],
        "height": files[0].size[1],
        "ratio": group.ratio if group is not None else _ratio(asset.picture.size),
        "theme": theme_of(asset),
        "placeholder": _placeholder(asset, small),
        "thumbhash": thumbhash(small),
        "srcset": srcsets(shown),
        "credits": credits_of(asset.sidecar),
        "require": list(gates),
    }
    if params.prompt and request is not None:
        entry["prompt"] = request.prompt
    if params.snippet:
        first = next((mine for mine in families.values() if mine), [])
        entry["html"] = picture_html(shown or first if vector is None else shown, alt, vector, lang)
        icon = next((file.name for file in files if file.format == "ico" and file.stem is None), None)
        if icon is not None:
            entry["icon_html"] = icon_html(url_of(icon, params.base_url), sorted(params.ico_sizes))
        moving = [file for file in files if file.role == MOTION]
        if moving:
            entry["motion_html"] = moving_html(moving, files, alt, lang, params.base_url)
        if group is not None and group.themes > 1:
            entry["pair"] = {
                "id": f"{group.id}-{group.index}-{group.ratio}",
                "theme": group.theme,
                "sources": scheme_sources(shown or first, str(group.theme)),
            }
        site = [file for file in files if file.family == ICONS]
        if site:
            entry["icon_html"] = head_html(site, params.base_url, theme_colour(asset))
    if families:
        entry["families"] = {name: _family(mine, alt, lang, name, params.snippet) for name, mine in families.items()}
    return Publication([file.published() for file in files], entry, outcome)


def _shown(files: Sequence[Made], family: str | None, base: str) -> list[Shown]:
    """The rasters to be shown of one family, or of none."""
    mine = [file for file in files if file.role == "asset" and file.format in ORDER and file.family == family]
    return [Shown(file.name, file.format, file.size, file.scale, file.pixels[0], base) for file in mine]


def _family(files: Sequence[Shown], alt: str, lang: str | None, name: str, snippet: bool) -> dict[str, Any]:
    """What the manifest says of one family: its sources, and HTML that shows it."""
    said: dict[str, Any] = {"srcset": srcsets(files)}
    if snippet:
        said["html"] = picture_html(files, alt, None, lang)
        # Those who fetch the picture of a shared link read PNG and JPEG all, newer formats not all.
        share = [file for file in files if file.format in ("png", "jpeg")]
        if name == SHARED and share:
            said["head_html"] = share_html(max(share, key=lambda file: (file.scale == 1, file.format == "png")), alt)
    return said


def moving_html(moving: Sequence[Made], files: Sequence[Made], alt: str, lang: str | None, base: str) -> str:
    """HTML that shows a moving picture, and a still one to those who want no motion: an SVG sees to that by itself."""
    vector = next((file for file in moving if file.format == "svg"), None)
    if vector is not None:
        return picture_html([], alt, url_of(vector.name, base), lang)
    still = next((file for file in files if file.role == "asset"), None)
    shown = [Shown(file.name, file.format, file.size, file.scale, file.pixels[0], base) for file in moving]
    return picture_html(shown, alt, None, lang, still=url_of(still.name, base) if still is not None else None)


def _small(asset: Asset) -> Image:
    """The picture at a few dozen pixels, RGBA: what its likenesses are made of."""
    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet")
    image = asset.picture.image
    step = max(1, min(image.size) // 32)
    # Premultiplied while it is averaged: what transparent pixels hide has no say.
    return image.convert("RGBA").convert("RGBa").reduce(step).convert("RGBA")


def _placeholder(asset: Asset, small: Image) -> str:
    """The picture's average colour over its background, "#rrggbb": what may stand in its place while it loads."""
    from PIL import Image

    from imajin_cli.stages.imaging.encode.raster import flattened

    ground = background_of(asset) if scene_of(asset).get("background") else _theme_ground(theme_of(asset))
    one = flattened(small, ground).convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = one.tobytes()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _theme_ground(theme: str | None) -> tuple[int, int, int]:
    return (18, 18, 22) if theme == "dark" else (255, 255, 255)


def _ratio(size: tuple[int, int]) -> str:
    from math import gcd

    common = gcd(*size)
    return f"{size[0] // common}:{size[1] // common}"
