"""The text stage: what it changes, refuses, records and leaves alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.typeset import ink
from imajin_cli.stages.text import Text, TextParams
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome

LIGHT = {"ink": "#1c2233", "deep": "#2d3a8c", "paper": "#ffffff"}
DARK = {"ink": "#f3f5fb", "deep": "#dfe4ff", "paper": "#20253a"}
HEADLINE, CAPTION = "We can’t find that page", "The link may be broken. Check the address & try again."


def _svg(size: tuple[int, int], body: str) -> str:
    w, h = size
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{body}</svg>'


def _scene(
    size: tuple[int, int] = (1200, 630), fill: str | None = "#f2f4fb", dark: bool = False, **boxes: list[float]
) -> Picture:
    ground = f'<rect width="{size[0]}" height="{size[1]}" fill="{fill}"/>' if fill else ""
    svg = _svg(size, ground + '<circle cx="900" cy="315" r="200" fill="#7c8cf5"/>')
    scene = {"boxes": boxes, "palette": DARK if dark else LIGHT, "theme": "dark" if dark else "light"}
    layers = {"backdrop": _svg(size, ground), "subject": _svg(size, '<circle cx="900" cy="315" r="200"/>')}
    return Picture(size, lambda: render(svg, *size), vector=Vector(svg, scene, layers))


def _raster(colour: str = "#203040", size: tuple[int, int] = (640, 360)) -> Picture:
    return Picture.of(Image.new("RGB", size, colour))


def _run(picture: Picture | None, request: Request | None = None, **params: object) -> Outcome:
    return Text(TextParams.model_validate(params)).apply(Asset(Sidecar(id="a", request=request), picture))


def _score(outcome: Outcome, name: str) -> float:
    return next(s.value for s in outcome.scores if s.name == name and s.value is not None)


def test_without_words_nothing_is_done() -> None:
    assert _run(_scene()).status == "skipped"
    assert _run(_scene(), Request(prompt="x", headline="Hi"), headline="", caption=" ").status == "skipped"


def test_a_scene_stays_a_scene() -> None:
    picture = _scene(text=[70, 90, 500, 450], subject=[700, 115, 400, 400])
    outcome = _run(picture, Request(prompt="x", headline=HEADLINE, caption=CAPTION))
    assert outcome.status == "changed"
    assert outcome.picture is not None
    vector = outcome.picture.vector
    assert vector is not None
    assert vector.svg.endswith("</g></svg>")
    assert "<text" not in vector.svg
    assert (
        'aria-label="We can’t find that page — The link may be broken. Check the address &amp; try again."'
        in vector.svg
    )
    assert set(vector.layers) == {"backdrop", "subject", "text"}
    x, y, w, h = vector.scene["boxes"]["text"]
    assert x >= 69.9
    assert y >= 89.9
    assert x + w <= 570.1
    assert y + h <= 540.1
    alpha = render(vector.layers["text"], 1200, 630).getchannel("A").getbbox()
    assert alpha is not None
    assert abs(alpha[0] - x) < 2
    assert abs(alpha[3] - (y + h)) < 2
    assert outcome.picture.image.size == (1200, 630)
    assert "text" not in picture.vector.layers  # type: ignore[union-attr]


def test_the_record_says_what_was_measured() -> None:
    outcome = _run(_scene(text=[70, 90, 500, 450]), headline=HEADLINE, caption=CAPTION)
    assert _score(outcome, "headline_contrast") >= 4.5
    assert _score(outcome, "caption_contrast") >= 4.5
    assert _score(outcome, "headline_size") > 1.8 * _score(outcome, "caption_size")
    assert [c.name for c in outcome.credits] == ["Inter"]
    assert outcome.credits[0].licence == "OFL-1.1"
    assert outcome.notes["text"]["headline"] == HEADLINE
    assert "judged_on" not in outcome.notes


def test_the_same_text_gives_the_same_bytes() -> None:
    svgs = {_run(_scene(), headline="الصفحة غير موجودة", caption=CAPTION).picture.vector.svg for _ in range(2)}  # type: ignore[union-attr]
    assert len(svgs) == 1


def test_setting_text_again_replaces_it() -> None:
    once = _run(_scene(text=[70, 90, 500, 450]), headline="One").picture
    assert once is not None
    assert once.vector is not None
    twice = _run(once, headline="Two", place="left").picture
    assert twice is not None
    assert twice.vector is not None
    assert twice.vector.svg.count('data-layer="text"') == 1
    assert 'aria-label="Two"' in twice.vector.svg


def test_ink_follows_the_ground() -> None:
    light = _run(_scene(text=[70, 90, 500, 450]), headline=HEADLINE)
    dark = _run(_scene(fill="#171b2b", dark=True, text=[70, 90, 500, 450]), headline=HEADLINE)
    assert light.notes["colours"]["headline"] == LIGHT["ink"]
    assert dark.notes["colours"]["headline"] == DARK["ink"]


def test_a_transparent_scene_is_judged_on_its_paper() -> None:
    outcome = _run(_scene(fill=None, dark=True, text=[70, 90, 500, 450]), headline=HEADLINE)
    assert outcome.notes["judged_on"] == DARK["paper"]
    assert outcome.notes["colours"]["headline"] == DARK["ink"]


def _striped() -> Picture:
    image = Image.new("RGB", (640, 360), "#ffffff")
    draw = ImageDraw.Draw(image)
    for x in range(0, 640, 40):
        draw.rectangle((x, 0, x + 19, 360), fill="#000000")
    return Picture.of(image)


def test_where_no_ink_is_legible_a_plate_helps_or_the_asset_is_rejected() -> None:
    never = _run(_striped(), headline=HEADLINE, plate="never")
    assert never.status == "rejected"
    assert never.code is Exit.QUALITY
    assert "contrast" in (never.reason or "")
    plated = _run(_striped(), headline=HEADLINE)
    assert plated.status == "changed"
    assert plated.notes["plate"]["opacity"] >= 0.8
    assert _score(plated, "headline_contrast") >= 3


def test_a_given_colour_is_kept_or_rejected() -> None:
    assert _run(_raster(), headline="Hi", colour="#ffd000").notes["colours"]["headline"] == "#ffd000"
    assert _run(_raster("#ffffff"), headline="Hi", colour="#ffe680", plate="never").status == "rejected"


def test_pixels_keep_their_mode() -> None:
    outcome = _run(_raster(), headline="Hello")
    assert outcome.picture is not None
    assert outcome.picture.vector is None
    assert outcome.picture.image.mode == "RGB"
    assert outcome.picture.size == (640, 360)
    assert outcome.picture.sha256 != _raster().sha256


def test_below_makes_the_canvas_taller_and_keeps_the_rest() -> None:
    outcome = _run(_raster(), headline="Hello", caption="There", place="below")
    assert outcome.picture is not None
    assert outcome.picture.height > 360
    image = outcome.picture.image
    assert image.crop((0, 0, 640, 360)).tobytes() == _raster().image.tobytes()
    assert image.getpixel((2, image.height - 1)) == (0x20, 0x30, 0x40)
    scene = _run(_scene((640, 640), subject=[20, 20, 600, 600]), headline="Hello").picture
    assert scene is not None
    assert scene.vector is not None
    assert scene.height > 640
    assert {f'height="{scene.height}"' in svg for svg in (scene.vector.svg, *scene.vector.layers.values())} == {True}


def test_text_stays_off_the_subject_where_it_can() -> None:
    subject = [140.0, 40.0, 360.0, 360.0]
    outcome = _run(_scene((640, 640), subject=subject), headline="Nothing here yet", caption="Make a first one.")
    assert outcome.notes["place"] == "bottom"
    assert outcome.notes["box"][1] >= 400


def test_too_much_text_is_rejected_or_cut() -> None:
    long = "many words " * 18
    tight = {"text": [70.0, 90.0, 120.0, 40.0]}
    rejected = _run(_scene(**tight), headline=long, place="auto", headline_min=30)
    cut = _run(
        _raster(size=(240, 80)), headline=long, headline_min=16, headline_lines=1, place="bottom", overflow="ellipsis"
    )
    kept = _run(_raster(size=(240, 80)), headline=long, headline_min=16, headline_lines=1, place="bottom")
    assert kept.status == "rejected"
    assert kept.code is Exit.QUALITY
    assert cut.status == "changed"
    assert cut.notes["cut"] is True
    assert cut.notes["text"]["headline"].endswith("…")
    assert rejected.status in ("rejected", "changed")


@pytest.mark.parametrize(
    "words", ["a\x00b", "a\x1b[31m", "\ud800", "a\u202eb", "\ue000", "a" + "\u0301" * 9, "x" * 201, "\U000e0fff"]
)
def test_text_that_cannot_be_set_is_refused(words: str) -> None:
    with pytest.raises(InputError):
        _run(_scene(), headline=words)


def test_no_picture_is_an_error_and_a_bad_language_too() -> None:
    with pytest.raises(InputError):
        _run(None, headline="Hi")
    with pytest.raises(InputError):
        _run(_scene(), headline="Hi", language="d/e")


@pytest.mark.parametrize(
    ("size", "weight", "need"), [(24.0, 400, 3.0), (19.0, 700, 3.0), (19.0, 400, 4.5), (12.0, 700, 4.5)]
)
def test_what_wcag_asks_for(size: float, weight: int, need: float) -> None:
    assert ink.needed(size, weight) == need


def test_contrast_is_that_of_wcag() -> None:
    white = ink.Ground([(1, (255, 255, 255))])
    assert white.ratio((0, 0, 0)) == pytest.approx(21)
    assert white.ratio((0x76, 0x76, 0x76)) == pytest.approx(4.54, abs=0.01)
    mixed = ink.Ground([(96, (255, 255, 255)), (4, (0, 0, 0))])
    assert mixed.ratio((0, 0, 0)) == pytest.approx(21)
    assert ink.Ground([(90, (255, 255, 255)), (10, (0, 0, 0))]).ratio((0, 0, 0)) == pytest.approx(1)


def test_importing_the_stage_loads_nothing_heavy() -> None:
    heavy = ("numpy", "PIL", "uharfbuzz", "resvg_py", "fontTools", "bidi")
    code = f"import sys, imajin_cli.stages.text; print([m for m in {heavy!r} if m in sys.modules])"
    root = str(Path(__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_quick() -> None:
    picture = _scene(text=[70, 90, 500, 450])
    _run(picture, headline=HEADLINE, caption=CAPTION)
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        _run(picture, headline=HEADLINE, caption=CAPTION)
        best = min(best, time.perf_counter() - start)
    assert best < 0.06


def test_words_that_validate_never_saw_are_judged_too() -> None:
    from imajin_cli.contract.sidecar import Record

    request = Request(prompt="a shop", headline="buy heroin here")
    scene = Asset(Sidecar(id="x", request=request), _scene())
    refused = Text(TextParams()).apply(scene)
    assert (refused.status, refused.code) == ("rejected", Exit.INVALID)
    assert "caption-policy" in refused.reason
    assert Text(TextParams(headline="Welcome", caption="naked sex")).apply(scene).status == "rejected"
    passed = Record(stage="validate", version="1", status="passed", key="k")
    known = Asset(scene.sidecar.with_record(passed), _scene())
    assert Text(TextParams()).apply(known).status == "changed"
