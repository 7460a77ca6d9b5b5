"""The watermark stage: what it marks, what a reader gives back, and what neither ever claims."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Record, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.encode.svgfile import check_svg, encode_svg
from imajin_cli.stages.imaging.marking import codeword, dwtsvd, invisible
from imajin_cli.stages.marks.asked import payload_of
from imajin_cli.stages.marks.telling import carried
from imajin_cli.stages.watermark import Watermark, WatermarkParams

PAYLOADS = st.binary(min_size=1, max_size=8).filter(lambda b: not b.endswith(b"\0"))
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 60" width="100" height="60">'
    '<circle cx="30" cy="30" r="24" fill="#ee3333"/></svg>'
)


def textured(size: tuple[int, int] = (384, 256), seed: int = 1, mode: str = "RGB") -> Image.Image:
    """Smoothed noise: texture everywhere, as in a photograph."""
    random = np.random.default_rng(seed)
    small = random.integers(30, 225, (size[1] // 4, size[0] // 4, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)


def scene(size: tuple[int, int] = (640, 360), ground: str | None = "#f2f4fb") -> Picture:
    back = f'<rect width="{size[0]}" height="{size[1]}" fill="{ground}"/>' if ground else ""
    body = f'{back}<g data-layer="subject"><circle cx="320" cy="180" r="150" fill="#22308f"/></g>'
    box = 'width="{0}" height="{1}" viewBox="0 0 {0} {1}"'.format(*size)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{body}</svg>'
    return Picture(size, lambda: render(svg, *size), vector=Vector(svg, {}, {"subject": svg}))


def run(picture: Picture | None, **params: object) -> Outcome:
    return Watermark(WatermarkParams.model_validate(params)).apply(Asset(Sidecar(id="a"), picture))


def encoded(image: Image.Image, kind: str, **how: object) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return Image.open(buffer)


# The code


@given(PAYLOADS)
def test_a_payload_comes_back_from_its_code_word(payload):
    bits = codeword.encode(payload)
    word = codeword.decode(np.where(bits, 1.0, -1.0))
    assert word is not None
    assert (word.payload, word.corrected) == (payload, 0)


@given(PAYLOADS, st.data())
def test_three_wrong_bytes_are_put_right(payload, data):
    bits = codeword.encode(payload)
    wrong = data.draw(st.sets(st.integers(0, len(bits) // 8 - 1), min_size=1, max_size=3))
    sums = np.where(bits, 1.0, -1.0)
    for byte in wrong:
        sums[byte * 8 + data.draw(st.integers(0, 7))] *= -1
    word = codeword.decode(sums)
    assert word is not None
    assert (word.payload, word.corrected) == (payload, len(wrong))


@given(st.sampled_from(codeword.FORMS), st.integers(0, 2**32 - 1))
def test_random_bits_are_no_word(form, seed):
    sums = np.random.default_rng(seed).standard_normal(codeword.length(form))
    assert codeword.decode(sums) is None


def test_neither_all_zeros_nor_all_ones_are_a_word():
    for form in codeword.FORMS:
        for value in (1.0, -1.0):
            assert codeword.decode(np.full(codeword.length(form), value)) is None


@given(PAYLOADS)
def test_what_is_shown_of_a_payload_sets_it_again(payload):
    assert codeword.parse_payload(codeword.shown(payload)) == payload


@pytest.mark.parametrize("text", ["", "ninebytes", "0x", "0xabc", "0xzz", "0x00", "a\0", "0x" + "11" * 9])
def test_what_is_no_payload_is_refused(text):
    with pytest.raises(codeword.PayloadError):
        codeword.parse_payload(text)


def test_every_run_of_cells_carries_every_bit_once():
    at, opposite = codeword.spread(1000, 104)
    assert all(sorted(at[start : start + 104]) == list(range(104)) for start in range(0, 936, 104))
    assert 0.4 < opposite.mean() < 0.6


# The method


def by_the_book(plane: np.ndarray, bits: np.ndarray, step: float) -> np.ndarray:
    """dwtDctSvd as published: with the DCT, and the value below."""
    out = plane.copy()
    for row in range(0, plane.shape[0] - 7, 8):
        for column in range(0, plane.shape[1] - 7, 8):
            cell = plane[row : row + 8, column : column + 8]
            band = (cell[0::2, 0::2] + cell[0::2, 1::2] + cell[1::2, 0::2] + cell[1::2, 1::2]) / 2
            u, s, v = np.linalg.svd(cv2.dct(band))
            s[0] = (s[0] // step + 0.25 + 0.5 * bits[row // 8, column // 8]) * step
            new = cv2.idct(np.dot(u, np.dot(np.diag(s), v)))
            out[row : row + 8, column : column + 8] += np.repeat(np.repeat((new - band) / 2, 2, 0), 2, 1)
    return out


def test_the_method_is_the_published_one():
    plane = np.asarray(textured(mode="L"), np.float32)
    blocks = dwtsvd.approximation(dwtsvd.cells(plane))
    bits = np.random.default_rng(3).random(blocks.shape[:2]) > 0.5
    book = by_the_book(plane, bits, dwtsvd.STEP)
    values = dwtsvd.largest(dwtsvd.approximation(dwtsvd.cells(book)))
    assert ((dwtsvd.said(values) > 0) == bits).all()
    below = (values // dwtsvd.STEP + np.where(bits, 0.75, 0.25)) * dwtsvd.STEP
    change = dwtsvd.change(blocks, below.astype(np.float32))
    ours = plane + change.swapaxes(1, 2).reshape(plane.shape)
    assert np.abs(ours - book).max() < 0.01


@given(st.integers(0, 2**32 - 1))
def test_the_nearest_values_say_their_bits_and_are_nearest(seed):
    random = np.random.default_rng(seed)
    values = (random.random(64) * 2000).astype(np.float32)
    bits = random.random(64) > 0.5
    near, far = dwtsvd.nearest(values, bits)
    assert ((dwtsvd.said(near) > 0) == bits).all()
    assert ((dwtsvd.said(far) > 0) == bits).all()
    assert (near >= 0).all()
    assert (np.abs(near - values) <= np.abs(far - values) + 1e-3).all()
    low = values < dwtsvd.STEP
    assert (np.abs(near - values)[~low] <= dwtsvd.STEP / 2 + 1e-3).all()


# The invisible mark


@settings(max_examples=20, deadline=None)
@given(PAYLOADS, st.integers(0, 1000), st.sampled_from(["L", "LA", "RGB", "RGBA"]))
def test_a_mark_comes_back_from_the_picture(payload, seed, mode):
    image = textured(seed=seed, mode=mode)
    done = invisible.mark(image, payload)
    assert done.why is None
    assert (done.image.mode, done.image.size) == (mode, image.size)
    found = invisible.read(done.image)
    assert found is not None
    assert found[0].payload == payload
    assert found[1].bits == 1.0


@pytest.mark.parametrize(
    ("kind", "how"),
    [("WEBP", {"quality": 82}), ("AVIF", {"quality": 68, "speed": 8}), ("JPEG", {"quality": 75}), ("PNG", {})],
)
def test_a_mark_survives_encoding(kind, how):
    done = invisible.mark(textured((512, 512)), b"imjn")
    found = invisible.read(encoded(done.image, kind, **how))
    assert found is not None
    assert found[0].payload == b"imjn"


def test_a_mark_survives_a_palette():
    done = invisible.mark(textured((512, 512), mode="L"), b"imjn")
    found = invisible.read(done.image.convert("RGB").quantize(128).convert("RGB"))
    assert found is not None
    assert found[0].payload == b"imjn"


def test_a_mark_is_hard_to_see():
    image = textured((512, 512))
    off = np.asarray(invisible.mark(image, b"imjn").image, np.float64) - np.asarray(image)
    assert 10 * np.log10(255**2 / (off**2).mean()) > 42
    assert np.abs(off).max() <= 12


def test_flat_ground_and_transparent_pixels_are_left_alone():
    image = Image.new("RGBA", (512, 512), (240, 244, 250, 255))
    image.paste(textured((320, 512), mode="RGBA"), (0, 0))
    image.paste((10, 20, 30, 0), (100, 100, 160, 300))
    image.paste((90, 20, 30, 128), (200, 100, 260, 300))
    done = invisible.mark(image, b"imjn")
    assert done.why is None
    before, after = np.asarray(image), np.asarray(done.image)
    assert (before[..., 3] == after[..., 3]).all()
    assert (before[:, 328:] == after[:, 328:]).all()
    see_through = before[..., 3] < 255
    assert (before[see_through] == after[see_through]).all()
    assert invisible.read(done.image)[0].payload == b"imjn"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (Image.new("RGB", (512, 512), "#f2f4fb"), "too flat"),
        (textured((96, 96)), "too small"),
        (Image.new("RGBA", (512, 512)), "too flat"),
        (Image.new("L", (1, 1)), "too small"),
        (Image.new("LA", (7, 900)), "too small"),
    ],
)
def test_what_cannot_be_marked_is_said_and_left(image, why):
    done = invisible.mark(image, b"imjn")
    assert why in (done.why or "")
    assert done.image is image
    assert invisible.read(image) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(256, 256), (264, 200), (832, 64), (512, 320)]))
def test_a_picture_without_a_mark_gives_none(seed, size):
    assert invisible.read(textured(size, seed)) is None
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), np.uint8)
    assert invisible.read(Image.fromarray(noise)) is None


def test_a_damaged_mark_gives_its_payload_or_none():
    marked = invisible.mark(textured((512, 512)), b"imjn").image
    seen = set()
    for strength in range(0, 60, 4):
        noise = np.random.default_rng(strength).normal(0, strength, (512, 512, 3))
        damaged = Image.fromarray(np.clip(np.asarray(marked) + noise, 0, 255).astype(np.uint8))
        found = invisible.read(damaged)
        seen.add(None if found is None else found[0].payload)
    assert seen == {b"imjn", None}
    assert invisible.read(marked.resize((400, 400))) is None


# The stage


def test_without_a_mark_nothing_is_done():
    assert run(scene()).status == "skipped"
    assert run(scene(), payload="").status == "skipped"


def test_the_stage_records_its_payload_and_keeps_the_vector():
    picture = Picture.of(textured(), vector=scene((384, 256)).vector)
    outcome = run(picture, payload="imjn")
    assert outcome.status == "changed"
    assert outcome.picture.vector is picture.vector
    record = Record(stage="watermark", version="1", status="changed", key="k", notes=dict(outcome.notes))
    assert payload_of(Sidecar(id="a", stages=[record])) == b"imjn"


@pytest.mark.parametrize("told", [None, 3, {}, {"payload": 3}, {"payload": "x" * 99}, {"payload": "0xzz"}, ["imjn"]])
def test_a_sidecar_that_names_no_payload_asks_for_none(told):
    record = Record(stage="watermark", version="1", status="changed", key="k", notes={"invisible": told})
    assert payload_of(Sidecar(id="a", stages=[record])) is None


def test_what_cannot_be_marked_is_passed_on_with_its_reason_or_rejected():
    flat = Picture.of(Image.new("RGB", (512, 512), "#f2f4fb"))
    passed = run(flat, payload="imjn")
    assert (passed.status, passed.picture) == ("skipped", None)
    assert "not markable: too flat" in passed.reason
    rejected = run(flat, payload="imjn", unmarkable="reject")
    assert (rejected.status, rejected.code) == ("rejected", Exit.QUALITY)


@pytest.mark.parametrize(("ground", "colour"), [("#10131c", "#ffffff"), ("#f2f4fb", "#14181f")])
def test_the_tone_is_chosen_by_what_is_behind(ground, colour):
    outcome = run(scene(ground=ground), text="Example")
    assert outcome.notes["visible"]["colour"] == colour
    assert outcome.notes["visible"]["contrast"] >= 1.4


def test_what_is_really_behind_counts_not_the_picture_as_a_whole():
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).rectangle((200, 300, 400, 400), fill="#101010")
    assert run(Picture.of(image), text="Example").notes["visible"]["colour"] == "#ffffff"
    assert run(Picture.of(image), text="Example", place="top-left").notes["visible"]["colour"] == "#14181f"


def test_a_scene_stays_a_scene_and_a_second_mark_replaces_the_first():
    first = run(scene(), text="First")
    assert first.picture.vector.layers.keys() == {"subject", "mark"}
    check_svg(encode_svg(first.picture.vector.svg, (640, 360), "x"))
    second = run(first.picture, text="Second")
    assert "Second" in second.picture.vector.svg
    assert "First" not in second.picture.vector.svg
    assert second.picture.vector.svg.count('data-layer="mark"') == 1


def test_an_image_mark_goes_into_a_scene_and_onto_pixels(work: Path):
    (work / "logo.svg").write_text(LOGO)
    vector = run(scene(), image="logo.svg", tone="own")
    check_svg(encode_svg(vector.picture.vector.svg, (640, 360), "x"))
    pixels = run(Picture.of(scene().image), image="logo.svg", tone="own")
    x, y, w, h = pixels.notes["visible"]["box"]
    assert max(w, h) == pytest.approx(0.2 * 360, abs=1)
    middle = (round(x + w / 2), round(y + h / 2))
    for outcome in (vector, pixels):
        red, green, _, alpha = outcome.picture.image.convert("RGBA").getpixel(middle)
        assert red > green + 40
        assert alpha == 255


@pytest.mark.parametrize("vector", [True, False])
def test_the_mark_stands_on_opaque_ground_and_keeps_the_alpha(vector):
    picture = scene(ground=None) if vector else Picture.of(scene(ground=None).image)
    outcome = run(picture, text="Example")
    assert outcome.status == "changed"
    before, after = (np.asarray(p.image.convert("RGBA")) for p in (picture, outcome.picture))
    assert (before[..., 3] == after[..., 3]).all()
    assert (before[..., :3] != after[..., :3]).any()


def test_a_picture_without_opaque_ground_is_not_marked():
    outcome = run(Picture.of(Image.new("RGBA", (300, 300), (9, 9, 9, 120))), text="Example")
    assert outcome.status == "skipped"
    assert "nowhere is there opaque ground" in outcome.reason


def test_letters_too_small_to_read_are_not_drawn():
    outcome = run(Picture.of(Image.new("RGB", (64, 64))), text="A rather long line of words")
    assert "px high" in outcome.reason


def test_words_are_held_to_the_caption_policy():
    outcome = run(scene(), text="buy heroin here")
    assert (outcome.status, outcome.code) == ("rejected", Exit.INVALID)


@pytest.mark.parametrize("made", ["missing", "folder", "text", "empty-svg"])
def test_an_image_that_cannot_be_read_is_one_clear_error(work: Path, made):
    target = work / "logo.png"
    if made == "folder":
        target.mkdir()
    elif made == "text":
        target.write_text("no picture")
    elif made == "empty-svg":
        target.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    with pytest.raises(InputError, match="the mark"):
        run(scene(), image="logo.png")


def test_another_logo_is_other_work(work: Path):
    (work / "logo.svg").write_text(LOGO)
    stage = Watermark(WatermarkParams(image="logo.svg"))
    other = LOGO.replace("#ee3333", "#33ee33")
    before = stage.revision()
    (work / "logo.svg").write_text(other)
    assert Watermark(WatermarkParams(image="logo.svg")).revision() != before


# Files


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP", b"\xff\xd8\xff"]))
def test_what_is_no_picture_is_refused(data, head):
    with pytest.raises(InputError):
        carried(head + data)


def test_a_file_cut_short_never_tells_another_payload():
    buffer = io.BytesIO()
    invisible.mark(textured((512, 512)), b"imjn").image.save(buffer, "WEBP", quality=90)
    data = buffer.getvalue()
    for part in range(1, 8):
        try:
            told = carried(data[: len(data) * part // 8])["invisible"]
        except InputError:
            continue
        assert told is None or told["payload"] == "imjn"


def test_published_files_are_decoded_again_and_read(cli, work: Path):
    textured((640, 480)).save("photo.png")
    done = cli(
        *("run", "photo.png", "--skip", "moderate", "--skip", "semantic", "--skip", "aesthetic", "--skip", "quality"),
        *("--set", "watermark.payload=imjn", "--set", "output.format=png,webp,avif,jpeg"),
        *("--set", "output.size=640x480,320x240,64x48", "-o", "dist"),
    )
    assert done.returncode == 0, done.stderr.decode()
    files = {f["name"]: f for a in json.loads(Path("dist/manifest.json").read_text())["assets"] for f in a["files"]}
    assert len(files) == 12
    for name, file in files.items():
        assert file["mark"]["payload"] == "imjn"
        if "64x48" in name and "640" not in name:
            assert not file["mark"]["read"]
            assert file["mark"]["why"].startswith("not markable: too small")
        else:
            assert file["mark"]["read"], file
            assert file["mark"]["bits"] > 0.97
    told = cli("watermark", "--read", "--json", *(f"dist/{name}" for name in sorted(files)))
    assert told.returncode == 0
    for line in json.loads(told.stdout):
        said = files[Path(line["file"]).name]["mark"]
        assert (line["invisible"] is not None) == said["read"]
        if said["read"]:
            assert line["invisible"]["payload"] == "imjn"


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["icon", "hero", "empty-state", "avatar"])
def test_what_the_record_claims_is_what_a_reader_finds(cli, work: Path, preset: str):
    """By size, format and class of asset: each file is read again here, from its bytes, and says what its record says."""
    sides = ("512x288", "256x144", "128x72") if preset == "hero" else ("512x512", "256x256", "128x128")
    done = cli(
        *("run", "a robot", "--preset", preset, "-o", "dist"),
        *(word for stage in ("moderate", "semantic", "aesthetic", "quality") for word in ("--skip", stage)),
        *(
            "--set",
            "output.require=validate",
            "--size",
            sides[0],
            "--set",
            "watermark.payload=imjn",
            "--set",
            "output.format=png,webp,avif,jpeg",
        ),
        *("--set", f"output.size={','.join(sides)}"),
    )
    assert done.returncode == 0, done.stderr.decode()
    (asset,) = json.loads(Path("dist/manifest.json").read_text())["assets"]
    claimed = {}
    for file in asset["files"]:
        if file["role"] != "asset":
            continue
        found = carried((Path("dist") / file["name"]).read_bytes())["invisible"]
        assert (found is not None) == file["mark"]["read"], file
        if found is not None:
            assert found["payload"] == "imjn", file
        else:
            assert file["mark"]["why"], file
        claimed[file["width"], file["format"]] = file["mark"]["read"]
    assert len(claimed) == 12
    assert claimed[512, "png"], "large enough, and nothing is lost"
    assert not any(claimed[128, kind] for kind in ("png", "webp", "avif", "jpeg")), "too small"


def test_reading_says_what_is_not_there_and_what_is_no_picture(cli, work: Path):
    Image.new("RGB", (64, 64)).save("plain.png")
    Path("words.png").write_text("no picture")
    done: subprocess.CompletedProcess[bytes] = cli("watermark", "--read", "plain.png", "words.png")
    assert done.returncode == Exit.USAGE
    assert done.stdout.decode() == "plain.png: no invisible mark (none that can be read)\n"
    assert b"words.png" in done.stderr
    assert cli("watermark", "--read", stdin=b"").returncode == Exit.EMPTY


def test_a_payload_that_is_none_is_a_usage_error(cli):
    done = cli("watermark", "x.png", "--payload", "much too long")
    assert done.returncode == Exit.USAGE
    assert b"1 to 8 bytes" in done.stderr
