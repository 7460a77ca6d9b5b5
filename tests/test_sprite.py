"""Sprite sheets: an SVG of symbols, a PNG atlas with its map, and a set that has to be one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sprite import SpriteParams
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.metrics.ciede import ciede2000, lab
from imajin_cli.stages.imaging.metrics.likeness import stroke_width
from imajin_cli.stages.imaging.svgtree import parse
from imajin_cli.stages.publication.sprite import Member, sheet

# Sharma, Wu, Dalal 2005, table 1: pairs of CIELAB colours and their ΔE00.
PUBLISHED = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195),
    ((50, -0.0010, 2.4900), (50, 0.0009, -2.4900), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "wanted"), PUBLISHED)
def test_the_colour_difference_is_the_published_one(one: tuple[float, ...], other: tuple[float, ...], wanted: float) -> None:
    assert float(ciede2000(np.array(one), np.array(other))) == pytest.approx(wanted, abs=1e-4)
    assert float(ciede2000(np.array(other), np.array(one))) == pytest.approx(wanted, abs=1e-4)


def test_white_and_black_in_lab() -> None:
    assert lab([255, 255, 255]) == pytest.approx([100, 0, 0], abs=1e-3)
    assert lab([0, 0, 0]) == pytest.approx([0, 0, 0], abs=1e-6)


def icon(fill: str = "#4338ca", stroke: float = 4, inset: float = 8, shape: str = "rect") -> bytes:
    far = 64 - 2 * inset
    body = (
        f'<rect x="{inset}" y="{inset}" width="{far}" height="{far}" fill="url(#g)" stroke="{fill}" stroke-width="{stroke}"/>'
        if shape == "rect"
        else f'<circle cx="32" cy="32" r="{far / 2}" fill="url(#g)" stroke="{fill}" stroke-width="{stroke}"/>'
    )
    grad = f'<linearGradient id="g"><stop stop-color="{fill}"/><stop offset="1" stop-color="{fill}"/></linearGradient>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">'
    return f"{head}<defs>{grad}</defs>{body}</svg>".encode()


def member(name: str, svg: bytes, *, vector: bool = True) -> Member:
    buffer = io.BytesIO()
    render(svg.decode(), 128, 128).save(buffer, "PNG")
    return Member(name, buffer.getvalue(), svg if vector else None, f"the {name}")


def good() -> list[Member]:
    return [member(name, icon(shape=shape)) for name, shape in (("Home", "rect"), ("user page", "circle"), ("home", "rect"))]


def test_symbols_and_atlas_show_each_picture() -> None:
    made = sheet(good(), SpriteParams(scale=[1, 2]))
    assert set(made.files) == {"sprite.svg", "sprite.png", "sprite@2x.png", "sprite.json"}
    told = json.loads(made.files["sprite.json"])
    assert told["symbols"]["ids"] == ["home", "user-page", "home-2"]
    for atlas in told["atlases"]:
        image = Image.open(io.BytesIO(made.files[atlas["file"]])).convert("RGBA")
        assert image.size == (atlas["width"], atlas["height"])
        for one, frame in zip(good(), atlas["frames"].values(), strict=True):
            box = (frame["x"], frame["y"], frame["x"] + frame["width"], frame["y"] + frame["height"])
            drawn = render((one.svg or b"").decode(), frame["width"], frame["height"])
            assert np.abs(np.asarray(image.crop(box), int) - np.asarray(drawn, int)).mean() < 1
    text = made.files["sprite.svg"].decode()
    used = text.replace("</svg>", '<use href="#user-page" width="64" height="64"/></svg>').replace(
        'width="1" height="1"', 'width="64" height="64"'
    )
    drawn = np.asarray(render(used, 64, 64), int)
    assert np.abs(drawn - np.asarray(render(icon(shape="circle").decode(), 64, 64), int)).mean() < 0.5
    assert sheet(good(), SpriteParams(scale=[1, 2])).files == made.files


def test_each_pictures_own_names_are_kept_apart() -> None:
    text = sheet([member("a", icon("#ff0000")), member("b", icon("#0000ff"))], SpriteParams()).files["sprite.svg"].decode()
    ids = [node.get("id") for node in parse(text.encode()).walk() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert 'url(#a-g)' in text
    assert 'url(#b-g)' in text


def test_without_a_vector_there_is_an_atlas_alone() -> None:
    made = sheet([member("a", icon()), member("b", icon(), vector=False)], SpriteParams())
    assert set(made.files) == {"sprite.png", "sprite.json"}


def test_a_stroke_width_is_measured_in_the_drawings_own_units() -> None:
    assert stroke_width(parse(icon(stroke=4))) == pytest.approx(4 / 64)
    scaled = icon(stroke=2).replace(b"<rect", b'<g transform="scale(2)"><rect').replace(b"</svg>", b"</g></svg>")
    assert stroke_width(parse(scaled)) == pytest.approx(4 / 64)


@pytest.mark.parametrize(
    ("intruder", "limit", "measure"),
    [
        ({"fill": "#15803d"}, {"max_palette": 10}, "set_palette"),
        ({"inset": 22}, {"max_padding": 0.08}, "set_padding"),
        ({"stroke": 1}, {"max_stroke": 0.02}, "set_stroke"),
        ({"inset": 24}, {"max_weight": 0.5}, "set_weight"),
    ],
)
def test_an_intruder_is_caught_and_named(intruder: dict[str, object], limit: dict[str, float], measure: str) -> None:
    params = SpriteParams.model_validate(limit)
    fit = [member(f"i{at}", icon(shape=shape)) for at, shape in enumerate(("rect", "circle", "rect", "circle"))]
    assert sheet(fit, params).faults == []
    bad = [*fit[:2], member("odd-one", icon(**intruder)), *fit[2:]]  # type: ignore[arg-type]
    (fault,) = sheet(bad, params).faults
    assert "odd-one" in fault
    assert measure in fault
    free = sheet(bad, SpriteParams())
    assert free.faults == [], "without a limit it is measured and not judged"
    assert measure in {score.name for score in free.scores}


def test_no_picture_makes_no_sheet() -> None:
    with pytest.raises(InputError, match="1 to"):
        sheet([], SpriteParams())


@pytest.mark.slow
def test_the_command_takes_published_folders_and_rejects_with_15(cli: Cli, work: Path) -> None:
    for prompt in ("a rocket icon", "a house icon"):
        done = cli("run", prompt, "--preset", "icon", "--size", "64", "--colour", "#4338ca", "-o", "icons", "--format", "png",
                   "--format", "svg", IMAJIN_OUTPUT__REQUIRE="moderate")  # fmt: skip
        assert done.returncode == 0, done.stderr
    done = cli("sprite", "icons", "-o", "out", "--name", "set")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == ["out/set.svg", "out/set.png", "out/set.json"]
    done = cli("sprite", "icons", "-o", "strict", "--max-palette", "0", "--max-weight", "0")
    assert done.returncode == 15
    assert b"is off the set" in done.stderr
    assert not (work / "strict").exists()
    picture = next((work / "icons").glob("*.svg"))
    picture.write_bytes(picture.read_bytes() + b"\n")
    assert cli("sprite", "icons", "-o", "out").returncode == 2
    assert cli("sprite", "icons", "--only", "nothing-*").returncode == 2
