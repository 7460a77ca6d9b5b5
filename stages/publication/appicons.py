"""The files of a site's icons, each drawn, encoded and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imajin_cli.contract.stage import Asset
from imajin_cli.stages.publication import site
from imajin_cli.stages.publication.entry import theme_of
from imajin_cli.stages.publication.icon import Icon, make_icon
from imajin_cli.stages.publication.made import Made
from imajin_cli.stages.publication.plan import ICONS
from imajin_cli.stages.publication.render import Renderer
from imajin_cli.stages.publication.snippet import MIME, url_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.encode.formats import Settings
    from imajin_cli.stages.output import OutputParams


def app_icons(
    asset: Asset,
    renderer: Renderer,
    settings: Settings,
    sides: Sequence[int],
    svg: Made | None,
    marked: Callable[[Image], Image],
) -> tuple[list[Made], Icon]:
    """Every icon of a site, Android's largest first, and the ICO file with what was measured of it.

    ``svg`` is the picture as an SVG file, where it is a vector; ``marked`` puts the invisible mark into a picture.
    Raises BackendError for a file that does not read back.
    """
    ground = site.ground_of(asset)
    drawn = {f"icon-{side}": renderer.icon(side) for side in site.ANDROID_SIDES}
    drawn[f"{site.MASKABLE}-{site.MASKABLE_SIDE}"] = site.maskable_icon(renderer, ground)
    drawn[site.APPLE] = site.apple_icon(renderer, ground)
    made = [_png(marked(image), stem, settings) for stem, image in drawn.items()]
    if svg is not None:
        made.append(replace(svg, mark="", stem=site.FAVICON, role="app-icon", family=ICONS))
    icon = make_icon(renderer, sides, theme_of(asset))
    side = max(sides)
    ico = Made("", "ico", icon.data, (side, side), (side, side), role="icon", stem=site.FAVICON, family=ICONS)
    return [*made, ico], icon


def app_manifest(asset: Asset, params: OutputParams, icons: Sequence[Made]) -> Made:
    """The web app manifest that names ``icons``, which have their names."""
    wanted = {f"icon-{side}": "any" for side in site.ANDROID_SIDES}
    wanted[f"{site.MASKABLE}-{site.MASKABLE_SIDE}"] = "maskable"
    listed = [
        {
            "src": url_of(file.name, params.base_url),
            "sizes": "{}x{}".format(*file.pixels),
            "type": MIME[file.format],
            "purpose": wanted[file.stem],
        }
        for file in icons
        if file.stem in wanted
    ]
    data = site.webmanifest(asset, params.site_name or asset.name, listed, site.ground_of(asset))
    return Made("", "webmanifest", data, (0, 0), (0, 0), role="webmanifest", stem=site.WEBMANIFEST, family=ICONS)


def _png(image: Image, stem: str, settings: Settings) -> Made:
    from imajin_cli.stages.imaging.encode.formats import Drawn
    from imajin_cli.stages.publication.encoded import encoded

    data, remarks = encoded(Drawn(image, settings), "png", settings)
    return Made("", "png", data, image.size, image.size, role="app-icon", stem=stem, remarks=remarks, family=ICONS)
