"""`--family favicon`: a site's icons, their safe zones, the web app manifest and the lines of a page's head."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Cli
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Publication
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.encode.ico import icon_sizes
from imajin_cli.stages.imaging.svglayers import layers_of
from imajin_cli.stages.publication.site import SAFE_RADIUS
from test_output import asset as scene_asset
from test_output import publish

NAMES = {
    "favicon.ico": None, "favicon.svg": None, "apple-touch-icon.png": 180, "icon-192.png": 192, "icon-512.png": 512,
    "icon-maskable-512.png": 512, "site.webmanifest": None,
}  # fmt: skip


def site(what: Asset | None = None, **params: Any) -> Publication:
    return publish(what or scene_asset(), family=["favicon"], **params)


def corner(scene: dict[str, Any] | None = None) -> Asset:
    """A subject in the corner of a wide picture: the worst case for a circle."""
    body = '<g data-layer="subject"><rect x="150" y="10" width="70" height="30" fill="#4338ca"/></g>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="120" viewBox="0 0 240 120">{body}</svg>'
    picture = Picture.of(render(svg, 240, 120), vector=Vector(svg, scene or {}, layers_of(svg)))
    return Asset(Sidecar(id="0" * 16), picture, "corner")


def test_all_icons_are_there_with_the_sizes_that_they_should_have() -> None:
    found = site(format=["png"])
    named = {file.name: file for file in found.files if file.entry.get("family") == "favicon"}
    assert set(named) == set(NAMES)
    for name, side in NAMES.items():
        if side is not None:
            assert Image.open(io.BytesIO(named[name].data)).size == (side, side)
    assert icon_sizes(named["favicon.ico"].data) == [16, 32, 48]
    assert found.files[0].name.endswith(".png")


@pytest.mark.parametrize("scene", [{}, {"background": "#e0e7ff"}, {"palette": {"tint": "#FDE68A"}}, {"theme": "dark"}])
def test_opaque_icons_are_opaque_and_stand_on_the_scenes_own_ground(scene: dict[str, Any]) -> None:
    named = {file.name: file for file in site(corner(scene)).files}
    wanted = {"background": (224, 231, 255), "palette": (253, 230, 138), "theme": (18, 18, 22)}.get(
        next(iter(scene), ""), (255, 255, 255)
    )
    for name in ("apple-touch-icon.png", "icon-maskable-512.png"):
        image = Image.open(io.BytesIO(named[name].data)).convert("RGBA")
        assert image.getchannel("A").getextrema() == (255, 255), name
        assert max(abs(a - b) for a, b in zip(image.getpixel((2, 2))[:3], wanted, strict=True)) <= 2, name  # type: ignore[index]


def test_a_maskable_icon_keeps_its_subject_inside_the_safe_circle() -> None:
    file = next(file for file in site(corner()).files if "maskable" in file.name)
    pixels = np.asarray(Image.open(io.BytesIO(file.data)).convert("RGB")).astype(int)
    ys, xs = np.nonzero(np.abs(pixels - 255).max(axis=2) > 8)
    assert len(xs) > 1000, "and is not tiny"
    reach = np.hypot(xs + 0.5 - 256, ys + 0.5 - 256).max()
    assert 0.9 * SAFE_RADIUS * 512 < reach <= SAFE_RADIUS * 512


def test_the_web_app_manifest_names_the_icons_that_are_there() -> None:
    found = site(hashed=True, site_name="Rockets & Co", base_url="/static/")
    names = {file.name for file in found.files}
    text = next(file for file in found.files if file.name.endswith(".webmanifest"))
    told = json.loads(text.data)
    assert text.entry["type"] == "application/manifest+json"
    assert told["name"] == "Rockets & Co"
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        assert icon["src"].removeprefix("/static/") in names
        assert icon["type"] == "image/png"
    html = found.entry["icon_html"]
    for line in ('rel="icon"', 'rel="apple-touch-icon"', 'rel="manifest"', 'name="theme-color"', 'type="image/svg+xml"'):
        assert line in html
    for href in [part.split('"')[0] for part in html.split('href="')[1:]]:
        assert href.removeprefix("/static/") in names


def test_a_raster_has_no_svg_icon_and_all_the_others() -> None:
    what = scene_asset(vector=False)
    names = {file.name for file in site(what).files}
    assert "favicon.svg" not in names
    assert set(NAMES) - {"favicon.svg"} <= names
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 160, 3), dtype=np.uint8))
    assert len(site(Asset(Sidecar(id="1" * 16), Picture.of(photo), "noise")).files) >= 6


@pytest.mark.slow
def test_a_run_with_the_preset_makes_them(cli: Cli, work: Path) -> None:
    done = cli("run", "a rocket", "--preset", "favicon", "-o", "site", "--json")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (work / "site").iterdir()} >= set(NAMES)
    entry = json.loads((work / "site" / "manifest.json").read_text(encoding="utf-8"))["assets"][0]
    assert entry["icon_html"].count("<link") == 4
