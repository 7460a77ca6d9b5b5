"""The output stage: what it publishes, under which names, and when it refuses."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from imajin_cli.contract.errors import InputError, NoVerdictError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Credit, Group, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Publication
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.svglayers import layers_of
from imajin_cli.stages.output import Output, OutputParams
from imajin_cli.stages.publication.names import MAX_BYTES, safe_name
from imajin_cli.stages.publication.plan import planned, same_shape

BODY = (
    '<g data-layer="backdrop"><circle cx="60" cy="60" r="50" fill="#dde3ff"/></g>'
    '<g data-layer="subject"><rect x="30" y="30" width="60" height="50" rx="12" fill="#4338ca"/>'
    '<circle cx="60" cy="52" r="9" fill="#fff"/></g>'
)


def asset(
    size: tuple[int, int] = (120, 120),
    *,
    sizes: Sequence[str] = ("120x120",),
    scene: dict[str, Any] | None = None,
    group: Group | None = None,
    records: Sequence[Record] = (),
    vector: bool = True,
    name: str = "lost-robot",
) -> Asset:
    width, height = size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    svg = f"{head}{BODY}</svg>"
    image = render(svg, *size)
    known = Vector(svg, scene or {}, layers_of(svg)) if vector else None
    request = Request(prompt="a robot that is lost", size=list(sizes), seed=7, preset="error-404")
    sidecar = Sidecar(id="0123456789abcdef", group=group, request=request, seed=7).with_records(list(records))
    return Asset(sidecar, Picture.of(image, vector=known), name)


def publish(what: Asset, **params: Any) -> Publication:
    # That a verdict of moderate is required by default has a test of its own.
    return Output(OutputParams(**{"require": [], **params})).publish(what)


def names(found: Publication) -> list[str]:
    return [file.name for file in found.files]


def record(stage: str, status: str, picture: Picture | None = None, **more: Any) -> Record:
    digest = picture.sha256 if picture is not None else None
    return Record(stage=stage, version="1", status=status, key="k", input=digest, output=digest, **more)  # type: ignore[arg-type]


def test_one_size_has_a_plain_name_and_the_png_comes_first() -> None:
    found = publish(asset(), format=["webp", "avif", "png", "svg", "jpeg", "ico"])
    assert names(found) == [f"lost-robot.{kind}" for kind in ("png", "webp", "avif", "jpg", "svg", "ico")]
    assert found.outcome.status == "changed"
    assert found.outcome.code == Exit.OK
    assert found.files[0].entry == {
        "width": 120, "height": 120, "format": "png", "scale": 1, "type": "image/png", "role": "asset",
    }  # fmt: skip


def test_sizes_are_drawn_from_the_vector_and_scales_marked() -> None:
    found = publish(asset(), size=["60", "240x240"], scale=[1, 2], format=["png"])
    assert sorted(names(found)) == sorted(f"lost-robot-{s}x{s}{x}.png" for s in (60, 120, 240) for x in ("", "@2x"))
    for file in found.files:
        picture = Image.open(io.BytesIO(file.data))
        assert picture.size == (file.entry["width"], file.entry["height"])
    assert found.files[0].name == "lost-robot-240x240@2x.png", "the largest is the primary one"
    own = publish(asset(), size=["60"], format=["png"], lossless="yes")
    drawn = np.asarray(Image.open(io.BytesIO(next(f.data for f in own.files if "60x60" in f.name))).convert("RGBA"))
    wanted = np.asarray(render(asset().picture.vector.svg, 60, 60))  # type: ignore[union-attr]
    assert (drawn == wanted).all(), "drawn at its size, not scaled"


def test_lossless_files_hold_the_very_pixels() -> None:
    what = asset()
    found = publish(what, lossless="yes", master=True)
    for file in found.files:
        assert Image.open(io.BytesIO(file.data)).convert("RGBA").tobytes() == what.picture.image.tobytes(), file.name  # type: ignore[union-attr]
    assert "lost-robot.master.png" in names(found)


def test_the_same_asset_gives_the_same_bytes() -> None:
    kinds = ["png", "webp", "avif", "svg", "ico", "jpeg"]
    first, second = (publish(asset(), format=kinds, hashed=True, layers=True) for _ in range(2))
    assert first == second


def test_hashed_names_tell_the_bytes() -> None:
    from imajin_cli.contract.digest import sha256

    for file in publish(asset(), hashed=True).files:
        assert file.name.split(".")[1] == sha256(file.data)[:8]


def test_a_raster_is_scaled_down_and_scaled_up_only_with_a_remark() -> None:
    quiet = publish(asset(vector=False), size=["40"], format=["png"])
    assert "remarks" not in quiet.outcome.notes
    loud = publish(asset(vector=False), size=["300"], format=["png"])
    assert any("scaled up" in remark for remark in loud.outcome.notes["remarks"])


def test_an_svg_needs_a_vector() -> None:
    with pytest.raises(InputError, match="no vector"):
        publish(asset(vector=False), format=["svg"])


def test_a_vector_that_shows_something_else_is_not_published() -> None:
    what = asset()
    assert what.picture is not None
    other = asset().picture.vector.svg.replace("#4338ca", "#b91c1c")  # type: ignore[union-attr]
    forged = Asset(what.sidecar, Picture.of(what.picture.image, vector=Vector(other)), "x")
    for params in ({"format": ["svg"]}, {"size": ["60"]}, {"format": ["ico"]}):
        with pytest.raises(InputError, match="does not show"):
            publish(forged, **params)


def test_each_ratio_brings_its_own_base() -> None:
    group = Group(id="g", index=0, size=1, ratio="1:1", ratios=2)
    found = publish(asset(group=group, sizes=["120x120", "60x60", "160x90"]), format=["png", "svg"])
    assert names(found) == ["lost-robot-120x120.png", "lost-robot-60x60.png", "lost-robot-1x1.svg"]


def test_ratios_that_look_alike_are_kept_apart_as_they_were_asked_for() -> None:
    sizes = ["1200x630", "1910x1000"]
    first = asset((1024, 538), sizes=sizes, group=Group(id="g", index=0, size=1, ratio="1.9:1", ratios=2))
    second = asset((1024, 536), sizes=sizes, group=Group(id="g", index=0, size=1, ratio="1.91:1", ratios=2))
    assert [v.size for v in planned(first, [], [1], cut=False).variants] == [(1200, 630)]
    assert [v.size for v in planned(second, [], [1], cut=False).variants] == [(1910, 1000)]


def test_a_size_of_no_base_is_an_error_or_cut_out() -> None:
    with pytest.raises(UsageError, match="160x90"):
        publish(asset(), size=["160x90"])
    found = publish(asset(), size=["80x40"], crop=True, format=["png"])
    assert "lost-robot-80x40.png" in names(found)
    assert next(f for f in found.files if "80x40" in f.name).entry["height"] == 40


def test_a_picture_made_taller_by_its_caption_keeps_its_widths() -> None:
    group = Group(id="g", index=0, size=1, ratio="1:1")
    found = publish(asset((120, 150), sizes=["120x120", "60x60"], group=group), format=["png"])
    assert names(found) == ["lost-robot-120x150.png", "lost-robot-60x75.png"]


def test_candidates_get_their_number_unless_the_template_tells_them_apart() -> None:
    group = Group(id="g", index=2, size=4, ratio="1:1")
    assert names(publish(asset(group=group), format=["png"])) == ["lost-robot-3.png"]
    assert names(publish(asset(group=group), format=["png"], name="{preset}-{seed}-{theme}")) == [
        "error-404-7-none.png"
    ]


def test_bad_templates_are_refused() -> None:
    for template in ("{nope}", "{name", "name}", "{name.__class__}", "{0}", ""):
        with pytest.raises(ValidationError):
            OutputParams(name=template)


@given(st.text(max_size=300), st.sampled_from([".png", "-64x64@2x.webp"]))
def test_every_name_is_safe(text: str, ending: str) -> None:
    name = safe_name(text, ending)
    assert 0 < len(name.encode()) <= MAX_BYTES
    assert not set(name) & set('/\\\0:*?"<>|\n\r\t')
    assert name.endswith(ending)
    assert not name.startswith((".", " ", "-"))
    assert name.split(".")[0].lower() not in ("con", "nul", "aux", "com1")
    assert safe_name(name.removesuffix(ending), ending) == name, "a safe name stays as it is"


def test_long_names_stay_different() -> None:
    assert safe_name("x" * 300 + "a", ".png") != safe_name("x" * 300 + "b", ".png")
    assert safe_name("con", ".png") == "_con.png"
    assert safe_name("../../etc/passwd", ".png") == "etc-passwd.png"


def test_values_are_never_taken_for_templates() -> None:
    assert names(publish(asset(name="{seed}{id}"), format=["png"])) == ["{seed}{id}.png"]


def test_over_the_budget_is_rejected_by_name() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    what = Asset(asset().sidecar.model_copy(update={"request": None}), Picture.of(noise), "noise")
    found = publish(what, budget_kb=2)
    assert found.outcome.status == "rejected"
    assert found.outcome.code == Exit.QUALITY
    assert "noise.png" in (found.outcome.reason or "")
    assert "2,000" in (found.outcome.reason or "")
    assert not found.files
    assert found.outcome.scores[0].passed is False
    fits = publish(asset(), budget_kb=100)
    assert fits.outcome.scores[0].passed is True
    assert fits.files


def test_an_icon_that_cannot_be_seen_is_rejected() -> None:
    root = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    pale = root + '<circle cx="32" cy="32" r="28" fill="#f4f4f6"/></svg>'
    picture = Picture.of(render(pale, 64, 64), vector=Vector(pale, {"theme": "light"}))
    found = publish(Asset(Sidecar(id="x"), picture, "pale"), format=["ico"])
    assert found.outcome.status == "rejected"
    assert "contrast" in (found.outcome.reason or "")
    dark = Picture.of(picture.image, vector=Vector(pale, {"theme": "dark"}))
    assert publish(Asset(Sidecar(id="x"), dark, "pale"), format=["ico"]).outcome.status == "changed"


def test_required_gates() -> None:
    what = asset()
    with pytest.raises(NoVerdictError, match="moderate") as missing:
        publish(what, require=["moderate"])
    assert missing.value.code == Exit.NO_VERDICT
    passed = asset(records=[record("moderate", "passed", what.picture)])
    assert publish(passed, require=["moderate"]).entry["require"] == [{"gate": "moderate", "held": True}]
    assert publish(passed).entry["require"] == [], "the manifest says that nothing was required"
    other = asset((60, 120), records=[record("moderate", "passed", what.picture)])
    with pytest.raises(NoVerdictError, match="these pixels"):
        publish(other, require=["moderate"])


def test_a_rejected_asset_is_never_published() -> None:
    found = publish(asset(records=[record("validate", "rejected", code=10, reason="too rude")]))
    assert found.outcome.status == "rejected"
    assert found.outcome.code == Exit.INVALID
    assert not found.files
    assert "validate" in (found.outcome.reason or "")
    assert "too rude" in (found.outcome.reason or "")
    again = publish(asset(records=[record("output", "rejected", code=15, reason="too large")]))
    assert again.files, "an earlier word of its own does not bind it"


def test_layer_masks_add_up_to_the_picture() -> None:
    what = asset()
    masks = {
        f.name.split(".layer-")[1]: Image.open(io.BytesIO(f.data))
        for f in publish(what, layers=True).files
        if ".layer-" in f.name
    }
    assert sorted(masks) == ["backdrop.png", "subject.png"]
    assert {m.mode for m in masks.values()} == {"L"}
    seen = 1.0
    for mask in masks.values():
        seen = seen * (1 - np.asarray(mask) / 255)
    whole = np.asarray(what.picture.image.getchannel("A")) / 255  # type: ignore[union-attr]
    assert np.abs((1 - seen) - whole).max() < 0.01


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_html_says_what_was_published() -> None:
    alt = 'A "lost" robot & <friend>'
    found = publish(asset(name="my robot"), format=["png", "webp", "avif"], size=["60"], scale=[1, 2], alt=alt)
    tags = _Tags(found.entry["html"]).tags
    assert [tag for tag, _ in tags] == ["picture", "source", "source", "img"]
    assert [attributes.get("type") for _, attributes in tags[1:3]] == ["image/avif", "image/webp"]
    img = tags[-1][1]
    assert img["alt"] == alt
    assert (img["width"], img["height"]) == ("120", "120")
    assert (img["loading"], img["decoding"], img["src"]) == ("lazy", "async", "my%20robot-120x120.png")
    published = {name.replace(" ", "%20").replace("@", "%40") for name in names(found)}
    for _, attributes in tags[1:]:
        candidates = [part.split() for part in (attributes["srcset"] or "").split(", ")]
        assert {name for name, _ in candidates} <= published
        assert [width for _, width in candidates] == ["60w", "120w", "240w"], "each width once"
    assert publish(asset(), snippet=False).entry.get("html") is None


def test_densities_of_one_size() -> None:
    found = publish(asset(), format=["png"], scale=[1, 2, 1.5])
    assert found.entry["srcset"] == {"png": "lost-robot.png, lost-robot%401.5x.png 1.5x, lost-robot%402x.png 2x"}
    assert (found.entry["width"], found.entry["height"]) == (120, 120)


def test_the_manifest_entry() -> None:
    credit = Credit(name="Phosphor", licence="MIT", by="Phosphor")
    made = record("generate", "changed", credits=[credit, Credit(name="Inter", licence="OFL-1.1"), credit])
    scene = {"alt": "a robot", "theme": "dark", "background": "#102030"}
    what = asset(scene=scene, records=[made], group=Group(id="g", index=0, size=1, ratio="1:1"))
    entry = publish(what, format=["png", "ico"]).entry
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    assert entry["alt"] == "a robot"
    assert entry["theme"] == "dark"
    assert entry["ratio"] == "1:1"
    assert entry["name"] == "lost-robot"
    assert entry["credits"] == [
        {"name": "Inter", "licence": "OFL-1.1"},
        {"name": "Phosphor", "licence": "MIT", "by": "Phosphor"},
    ]
    assert entry["placeholder"].startswith("#")
    assert len(entry["placeholder"]) == 7
    assert 'sizes="16x16 32x32 48x48"' in entry["icon_html"]
    assert "prompt" not in entry
    assert publish(what, prompt=True).entry["prompt"] == "a robot that is lost"


def test_alternative_text_comes_from_the_best_source() -> None:
    assert publish(asset(scene={"alt": "drawn"}), alt="given").entry["alt"] == "given"
    assert publish(asset(scene={"alt": "drawn"}), alt="").entry["alt"] == "", "an empty one marks decoration"
    assert publish(asset()).entry["alt"] == "a robot that is lost"
    what = asset()
    long = what.sidecar.model_copy(update={"request": Request(prompt="word " * 200, size=["120x120"])})
    found = publish(Asset(long, what.picture, "x")).entry["alt"]
    assert found.endswith("word…")
    assert len(found) <= 151


def test_jpeg_lies_on_the_scenes_background() -> None:
    found = publish(asset(scene={"background": "#102030"}), format=["jpeg"])
    corner = Image.open(io.BytesIO(found.files[0].data)).convert("RGB").getpixel((1, 1))
    assert np.abs(np.array(corner) - (0x10, 0x20, 0x30)).max() <= 4


def test_a_wide_picture_is_set_whole_into_its_icon() -> None:
    found = publish(asset((240, 120), sizes=["240x120"]), format=["ico"])
    icon = Image.open(io.BytesIO(found.files[0].data))
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
    alpha = np.asarray(icon.convert("RGBA"))[..., 3]
    assert alpha[:11].max() == 0
    assert alpha[-11:].max() == 0
    assert alpha[24].max() > 0


def test_only_the_square_base_of_a_group_gives_the_icon() -> None:
    group = Group(id="g", index=0, size=1, ratio="2:1", ratios=2)
    found = publish(asset((240, 120), sizes=["240x120", "64x64"], group=group), format=["png", "ico"])
    assert names(found) == ["lost-robot-240x120.png"]


@given(st.integers(20, 2000), st.integers(20, 2000), st.floats(0.05, 3))
def test_a_scaled_size_has_the_same_shape(width: int, height: int, scale: float) -> None:
    scaled = max(1, round(width * scale)), max(1, round(height * scale))
    near = abs(scaled[0] / scaled[1] / (width / height) - 1)
    assert same_shape((width, height), (width, height))
    if near <= 0.003:
        assert same_shape(scaled, (width, height))
    if near > 0.2 and min(scaled) > 10:
        assert not same_shape(scaled, (width, height))


def test_without_a_picture_there_is_nothing_to_publish() -> None:
    with pytest.raises(InputError, match="no picture"):
        publish(Asset(Sidecar(id="x")))


def test_where_it_goes_is_no_part_of_the_record() -> None:
    assert Output.unrecorded == {"to"}
    assert "pillow" in Output(OutputParams()).revision()
