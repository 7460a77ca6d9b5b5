"""The quality stage: what passes by default, what each threshold rejects, and that no measurement means no pass."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from pydantic import ValidationError

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Record, Score, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.imaging.metrics import measure
from imajin_cli.stages.quality import RULES, Quality, QualityParams


def art(size: int = 256, scale: float = 0.7) -> Image.Image:
    """A flat badge with a check mark, drawn four times too large and scaled down: clean edges on nothing."""
    big = Image.new("L", (size * 4, size * 4))
    inset = size * 2 * (1 - scale)
    ImageDraw.Draw(big).rounded_rectangle((inset, inset, 4 * size - inset, 4 * size - inset), size // 2, fill=255)
    image = Image.new("RGBA", (size, size), (59, 91, 219))
    ImageDraw.Draw(image).line(
        [(size * 0.32, size * 0.5), (size * 0.46, size * 0.64), (size * 0.7, size * 0.36)], "white", size // 14
    )
    image.putalpha(big.reduce(4))
    return image


def judge(image: Image.Image | None, sidecar: Sidecar | None = None, **params: object) -> Outcome:
    picture = None if image is None else Picture.of(image)
    return Quality(QualityParams(**params)).apply(Asset(sidecar or Sidecar(id="x"), picture))


def score(outcome: Outcome, name: str) -> Score:
    return next(found for found in outcome.scores if found.name == name)


def test_clean_art_passes_and_says_everything() -> None:
    found = judge(art())
    assert found.status == "passed"
    assert found.reason is None
    assert found.code is Exit.OK
    names = {s.name for s in found.scores}
    assert names >= set(RULES) - {"text_contrast", "png_kb"}
    assert score(found, "sharpness").passed is True
    assert score(found, "padding").passed is None
    assert 0.8 < (found.rank or 0) <= 1
    assert score(found, "rank").value == found.rank


def test_edges_of_a_drawing_are_no_jpeg_blocks() -> None:
    ruled = np.full((96, 96, 3), 120, np.uint8)
    ruled[:, ::8] = ruled[::8] = 134
    image = Image.fromarray(ruled)
    assert score(judge(image), "blockiness").passed is False
    drawn = Quality(QualityParams()).apply(Asset(Sidecar(id="x"), Picture.of(image, vector=Vector("<svg/>", {}, ()))))
    assert score(drawn, "blockiness").passed is None
    assert score(drawn, "blockiness").value == score(judge(image), "blockiness").value


def test_good_pictures_of_other_kinds_pass() -> None:
    gradient = np.linspace((60, 90, 200), (230, 120, 160), 320).astype(np.uint8)
    hero = Image.fromarray(np.repeat(gradient[None], 180, axis=0))
    ImageDraw.Draw(hero).ellipse((120, 50, 200, 130), fill="white")
    on_white = Image.alpha_composite(Image.new("RGBA", (256, 256), "white"), art()).convert("RGB")
    for image in (hero, on_white, art(32), art(16), art().convert("LA")):
        found = judge(image)
        assert found.status == "passed", found.reason


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGBA", (64, 64), (255, 0, 0, 0)),
        Image.new("RGB", (64, 64), "navy"),
        Image.new("L", (1, 1)),
        Image.new("LA", (64, 64), (90, 255)),
    ],
)
def test_a_blank_picture_is_rejected_whatever_the_thresholds(image: Image.Image) -> None:
    off = {rule.param: None for rule in RULES.values()}
    found = judge(image, **off)
    assert found.status == "rejected"
    assert found.code is Exit.QUALITY
    assert "blank" in (found.reason or "")


def test_a_one_colour_shape_is_not_blank() -> None:
    shape = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    shape.paste((20, 20, 20, 255), (16, 16, 48, 48))
    assert judge(shape).status == "passed"


def test_a_blurred_picture_is_rejected_with_its_value() -> None:
    found = judge(art().filter(ImageFilter.GaussianBlur(5)), max_fringe=None)
    assert found.status == "rejected"
    assert "blurred (sharpness" in (found.reason or "")
    assert score(found, "sharpness").passed is False
    assert judge(art().filter(ImageFilter.GaussianBlur(5)), max_fringe=None, min_sharpness=None).status == "passed"


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"min_padding": 0.3}, "too little padding"),
        ({"min_legible_16": 1}, "not legible at 16 px"),
        ({"min_legible_32": 1}, "not legible at 32 px"),
        ({"min_contrast_dark": 20}, "dark ground"),
        ({"min_contrast_light": 15}, "light ground"),
        ({"min_contrast": 21}, "too little contrast"),
        ({"min_side": 300}, "too small"),
        ({"budget_kb": 0.1}, "byte budget"),
        ({"budget_kb": 0.1, "budget_format": "png"}, "byte budget (png_kb"),
        ({"min_content": 0.9}, "hardly anything"),
    ],
)
def test_each_threshold_rejects(params: dict[str, object], fault: str) -> None:
    found = judge(art(), **params)
    assert found.status == "rejected"
    assert found.code is Exit.QUALITY
    assert fault in (found.reason or "")


def test_off_centre_is_rejected_when_asked() -> None:
    image = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    image.paste((200, 40, 40, 255), (10, 60, 90, 140))
    assert judge(image).status == "passed"
    assert "off centre (box_offset 0.25" in (judge(image, max_box_offset=0.1).reason or "")
    assert "weight off centre" in (judge(image, max_weight_offset=0.1).reason or "")


def test_every_fault_is_named() -> None:
    reason = judge(art(), min_padding=0.4, min_side=999, min_legible_16=1).reason or ""
    assert reason.count(";") == 2


def test_the_better_picture_ranks_higher() -> None:
    good = judge(art()).rank or 0
    soft = judge(art().filter(ImageFilter.GaussianBlur(3))).rank or 0
    shifted = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    shifted.paste(art(), (38, 0))
    assert good > soft
    assert good > (judge(shifted).rank or 0)


def with_text(status: str, *scores: Score) -> Sidecar:
    record = Record(stage="text", version="1", status=status, scores=list(scores), key="k")
    return Sidecar(id="x", stages=[record])


def test_text_contrast_comes_from_the_text_record() -> None:
    low = with_text("changed", Score(name="headline_contrast", value=9.0), Score(name="caption_contrast", value=2.5))
    found = judge(art(), low)
    assert "text hard to read (text_contrast 2.5 is under 3)" in (found.reason or "")
    fine = with_text("changed", Score(name="headline_contrast", value=9.0), Score(name="headline_size", value=2.0))
    assert score(judge(art(), fine), "text_contrast").value == 9.0
    assert judge(art(), with_text("skipped")).status == "passed"


@pytest.mark.parametrize("scores", [[], [Score(name="caption_contrast")]])
def test_text_without_a_stated_contrast_is_no_verdict(scores: list[Score]) -> None:
    with pytest.raises(NoVerdictError, match="text_contrast"):
        judge(art(), with_text("changed", *scores))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", sorted(set(measure.MEASURES) - measure.ON_REQUEST))
def test_a_measurement_that_is_no_number_is_no_verdict(monkeypatch: pytest.MonkeyPatch, name: str, bad: float) -> None:
    real = measure.MEASURES[name]
    monkeypatch.setitem(measure.MEASURES, name, lambda planes: dict.fromkeys(real(planes), bad))
    with pytest.raises(NoVerdictError, match="could not measure") as caught:
        judge(art(64))
    assert caught.value.code is Exit.NO_VERDICT


def test_a_measurement_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> dict[str, float]:
        raise ZeroDivisionError("by nought")

    monkeypatch.setitem(measure.MEASURES, "banding", broken)
    with pytest.raises(NoVerdictError, match="banding: by nought"):
        judge(art(64))


def test_without_a_picture_there_is_no_verdict() -> None:
    with pytest.raises(NoVerdictError, match="no picture"):
        judge(None)


def test_the_same_picture_gives_the_same_scores() -> None:
    assert judge(art()) == judge(art())


def test_params_are_bounded() -> None:
    for bad in ({"min_sharpness": -1}, {"min_contrast": 0}, {"budget_kb": 0}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            QualityParams(**bad)


def test_every_rule_has_its_param_and_every_threshold_its_rule() -> None:
    params = {rule.param for rule in RULES.values()}
    assert params == set(QualityParams.model_fields) - {"budget_format"}


def test_it_is_quick() -> None:
    # Four times what it takes on an idle core; a slow path would be worse than that.
    image = art(512)
    judge(image)
    best = min(_seconds(image) for _ in range(3))
    assert best < 0.24


def _seconds(image: Image.Image) -> float:
    start = time.process_time()
    judge(image)
    return time.process_time() - start
