"""Painted marks: what was not asked for goes, what was asked for stays, what is not ours or carries provenance is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import BackendError, InputError, MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.imaging import patch, tiling
from imajin_cli.stages.imaging.marking import invisible
from imajin_cli.stages.mending.origin import is_composed, made_by
from imajin_cli.stages.remove_watermark import RemoveWatermark, RemoveWatermarkParams
from imajin_cli.stages.strays import words
from imajin_cli.stages.strays.find import Mark
from imajin_cli.stages.strays.remove import removed
from painted import ink, laid, ours, texture, tiles


def cleaned(asset: Asset, **params: object) -> Outcome:
    return RemoveWatermark(RemoveWatermarkParams.model_validate(params)).apply(asset)


# What the words say.


@pytest.mark.parametrize(
    "text",
    [
        "shutterstock",
        "Shutter stock",
        "shuterstok",
        "gettyimages",
        "Getty Images",
        "getyimages",
        "iStock by",
        "DREAMSTIME",
        "adobestock",
    ],
)
def test_stock_names_are_known_whole_split_and_garbled(text):
    assert words.stock_word(text) is not None


@pytest.mark.parametrize(
    "text", ["Page not found", "404", "shutters", "stockings", "images", "Preview", "a lamb", "time for dreams"]
)
def test_other_words_are_no_stock_names(text):
    assert words.stock_word(text) is None


def test_stock_words_can_be_added_and_a_previews_words_count_only_alone():
    assert words.stock_word("Bildarchiv Nord", ["Bildarchiv"]) == "bildarchiv"
    assert words.generic_word("PREVIEW SAMPLE") == "preview"
    assert words.generic_word("PREVIEWSAMPLE") == "preview"
    assert words.generic_word("Preview your page") is None
    assert words.generic_word("PREVI5W") == "preview"
    assert words.generic_word("") is None


def test_pieces_of_a_repeated_name_are_told_from_other_words():
    for text in ("eams", "dre", "drean", "nstim", "1stime"):
        assert words.piece_of(text, "dreamstime"), text
    for text in ("d", "", "steam engine", "404", "Robot"):
        assert not words.piece_of(text, "dreamstime"), text


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("© 2021 Jane Doe", True),
        ("All rights reserved", True),
        ("@pixelmaker", True),
        ("www.artofkei.com", True),
        ("Copyright", True),
        ("me @ home", False),
        ("Node.js", False),
        ("404", False),
        ("copy", False),
    ],
)
def test_claims_of_rights(text, claims):
    assert words.rights(text) is claims


def test_what_was_asked_for_is_known_in_quotes_as_headline_as_numerals_and_painted_with_mistakes():
    asked = words.wanted(
        Request(prompt='a shop with a sign "Café Paradis", error 404', headline="Page not found"), ["Acme"]
    )
    for text in ("CAFE PARADIS", "Cafe Paradlis", "Page not fuond", "found", "404", "Acme", "Error", "…"):
        assert asked.has(text), text
    for text in ("shutterstock", "404 shutterstock", "Page shutterstock.com", "J. Miller"):
        assert not asked.has(text), text


@given(st.text(min_size=2, max_size=40), st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_headline_is_always_wanted_whatever_it_says(headline, prompt):
    asked = words.wanted(Request(prompt=prompt, headline=headline), [])
    assert asked.has(headline)
    assert words.wanted(Request(prompt=prompt), [headline]).has(headline.upper())


# The blend, and the tiles.


@given(st.integers(0, 2**31), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_a_blend_changes_nothing_outside_its_weights_and_all_inside(seed, feather):
    rng = np.random.default_rng(seed)
    old, new = (rng.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2))
    mask = np.zeros((40, 50), bool)
    y, x = rng.integers(0, 30), rng.integers(0, 40)
    mask[y : y + rng.integers(1, 12), x : x + rng.integers(1, 12)] = True
    weights = patch.feathered(mask, feather)
    done = patch.blended(old, new, weights)
    assert patch.same_outside(old, done, weights)
    assert (done[mask] == new[mask]).all()
    rows, columns = np.nonzero(weights > 0)
    assert rows.min() >= y - feather
    assert columns.min() >= x - feather
    assert weights.min() >= 0
    assert (weights > 0).sum() >= mask.sum()
    spread = patch.feathered(mask, 0)
    assert ((spread > 0) == mask).all()
    done[np.unravel_index(np.argmin(weights), weights.shape)] ^= 1
    if weights.min() == 0:
        assert not patch.same_outside(old, done, weights)


@pytest.mark.parametrize(("turn", "opacity"), [(0, 0.12), (30, 0.2), (45, 0.35)])
def test_a_tiled_overlay_is_found_with_its_strokes(turn, opacity):
    plane = tiles((640, 480), "gettyimages", 26, turn)
    found = tiling.tiled(np.asarray(laid(texture(), plane, opacity)))
    assert found is not None
    strokes = plane > 0.5
    assert found.mask[strokes].mean() > 0.9
    assert found.mask[~(plane > 0)].mean() < 0.15


def bricks(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A wall: dark joints, bricks of their own shades."""
    rng = np.random.default_rng(3)
    pixels = np.asarray(texture(size, 4, spread=6)).astype(float)
    for row in range(0, size[1], 40):
        for column in range(-40, size[0], 80):
            left = max(0, column + (40 if row // 40 % 2 else 0))
            pixels[row : row + 36, left : left + 76] += rng.normal(30, 14) * np.array([1.4, 0.7, 0.5])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "picture",
    [texture(), texture(spread=60), bricks(), Image.new("RGB", (400, 300), "teal"), Image.new("RGB", (60, 60))],
)
def test_what_is_no_overlay_is_none(picture):
    assert tiling.tiled(np.asarray(picture.convert("RGB"))) is None


# Whose picture it is.


def test_a_picture_that_generate_made_is_ours_through_recorded_changes_alone():
    asset = ours(texture((64, 64)))
    sha = asset.picture.sha256
    assert made_by(asset.sidecar, sha).backend == "diffusers"
    other = "f" * 64
    changed = Record(stage="fix-anatomy", version="1", status="changed", input=sha, output=other, key="1")
    assert made_by(asset.sidecar.with_record(changed), other).stage == "generate"


def first(sidecar: Sidecar, **changes: object) -> Sidecar:
    """``sidecar`` with its first record changed."""
    return sidecar.model_copy(update={"stages": [sidecar.stages[0].model_copy(update=changes)]})


def later(sidecar: Sidecar, stage: str, **more: object) -> Sidecar:
    return sidecar.with_record(Record(stage=stage, version="1", status="changed", key="2", **more))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.model_copy(update={"stages": []}), "does not say that imajin generated it"),
        (lambda s: later(s, "load"), "loaded from a file"),
        (lambda s: first(s, notes={"inputs": {"image": "ab"}}), "a picture was given"),
        (lambda s: first(s, output="e" * 64), "changed since"),
        (lambda s: first(s, status="error"), "does not say"),
        (lambda s: later(s, "watermark", output="d" * 64), "changed since"),
    ],
)
def test_what_is_not_ours_alone_is_refused(change, said):
    asset = ours(laid(texture((160, 120)), ink((160, 120), "shutterstock", (0.5, 0.5), 16), 0.9))
    with pytest.raises(InputError, match=said) as error:
        cleaned(replace(asset, sidecar=change(asset.sidecar)))
    assert error.value.code == Exit.USAGE


def test_provenance_is_never_painted_over():
    asset = ours(laid(texture((420, 320)), ink((420, 320), "shutterstock", (0.5, 0.5), 34), 0.8))
    sha = asset.picture.sha256
    for stage, status in (("watermark", "changed"), ("output", "changed"), ("output", "passed")):
        record = Record(stage=stage, version="1", status=status, key="4", input=sha, output=sha)
        with pytest.raises(InputError, match="stays"):
            cleaned(replace(asset, sidecar=asset.sidecar.with_record(record)))
    for inside in (b"....jumdc2pa....", b"<x Iptc4xmpExt:DigitalSourceType=''/>", b"8BIM\x04\x04"):
        with pytest.raises(InputError, match="its file carries"):
            cleaned(replace(asset, raw=b"\x89PNG" + inside))
    marked = invisible.mark(asset.picture.image, b"ours")
    assert marked.why is None
    with pytest.raises(InputError, match="invisible mark"):
        cleaned(ours(marked.image))


def test_a_composed_scene_is_skipped_and_one_that_a_model_painted_on_is_not():
    asset = ours(texture((64, 64)))
    made = asset.sidecar.stages[0].model_copy(update={"backend": "compose", "model": None})
    sidecar = asset.sidecar.model_copy(update={"stages": [made]})
    outcome = cleaned(replace(asset, sidecar=sidecar))
    assert outcome.status == "skipped"
    assert "composed scene" in outcome.reason
    painted = Record(
        stage="x", version="1", status="changed", key="5", model=ours(texture((8, 8))).sidecar.stages[0].model
    )
    assert not is_composed(made, sidecar.with_record(painted))


# Taking off.


def marked_and_clean(
    text: str, at: tuple[float, float], high: int, opacity: float = 0.9, turn: float = 0
) -> tuple[Image.Image, Image.Image, np.ndarray]:
    clean = texture((420, 320))
    plane = ink(clean.size, text, at, high, turn)
    return laid(clean, plane, opacity), clean, plane


@pytest.mark.parametrize(
    ("text", "at", "high", "turn", "kind"),
    [
        ("shutterstock", (0.5, 0.5), 34, 0, "stock"),
        pytest.param("gettyimages", (0.5, 0.45), 30, 25, "stock", marks=pytest.mark.slow),
        pytest.param("© 2021 Jane Doe", (0.75, 0.94), 15, 0, "rights", marks=pytest.mark.slow),
        ("M. Laurent", (0.18, 0.93), 18, 0, "signature"),
        pytest.param("PREVIEW", (0.5, 0.5), 60, 30, "preview", marks=pytest.mark.slow),
    ],
)
def test_a_mark_is_taken_off_and_nothing_else_changes(text, at, high, turn, kind):
    image, clean, plane = marked_and_clean(text, at, high, turn=turn)
    outcome = cleaned(ours(image))
    assert outcome.status == "changed", outcome.reason
    assert outcome.backend == "telea"
    told = outcome.notes["marks"]
    assert {one["kind"] for one in told} == {kind}
    assert all(one["removed"] for one in told)
    before, after, truth = (np.asarray(one).astype(int) for one in (image, outcome.picture.image, clean))
    touched = (before != after).any(-1)
    assert outcome.notes["changed_pixels"] == touched.sum()
    near = patch.feathered(plane > 0, 30) > 0
    assert not touched[~near].any()
    strokes = plane > 0.5
    assert np.abs(after - truth)[strokes].mean() < 0.35 * np.abs(before - truth)[strokes].mean()
    assert cleaned(ours(outcome.picture.image)).reason == "no mark was found"


@pytest.mark.slow
def test_a_tiled_overlay_is_taken_off():
    clean, plane = texture(), tiles((640, 480), "alamy", 30, 30)
    image = laid(clean, plane, 0.3)
    outcome = cleaned(ours(image))
    assert outcome.status == "changed", outcome.reason
    assert "tiled" in {one["kind"] for one in outcome.notes["marks"]}
    before, after, truth = (np.asarray(one).astype(int) for one in (image, outcome.picture.image, clean))
    strokes = plane > 0.5
    assert np.abs(after - truth)[strokes].mean() < 0.6 * np.abs(before - truth)[strokes].mean()
    assert (
        cleaned(ours(image, "a seamless pattern of letters"), signatures=False, words=[])
        .notes.get("marks", [{}])[0]
        .get("kind")
        != "tiled"
    )


@pytest.mark.parametrize(
    ("text", "at", "more"),
    [
        ("Page not found", (0.5, 0.3), {"headline": "Page not found"}),
        ("404", (0.14, 0.95), {"prompt": "an error page with 404"}),
        ("shutterstock", (0.5, 0.5), {"prompt": 'a wall with "Shutterstock" on it'}),
        ("© Acme 2026", (0.2, 0.95), {"caption": "© Acme 2026"}),
    ],
)
def test_text_that_was_asked_for_stays(text, at, more):
    image, _, _ = marked_and_clean(text, at, 24)
    outcome = cleaned(ours(image, **more))
    assert (outcome.status, outcome.reason) == ("skipped", "no mark was found")


@pytest.mark.slow
def test_other_text_in_the_middle_is_no_mark_and_params_say_what_is():
    image, _, _ = marked_and_clean("Fresh bread", (0.5, 0.4), 30)
    assert cleaned(ours(image)).reason == "no mark was found"
    assert cleaned(ours(image), words=["fresh bread"]).status == "changed"
    signed, _, _ = marked_and_clean("M. Laurent", (0.18, 0.93), 18)
    assert cleaned(ours(signed), signatures=False).reason == "no mark was found"
    assert cleaned(ours(signed), keep=["M. Laurent"]).reason == "no mark was found"


@pytest.mark.slow
def test_alpha_and_mode_stay():
    image, _, _ = marked_and_clean("shutterstock", (0.5, 0.5), 34)
    alpha = Image.linear_gradient("L").resize(image.size).point(lambda level: max(level, 200))
    image.putalpha(alpha)
    outcome = cleaned(ours(image))
    assert outcome.picture.image.mode == "RGBA"
    assert outcome.picture.image.getchannel("A").tobytes() == alpha.tobytes()
    grey = marked_and_clean("shutterstock", (0.5, 0.5), 34)[0].convert("L")
    assert cleaned(ours(grey)).picture.image.mode == "L"


def test_what_stays_is_said_put_back_and_may_be_rejected(monkeypatch):
    from imajin_cli.stages.backends import inpaint

    monkeypatch.setattr(inpaint, "telea", lambda pixels, mask: np.where(mask[..., None], pixels ^ 1, pixels))
    image, _, _ = marked_and_clean("shutterstock", (0.5, 0.5), 34)
    outcome = cleaned(ours(image))
    assert outcome.status == "skipped"
    assert outcome.picture is None
    assert outcome.reason == "not removed: stock mark 'shutterstock': it is found again after filling"
    rejected = cleaned(ours(image), unremoved="reject")
    assert (rejected.status, rejected.code) == ("rejected", Exit.QUALITY)


def test_of_two_marks_the_one_that_stays_has_its_pixels_back_and_a_large_one_is_not_tried():
    pixels = np.asarray(texture((120, 90)))

    def mark(left: int, width: int, kind: str = "stock") -> Mark:
        mask = np.zeros(pixels.shape[:2], bool)
        mask[10:20, left : left + width] = True
        return Mark(kind, "x", mask, mask)

    goes, stays = mark(10, 20), mark(60, 20)
    huge = replace(goes, mask=np.ones(pixels.shape[:2], bool))
    asked = []

    def fill(levels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        asked.append(int(mask.sum()))
        return 255 - levels

    done = removed(pixels, [goes, stays, huge], fill, lambda levels: [stays], 0)
    assert [fate.why for fate in done.fates] == [
        "it covers 100% of the picture",
        None,
        "it is found again after filling",
    ]
    assert (done.pixels[goes.mask] == 255 - pixels[goes.mask]).all()
    assert (done.pixels[~goes.mask] == pixels[~goes.mask]).all()
    assert asked[-1] == goes.mask.sum()


def test_a_fill_of_another_shape_is_an_error():
    pixels = np.asarray(texture((60, 40)))
    mask = np.zeros((40, 60), bool)
    mask[5:9, 5:20] = True
    with pytest.raises((BackendError, ValueError)):
        removed(pixels, [Mark("stock", "x", mask, mask)], lambda p, m: p[:-1], lambda p: [], 2)


def test_without_its_networks_the_stage_names_the_command(monkeypatch):
    from imajin_cli.stages.backends import ocr

    def gone(*_: object, **__: object) -> None:
        raise MissingError(
            "the model ocr-detect is needed: it is not on this machine", hint="imajin models pull ocr-detect"
        )

    monkeypatch.setattr(ocr, "network", gone)
    with pytest.raises(MissingError, match="ocr-detect"):
        cleaned(ours(texture((80, 60))))


# The command.


def test_the_command_refuses_a_photo_and_skips_a_composed_scene(cli, png, sh):
    refused = cli("remove-watermark", str(png("photo.png")))
    assert refused.returncode == Exit.USAGE
    assert b"does not say that imajin generated it" in refused.stderr
    done = sh('imajin generate "a rocket" --size 96 | imajin remove-watermark --json')
    assert done.returncode == 0, done.stderr
    assert b'"status": "skipped"' in done.stdout or b'"skipped"' in done.stdout
    loaded = cli("run", "photo.png", "--also", "remove-watermark", "-o", "out")
    assert loaded.returncode == Exit.USAGE
    assert b"does not say that imajin generated it" in loaded.stderr


def test_the_command_sees_what_a_file_carries_beside_its_pixels(cli, work):
    from imajin_cli.contract.sidecar import ImageInfo
    from imajin_cli.run.png import encode_png

    asset = ours(texture((96, 64)))
    picture: Picture = asset.picture
    info = ImageInfo(sha256=picture.sha256, width=96, height=64, mode="RGB")
    sidecar: Sidecar = asset.sidecar.model_copy(update={"image": info})
    (work / "a.png").write_bytes(encode_png(picture.image, {}) + b"jumdc2pa")
    (work / "a.png.json").write_text(sidecar.model_dump_json())
    done = cli("remove-watermark", "a.png")
    assert done.returncode == Exit.USAGE
    assert b"Content Credentials" in done.stderr
    (work / "a.png").write_bytes(encode_png(picture.image, {}))
    done = cli("remove-watermark", "a.png", "--json")
    assert done.returncode == 0, done.stderr
    assert b"no mark was found" in done.stdout + done.stderr
