"""What the moderate gate looks at: grounds, text, web addresses, QR codes, sizes, and the seam for an image encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import faces, ocr, opennsfw
from imajin_cli.stages.imaging.drawn import drawn
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation import prohibited
from imajin_cli.stages.moderation.concepts import CONCEPTS, Encoder
from imajin_cli.stages.moderation.prohibited import Rules
from imajin_cli.stages.moderation.views import OPAQUE, Views, checker


def judge(image: Image.Image, **params: Any) -> Outcome:
    return Moderate(ModerateParams(**params)).apply(Asset(Sidecar(id="x"), Picture.of(image)))


def written(*lines: str, ink: str = "black", ground: str | None = "white", size: tuple[int, int] = (512, 384)) -> Image.Image:
    image = Image.new("RGBA", size, (0, 0, 0, 0) if ground is None else ground)
    for at, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 40 + 80 * at), line, fill=ink, font_size=40)
    return image


def code(text: str) -> Image.Image:
    modules = cv2.QRCodeEncoder_create().encode(text)
    image = Image.fromarray(modules).resize((200, 200), Image.Resampling.NEAREST).convert("RGB")
    ground = Image.new("RGB", (400, 300), "white")
    ground.paste(image, (100, 50))
    return ground


def test_text_is_read_and_harmless_text_passes():
    found = judge(written("Page not found", "Try again later"))
    assert found.status == "passed", found.reason
    assert found.notes["layers"]["prohibited"]["text"] == ["Page not found", "Try again later"]


@pytest.mark.parametrize("ink", ["black", "white", "#808080", "#bbbbbb"])
def test_a_qr_code_in_a_see_through_picture_is_found_in_any_ink(ink):
    cover = ImageOps.invert(code("https://example.org/win").convert("L"))
    image = Image.new("RGBA", cover.size, ink)
    image.putalpha(cover)
    assert Views(image).codes == [ocr.Code("https://example.org/win")]


def test_qr_codes_are_not_looked_for_on_the_checker(monkeypatch):
    seen: list[Any] = []
    monkeypatch.setattr(ocr, "codes", lambda pixels: seen.append(pixels) or [])
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert Views(image).codes == []
    assert [set(map(tuple, pixels.reshape(-1, 3).tolist())) for pixels in seen] == [{(255, 255, 255)}, {(0, 0, 0)}]


@pytest.mark.parametrize(
    ("text", "reason", "allowed"),
    [
        ("heroin for sale", "drugs", {"prohibited_off": ["drugs"]}),
        ("visit www.example.com", "a web address (www.example.com", {"links": True}),
        ("buy at shop.example.org now", "a web address", {"links": True}),
    ],
)
def test_prohibited_text_rejects(text, reason, allowed):
    found = judge(written(text))
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert found.notes["flags"] == ["PROHIBITED"]
    assert reason in (found.reason or "")
    assert judge(written(text), **allowed).status == "passed"
    assert judge(written(text), prohibited=False).status == "passed"


def test_a_list_of_ones_own_words_is_kept_to(work):
    (work / "words.txt").write_text("acme\n", encoding="utf-8")
    assert judge(written("Acme rockets")).status == "passed"
    found = judge(written("Acme rockets"), word_list="words.txt")
    assert found.code is Exit.UNSAFE
    assert "acme" in (found.reason or "")


def test_a_word_in_two_lines_is_found_in_both_together():
    rules = Rules()
    line = ocr.Line("child", 0.9, (0.0, 0.0))
    assert prohibited.said_by([line], rules) == []
    assert prohibited.sure([line, ocr.Line("gun", 0.2, (0.0, 0.0)), ocr.Line("x", 0.9, (0.0, 0.0))]) == [line]


def test_a_qr_code_rejects_unless_it_is_allowed_and_what_it_says_is_read():
    found = judge(code("https://example.org/win"))
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert found.notes["layers"]["prohibited"]["qr_codes"] == ["https://example.org/win"]
    assert judge(code("https://example.org/win"), qr_codes=True).status == "passed"
    assert judge(code("heroin for sale"), qr_codes=True).code is Exit.UNSAFE


def test_qr_codes_are_found_turned_inverted_and_damaged():
    image = code("https://example.org/win")
    for changed in (image.rotate(20, fillcolor="white"), ImageOps.invert(image), image.resize((1200, 900))):
        assert Views(changed).codes == [ocr.Code("https://example.org/win")]
    ImageDraw.Draw(image).rectangle((170, 120, 240, 200), fill="white")
    assert len(Views(image).codes) == 1
    assert judge(image).code is Exit.UNSAFE


@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("black", ["white"]),
        ("white", ["white", "black"]),
        ("#3366cc", ["white"]),
        ("#c7c7c7", ["white"]),
        ("#c8c8c8", ["white", "black"]),
    ],
)
def test_text_is_looked_for_where_it_can_be_seen(ink, grounds):
    image = written("visit www.example.com", ink=ink, ground=None)
    views = Views(image)
    assert views.text_grounds == grounds
    found = judge(image)
    assert found.code is Exit.UNSAFE
    assert "web address" in (found.reason or "")


def test_text_is_looked_for_only_where_a_see_through_picture_has_ink_and_at_the_scale_of_the_whole(monkeypatch):
    seen: list[Any] = []
    real = ocr.boxes
    monkeypatch.setattr(ocr, "boxes", lambda *told: seen.append((told[0].shape, told[1])) or real(*told))
    image = Image.new("RGBA", (1000, 800), (0, 0, 0, 0))
    image.alpha_composite(written("Hello", ground=None, size=(200, 120)), (600, 500))
    (line,) = Views(image).lines
    assert line.text == "Hello"
    assert 630 < line.middle[0] < 760
    assert 540 < line.middle[1] < 590
    assert line.box[0] == line.middle
    ((height, width, _), longest) = seen[0]
    assert (len(seen), longest) == (1, 1000)
    assert 100 < width < 240
    assert 60 < height < 120
    assert Views(Image.new("RGBA", (64, 64), (0, 0, 0, 0))).lines == []


def test_rotated_and_small_text_is_read():
    small = Image.new("RGB", (900, 700), "white")
    ImageDraw.Draw(small).text((100, 100), "small print here", fill="#333333", font_size=22)
    assert [line.text for line in Views(small).lines] == ["small print here"]
    turned = written("tilted words").convert("RGB").rotate(25, expand=True, fillcolor="white")
    assert [line.text for line in Views(turned).lines] == ["tilted words"]


def test_a_see_through_picture_is_seen_on_three_grounds():
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (10, 10, 30, 30))
    grounds = Views(image).grounds
    assert {name: ground.getpixel((0, 0)) for name, ground in grounds.items()} == {
        "white": (255, 255, 255),
        "black": (0, 0, 0),
        "checker": (204, 204, 204),
    }
    assert {ground.getpixel((20, 20)) for ground in grounds.values()} == {(255, 0, 0)}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_an_opaque_picture_of_any_mode_is_seen_as_it_is(mode):
    views = Views(Image.new(mode, (30, 20), 90 if mode == "L" else None or 0).convert(mode))
    image = Image.new("RGBA", (30, 20), (9, 9, 9, 255)).convert(mode)
    assert list(Views(image).grounds) == [OPAQUE]
    assert next(iter(views.grounds.values())).mode == "RGB"
    assert judge(image).status == "passed"


def test_the_checker_is_made_of_squares_of_eight_pixels():
    pixels = np.asarray(checker((33, 20)))[:, :, 0]
    assert pixels.shape == (20, 33)
    assert pixels[0, 0] == pixels[8, 8] == pixels[7, 7] == 204
    assert pixels[0, 8] == pixels[8, 0] == 255


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (1, 16), (64, 1)])
def test_tiny_pictures_are_judged(size):
    assert judge(Image.new("RGBA", size, (10, 200, 30, 255))).status == "passed"
    assert judge(Image.new("RGBA", size, (0, 0, 0, 0))).status == "passed"


def test_a_picture_of_twenty_thousand_pixels_is_judged_scaled_down():
    image = Image.new("RGB", (20_000, 1_100), "white")
    ImageDraw.Draw(image).text((3000, 200), "WWW.EXAMPLE.COM", fill="black", font_size=800)
    assert max(Views(image).working.size) == 2048
    assert judge(image).code is Exit.UNSAFE


def test_a_picture_of_which_nothing_would_be_left_is_no_verdict():
    with pytest.raises(NoVerdictError, match="too long and narrow"):
        judge(Image.new("RGB", (20_000, 30), "white"))


def test_work_that_layers_share_is_done_once(monkeypatch, work):
    calls = {"find": 0, "boxes": 0, "likelihoods": 0}

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def call(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, call)

    counted(faces, "find"), counted(ocr, "boxes"), counted(opennsfw, "likelihoods")
    (work / "deny.json").write_text(
        f'{{"model": "{faces.EMBEDDING}", "faces": [{{"name": "a", "embedding": {[0.1] * 128}}}]}}'
    )
    assert judge(written("Hello"), deny_lists=["deny.json"]).status == "passed"
    assert calls == {"find": 1, "boxes": 1, "likelihoods": 1}


def test_the_recogniser_is_opened_only_where_there_is_text(monkeypatch):
    monkeypatch.setattr(ocr, "read", lambda *_: 1 / 0)
    assert judge(Image.new("RGB", (300, 200), "white")).status == "passed"
    assert judge(written("Hello")).code is Exit.NO_VERDICT


def test_flat_pictures_are_drawn_and_grainy_ones_are_not():
    stream = np.random.default_rng(2)
    grain = stream.integers(100, 140, (120, 120, 3), dtype=np.uint8)
    assert not drawn(Image.fromarray(grain)).drawn
    on_white = Image.new("RGB", (400, 400), "white")
    on_white.paste(Image.fromarray(grain), (140, 140))
    assert not drawn(on_white).drawn
    assert drawn(written("Hello", ground=None).resize((2048, 1536), Image.Resampling.NEAREST)).drawn
    assert drawn(Image.new("RGBA", (9, 9), (0, 0, 0, 0))).drawn


def sees(monkeypatch: pytest.MonkeyPatch, limit: float | None = 0.5, **seen: float) -> Encoder:
    """An encoder that sees what it is told to."""
    values = {concept: seen.get(concept.replace(" ", "_"), 0.0) for concept in CONCEPTS}
    monkeypatch.setattr(prohibited, "scores", lambda _, images: [values for _ in images])
    return Encoder("stand-in", "1", limit)


def blank() -> Views:
    return Views(Image.new("RGB", (64, 64), "white"))


def test_an_image_encoder_adds_its_word(monkeypatch):
    assert prohibited.judge(blank(), Rules(), sees(monkeypatch, gore=0.49)).flags == {}
    found = prohibited.judge(blank(), Rules(), sees(monkeypatch, hate_symbols=0.8))
    assert list(found.flags.values()) == ["hate symbols (0.80)"]
    assert found.notes["image_encoder"] == "stand-in 1"
    assert "recorded" not in found.notes
    assert {score.name for score in found.scores} >= {concept.replace(" ", "_") for concept in CONCEPTS}
    assert prohibited.judge(blank(), Rules(off=("hate",)), sees(monkeypatch, hate_symbols=0.8)).flags == {}


def test_an_encoder_without_a_limit_is_recorded_alone_and_ones_own_limit_judges(monkeypatch):
    encoder = sees(monkeypatch, limit=None, weapons=9.0, gore=9.0)
    found = prohibited.judge(blank(), Rules(), encoder)
    assert found.flags == {}
    assert "weapons, drugs, hate symbols, gore: " in found.notes["recorded"]
    assert {score.passed for score in found.scores} == {None}
    found = prohibited.judge(blank(), Rules(limits={"weapons": 8.0}), encoder)
    assert list(found.flags.values()) == ["weapons (9.00)"]
    assert found.notes["recorded"].startswith("drugs, hate symbols, gore: ")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_encoder_that_makes_no_sense_is_no_verdict_where_it_judges(monkeypatch, value):
    with pytest.raises(NoVerdictError, match="stand-in: stand-in gave a result that is no number"):
        prohibited.judge(blank(), Rules(), sees(monkeypatch, gore=value))
    found = prohibited.judge(blank(), Rules(), sees(monkeypatch, limit=None, gore=value))
    assert found.notes["image_encoder"].startswith("absent: moderate: stand-in: stand-in gave a result that is no number")


def test_the_worst_ground_counts_and_the_checker_is_left_out(monkeypatch):
    asked = []

    def scores(_: Encoder, images: Sequence[Image.Image]) -> list[dict[str, float]]:
        asked.extend(image.getpixel((0, 0)) for image in images)
        return [dict.fromkeys(CONCEPTS, 0.6 if image.getpixel((0, 0)) == (0, 0, 0) else 0.1) for image in images]

    monkeypatch.setattr(prohibited, "scores", scores)
    found = prohibited.judge(Views(Image.new("RGBA", (64, 64))), Rules(), Encoder("stand-in", "1", 0.5))
    assert asked == [(255, 255, 255), (0, 0, 0)]
    assert next(iter(found.flags.values())).startswith("weapons (0.60)")
