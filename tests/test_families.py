"""Size families: the fewest bases, cuts that spare what must stay whole, and what the manifest says of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from conftest import Cli
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.families import FAMILIES, SPREAD, bases_of, read_families, read_family
from imajin_cli.contract.manifest import PublishedManifest
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.request import RequestParams
from imajin_cli.contract.sidecar import Group, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.imaging.crop import Focus, focal_box
from imajin_cli.stages.output import Output, OutputParams
from test_output import asset as scene_asset
from test_output import publish

EVERY = [name for name in FAMILIES if name != "favicon"]
SIZES = st.tuples(st.integers(40, 2000), st.integers(40, 2000)).filter(lambda s: max(s) <= 20 * min(s))


def families(*names: str) -> list[str]:
    return [family.written() for family in read_families(names)]


def test_the_families_of_old_need_three_bases() -> None:
    bases = bases_of([], families(*EVERY), 1024)
    assert len(bases) == 3
    cut = [name for base in bases for name, _ in base.cuts]
    assert sorted(set(cut)) == sorted(EVERY)
    assert len(cut) == sum(len(FAMILIES[name]) for name in EVERY), "each size is cut from one base"


def test_a_size_that_is_asked_for_has_its_own_base_and_serves_families_near_it() -> None:
    bases = bases_of(["1600x900", "400x400"], families("hero", "og", "square"), 1024)
    assert [(base.ratio, base.size) for base in bases] == [("16:9", (1024, 576)), ("1:1", (800, 800))]
    assert ("og", (1200, 630)) in bases[0].cuts


@given(st.lists(SIZES, min_size=1, max_size=8), st.lists(SIZES, max_size=2))
def test_bases_are_the_fewest_and_near_enough(cuts: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    text = "own=" + ",".join(f"{w}x{h}" for w, h in dict.fromkeys(cuts))
    bases = bases_of([f"{w}x{h}" for w, h in asked], [text], 1024)
    assert sorted(size for base in bases for _, size in base.cuts) == sorted(dict.fromkeys(cuts))
    for base in bases:
        for _, size in base.cuts:
            # Rounding to whole pixels moves a ratio a little.
            off = size[0] * base.size[1] / (size[1] * base.size[0])
            assert max(off, 1 / off) <= SPREAD * 1.03
    if not asked:
        # No interval of the spread's square needs two: as many bases as there are such steps are always enough.
        ratios = sorted(w / h for w, h in cuts)
        steps, reach = 0, 0.0
        for ratio in ratios:
            if ratio > reach:
                steps, reach = steps + 1, ratio * SPREAD
        assert len(bases) <= steps


@pytest.mark.parametrize("text", ["nothing", "a b=3x3", "card=", "card=0x3", "card=9", "=3x3"])
def test_a_family_is_named_or_written_out(text: str) -> None:
    if text == "card=9":
        assert read_family(text).sizes == ((9, 9),)
        return
    with pytest.raises(ValueError, match=r"famil|size"):
        read_family(text)


def test_families_of_ones_own_are_defined_in_a_config() -> None:
    params = RequestParams(family=["card", "og"], define=["card=640x360,1280x720"])
    request = params.request("x", None)
    assert request.family == ["card=640x360,1280x720", "og=1200x630"]
    assert request.size == [], "the default size is one that nobody asked for"
    assert RequestParams(family=["og"], size=["64"]).request("x", None).size == ["64x64"]
    with pytest.raises(ValueError, match="no size family"):
        RequestParams(family=["card"])


def test_a_request_without_families_is_what_it_was() -> None:
    assert "family" not in Request(prompt="x").model_dump(mode="json")


BOXES = st.tuples(st.integers(0, 380), st.integers(0, 380), st.integers(1, 200), st.integers(1, 200))


@given(SIZES, BOXES, st.lists(BOXES, max_size=2), SIZES)
def test_a_cut_never_goes_through_what_must_stay_whole(
    size: tuple[int, int],
    keep: tuple[int, int, int, int],
    texts: list[tuple[int, int, int, int]],
    ratio: tuple[int, int],
) -> None:
    def boxed(x: int, y: int, w: int, h: int) -> tuple[int, int, int, int]:
        left, top = min(x, size[0] - 1), min(y, size[1] - 1)
        return left, top, min(size[0], left + w), min(size[1], top + h)

    kept, whole = boxed(*keep), [boxed(*text) for text in texts]
    box = focal_box(size, ratio, Focus("subject", (kept[0], kept[1]), kept, whole))
    slack = 1  # whole pixels
    assert box[0] <= kept[0] + slack
    assert box[1] <= kept[1] + slack
    assert box[2] >= kept[2] - slack
    assert box[3] >= kept[3] - slack
    for text in whole:
        inside = (
            box[0] <= text[0] + slack and box[1] <= text[1] + slack
            and box[2] >= text[2] - slack and box[3] >= text[3] - slack
        )  # fmt: skip
        outside = (
            box[2] <= text[0] + slack
            or box[0] >= text[2] - slack
            or box[3] <= text[1] + slack
            or box[1] >= text[3] - slack
        )
        assert inside or outside
    off = (box[2] - box[0]) * ratio[1] - (box[3] - box[1]) * ratio[0]
    assert abs(off) <= max(ratio) + 1


def test_without_a_focus_the_middle_is_cut_out() -> None:
    assert focal_box((400, 300), (1, 1), Focus("centre", (200, 150))) == (50, 0, 350, 300)


def test_a_subject_at_the_edge_is_what_the_cut_goes_around() -> None:
    image = Image.new("RGBA", (400, 200))
    ImageDraw.Draw(image).ellipse((300, 40, 390, 130), fill="#4338ca")
    what = Asset(Sidecar(id="0" * 16), Picture.of(image), "ball")
    found = publish(what, family=["square=100"], format=["png"], lossless="yes")
    file = next(file for file in found.files if file.entry.get("family") == "square")
    assert file.name == "ball-square.png"
    assert file.entry["cut"]["around"] == "alpha"
    alpha = np.asarray(Image.open(io.BytesIO(file.data)).convert("RGBA"))[..., 3]
    assert alpha.sum() / 255 == pytest.approx(np.asarray(image)[..., 3].sum() / 255 / 4, rel=0.03), "all of the ball"
    assert [file.name for file in found.files if file.entry["role"] == "master"] == ["ball.master.png"]


def test_a_subject_that_does_not_fit_gets_ground_around_it() -> None:
    image = Image.new("RGB", (400, 100), "#fde68a")
    ImageDraw.Draw(image).rectangle((20, 20, 380, 80), fill="#4338ca")
    what = Asset(Sidecar(id="0" * 16), Picture.of(image), "bar")
    found = publish(what, family=["square=100"], format=["png"], lossless="yes")
    file = next(file for file in found.files if file.entry.get("family"))
    pixels = np.asarray(Image.open(io.BytesIO(file.data)).convert("RGB")).astype(int)
    ground = np.abs(pixels - (0xFD, 0xE6, 0x8A)).max(axis=2) < 8
    assert ground[0].all()
    assert ground[:, 0].all(), "the bar's ends are inside"
    assert any("beyond" in remark for remark in found.outcome.notes["remarks"])
    noisy = Image.fromarray(np.random.default_rng(3).integers(0, 255, (100, 400, 3), dtype=np.uint8))
    notes = {"box": [10, 10, 380, 60]}
    said = Record(stage="text", version="1", status="changed", key="k", notes=notes)
    asked = Asset(Sidecar(id="0" * 16).with_record(said), Picture.of(noisy), "noise")
    with pytest.raises(UsageError, match="cutting through"):
        publish(asked, family=["square=100"], format=["png"])


def test_a_scene_is_cut_around_its_subject_and_drawn_sharp() -> None:
    request = Request(prompt="a robot that is lost", family=["hero=480x270", "square=240"])
    ratio = bases_of([], request.family, 1024)[0].ratio
    group = Group(id="g", index=0, size=1, ratio=ratio, ratios=2)
    what = scene_asset((240, 135), group=group)
    what = Asset(what.sidecar.model_copy(update={"request": request}), what.picture, what.name)
    found = publish(what, format=["png"])
    assert {file.name for file in found.files} == {"lost-robot-hero.png"}
    assert found.entry["families"]["hero"]["srcset"] == {"png": "lost-robot-hero.png"}


@pytest.mark.slow
def test_a_whole_run_makes_the_families_and_says_so(cli: Cli, work: Path) -> None:
    done = cli("run", "ein Roboter, der nicht nach Hause findet", "--family", "og", "--family", "hero",
               "--family", "card=320x320", "-o", "out", "--set", "output.base_url=https://example.org/a/")  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((work / "out" / "manifest.json").read_text(encoding="utf-8"))
    PublishedManifest.model_validate(manifest)
    found: dict[str, Any] = {name: said for asset in manifest["assets"] for name, said in asset["families"].items()}
    assert set(found) == {"og", "hero", "card"}
    assert len(manifest["assets"]) == 2, "og and hero share a base"
    assert 'content="https://example.org/a/' in found["og"]["head_html"]
    assert found["hero"]["html"].count("640w") == 2
    for one in manifest["assets"]:
        assert one["lang"] == "de"
        assert one["alt"] == "ein Roboter, der nicht nach Hause findet"
        for file in one["files"]:
            if file["format"] in ("png", "webp"):
                with Image.open(work / "out" / file["name"]) as image:
                    assert image.size == (file["width"], file["height"])


def test_output_params_refuse_a_family_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no size family"):
        Output(OutputParams(family=["poster"]))


@pytest.mark.slow
def test_the_smallest_format_is_measured_for_each_size() -> None:
    found = publish(scene_asset(vector=False), format=["auto"], size=["60", "240"])
    assert len(found.files) == 3, "one file a size"
    for file, said in zip(found.files, found.outcome.notes["files"], strict=True):
        sizes = said["smallest_of"]
        assert set(sizes) == {"png", "webp", "avif"}
        assert len(file.data) == min(sizes.values()) == sizes[file.entry["format"]]
    vector = publish(scene_asset(), format=["auto"], size=["2000"])
    assert [file.entry["format"] for file in vector.files] == ["svg"], "420 bytes of shapes are smaller than any raster"
    assert vector.entry["html"].startswith("<img")
    both = publish(scene_asset(vector=False), format=["auto", "png"])
    assert both.files[0].entry["format"] == "png"
