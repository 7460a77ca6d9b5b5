"""Encoders: what they write decodes to what went in, and palettes stay below what one can see."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import BackendError, InputError
from imajin_cli.stages.imaging.crop import Focus, contain_size, focal_box, in_square
from imajin_cli.stages.imaging.encode import raster
from imajin_cli.stages.imaging.encode.check import check_raster, decoded, differences
from imajin_cli.stages.imaging.encode.formats import RASTERS, Drawn, Settings, encode
from imajin_cli.stages.imaging.encode.ico import encode_ico, icon_frames, icon_sizes
from imajin_cli.stages.imaging.encode.oklab import JUST_NOTICEABLE, oklab
from imajin_cli.stages.imaging.encode.palette import paletted
from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas
from imajin_cli.stages.imaging.encode.svgfile import check_svg, encode_svg
from imajin_cli.stages.imaging.encode.svgnumbers import short, short_numbers, short_path
from imajin_cli.stages.imaging.resample import resized


def flat_art(side: int = 200, colours: int = 9) -> Image.Image:
    """Smooth-edged discs on nothing: few colours, many more at the edges."""
    image = Image.new("RGBA", (side * 4, side * 4))
    draw = ImageDraw.Draw(image)
    for i in range(colours):
        x, y, r = side * 4 * (i + 1) / (colours + 1), side * (1 + i % 3), side * 0.6
        draw.ellipse(
            (x - r, y - r, x + r, y + r), fill=(40 + 20 * i, 230 - 22 * i, (90 * i) % 256, 255 if i % 3 else 150)
        )
    return image.resize((side, side), Image.Resampling.LANCZOS)


def gradient(side: int = 256) -> Image.Image:
    y, x = np.mgrid[0:side, 0:side]
    return Image.fromarray(np.stack([70 + x / 3, 50 + y / 3, 220 - (x + y) / 5], -1).astype(np.uint8))


def noise(side: int = 64, bands: int = 4) -> Image.Image:
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (side, side, bands), dtype=np.uint8))


def test_oklab_of_known_colours() -> None:
    # Published values of the colour space's author for D65 white, and of CSS Color 4's sample code for pure red.
    lab = oklab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]]))
    assert lab[0] == pytest.approx([1, 0, 0], abs=1e-3)
    assert lab[1] == pytest.approx([0, 0, 0], abs=1e-6)
    assert lab[2] == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-3)


def test_a_palette_of_few_colours_is_exact() -> None:
    image = Image.new("RGBA", (40, 30), (10, 20, 30, 255))
    image.paste((200, 100, 50, 128), (5, 5, 20, 20))
    image.paste((9, 9, 9, 0), (25, 5, 35, 20))
    found = paletted(image, bound=0)
    assert found is not None
    assert found.exact
    assert len(found.colours) == 3
    assert found.image.tobytes() == raster.tidy(image).tobytes()
    assert sorted(found.transparency) == [0, 128], "only the translucent ones, so that tRNS is short"


def test_smooth_edges_are_reduced_without_a_visible_change() -> None:
    image = raster.tidy(flat_art())
    assert len(image.getcolors(1 << 20)) > 256
    found = paletted(image)
    assert found is not None
    assert not found.exact
    assert len(found.colours) <= 256
    before, after = np.asarray(image).reshape(-1, 4), np.asarray(found.image).reshape(-1, 4)
    assert ((before[:, 3] == 255) == (after[:, 3] == 255)).all(), (
        "what was opaque stays so, and nothing else becomes so"
    )
    assert ((before[:, 3] == 0) == (after[:, 3] == 0)).all()
    for ground in (0, 255):
        looks = [p[:, :3] * (p[:, 3:] / 255) + ground * (1 - p[:, 3:] / 255) for p in (before, after)]
        error = np.linalg.norm(oklab(looks[0]) - oklab(looks[1]), axis=1)
        assert error.max() <= JUST_NOTICEABLE + 1e-4
        assert error.max() <= found.worst + 1e-4
        assert error.mean() <= found.mean + 1e-4


@pytest.mark.parametrize("picture", [gradient(), noise()], ids=["gradient", "noise"])
def test_many_colours_get_no_palette(picture: Image.Image) -> None:
    assert paletted(picture) is None


def test_an_exact_palette_is_refused_beyond_256_colours() -> None:
    assert paletted(flat_art(), bound=0) is None


@pytest.mark.parametrize("kind", RASTERS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("lossless", ["auto", "yes", "no"])
def test_every_format_reads_back(kind: str, mode: str, lossless: str) -> None:
    how = Settings(lossless=lossless)  # type: ignore[arg-type]
    found = encode(Drawn(flat_art(96).convert(mode), how), kind, how)
    check_raster(found.data, kind, found.pixels, exact=found.exact)
    assert decoded(found.data, kind).size == (96, 96)
    assert found.exact or not (kind == "png" or (kind == "webp" and lossless == "yes"))


@pytest.mark.parametrize(
    "picture", [flat_art(), gradient(), noise(), noise(bands=3)], ids=["flat", "gradient", "noise", "rgb"]
)
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_lossless_is_pixel_exact(kind: str, picture: Image.Image) -> None:
    how = Settings(lossless="yes")
    found = encode(Drawn(picture, how), kind, how)
    after = np.asarray(decoded(found.data, kind).convert("RGBA"))
    before = np.asarray(picture.convert("RGBA"))
    seen = before[..., 3] > 0
    assert (after[..., 3] == before[..., 3]).all()
    assert (after[seen] == before[seen]).all()


def test_lossy_webp_keeps_alpha_exact() -> None:
    image = flat_art(128)
    found = decoded(raster.encode_webp(image, 60), "webp")
    assert found.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_the_same_pixels_give_the_same_bytes() -> None:
    how = Settings()
    for kind in RASTERS:
        first, second = (encode(Drawn(flat_art(), how), kind, how).data for _ in range(2))
        assert first == second, kind


def test_files_carry_no_metadata() -> None:
    image = flat_art(64)
    image.info.update(
        {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0", "comment": "secret", "dpi": (300, 300), "icc_profile": b"x" * 200}
    )
    for data in (raster.encode_png(image), raster.encode_webp(image, 80), raster.encode_avif(image, 60)):
        assert b"secret" not in data
        assert b"x" * 200 not in data
        assert b"Exif" not in data
    chunks = re.findall(rb"(IHDR|PLTE|tRNS|IDAT|IEND|sRGB|tEXt|iTXt|eXIf|pHYs|iCCP)", raster.encode_png(image))
    assert set(chunks) <= {b"IHDR", b"sRGB", b"IDAT", b"IEND", b"PLTE", b"tRNS"}


def test_tidy_hides_nothing_under_transparency_and_keeps_the_rest() -> None:
    image = noise(32)
    clean = raster.tidy(image)
    before, after = np.asarray(image), np.asarray(clean)
    assert (after[before[..., 3] == 0] == 0).all()
    assert (before[..., 3] == 0).any()
    assert (after[before[..., 3] > 0] == before[before[..., 3] > 0]).all()
    assert raster.tidy(Image.new("RGBA", (3, 3), (1, 2, 3, 255))).mode == "RGB"


def test_a_budget_lowers_quality_and_says_so() -> None:
    free, photograph = Settings(), noise(64, 3)
    for kind in ("webp", "avif", "jpeg"):
        large = encode(Drawn(photograph, free), kind, free)
        tight = Settings(budget=len(large.data) * 3 // 4)
        small = encode(Drawn(photograph, tight), kind, tight)
        assert tight.budget is not None
        assert len(small.data) <= tight.budget
        assert len(small.data) < len(large.data)
        assert small.quality is not None
        assert large.quality is not None
        assert small.quality < large.quality
    hopeless = encode(Drawn(photograph, Settings(budget=10)), "jpeg", Settings(budget=10))
    assert hopeless.quality is not None
    assert 35 <= hopeless.quality < 50, "never below what is worth looking at"


def test_a_damaged_file_is_noticed() -> None:
    image = flat_art(64)
    data = raster.encode_png(image)
    with pytest.raises(BackendError):
        check_raster(data[: len(data) // 2], "png", image, exact=True)
    with pytest.raises(BackendError, match="pixels"):
        check_raster(raster.encode_png(image.resize((32, 32))), "png", image, exact=True)
    with pytest.raises(BackendError, match="transparency"):
        check_raster(raster.encode_png(image.convert("RGB")), "png", image, exact=False)
    with pytest.raises(BackendError, match="unlike"):
        check_raster(raster.encode_webp(Image.new("RGB", (64, 64)), 80), "webp", gradient(64), exact=False)
    with pytest.raises(BackendError, match="went in"):
        check_raster(raster.encode_png(Image.new("RGBA", (64, 64))), "png", raster.tidy(image), exact=True)


def test_differences_ignore_what_transparency_hides() -> None:
    hidden = Image.new("RGBA", (50, 50), (255, 0, 0, 0))
    assert differences(hidden, Image.new("RGBA", (50, 50))) == (0, 0)
    assert differences(Image.new("RGB", (50, 50)), Image.new("RGB", (50, 50), "white"))[0] == pytest.approx(1)


def test_an_icon_holds_each_size_as_a_png() -> None:
    images = [flat_art(side) for side in (16, 32, 48, 256)]
    data = encode_ico(images)
    assert icon_sizes(data) == [16, 32, 48, 256]
    with Image.open(io.BytesIO(data)) as icon:
        assert icon.format == "ICO"
        assert icon.info["sizes"] == {(s, s) for s in (16, 32, 48, 256)}
    for body, image in zip(icon_frames(data), images, strict=True):
        frame = Image.open(io.BytesIO(body), formats=["PNG"]).convert("RGBA")
        assert frame.tobytes() == raster.tidy(image).convert("RGBA").tobytes()
    with pytest.raises(ValueError, match="square"):
        encode_ico([Image.new("RGBA", (20, 10))])
    with pytest.raises(ValueError, match="no icon"):
        icon_sizes(b"\0\0\2\0\1\0")


def test_scaling_mixes_light_not_levels() -> None:
    stripes = Image.new("L", (64, 64))
    stripes.paste(255, (0, 0, 64, 64))
    pixels = np.asarray(stripes).copy()
    pixels[:, ::2] = 0
    grey = np.asarray(resized(Image.fromarray(pixels), (8, 8)))[2:6, 2:6]
    assert abs(int(grey.mean()) - 188) <= 2, "half the light of white is level 188, not 128"


def test_scaling_has_no_fringe_and_keeps_opacity() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (16, 16, 48, 48))
    small = np.asarray(resized(image, (10, 10)))
    assert (small[small[..., 3] > 0][:, 0] == 0).all(), "the red that transparent pixels hide stays hidden"
    assert (np.asarray(resized(Image.new("RGBA", (50, 40), (9, 9, 9, 255)), (7, 5)))[..., 3] == 255).all()
    assert resized(image, (64, 64)) is image


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_a_crop_is_inside_centred_and_of_the_ratio(width: int, height: int, wide: int, high: int) -> None:
    middle = Focus("centre", (width / 2, height / 2))
    left, top, right, bottom = focal_box((width, height), (wide, high), middle)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert abs(left - (width - right)) <= 1
    assert abs(top - (height - bottom)) <= 1
    assert right - left == width or bottom - top == height
    fitted = contain_size((width, height), 16)
    assert max(fitted) == 16
    assert min(fitted) >= 1
    assert in_square(Image.new("L", fitted), 16).size == (16, 16)


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_short_numbers_are_the_same_numbers(value: float, places: int) -> None:
    text = short(f"{value:.9f}", places)
    assert float(text) == pytest.approx(value, abs=0.6 * 10**-places)
    assert not text.startswith(("0.", "-0."))
    assert len(text) <= len(f"{value:.9f}")


def test_short_paths() -> None:
    assert short_path("M 10.00001,20.5  L -3.14159 0.5000 Z") == "M10 20.5L-3.142 .5Z"
    assert short_path("M0 0a5 5 0 01.5.25 5 5 0 10-1 2z") == "M0 0a5 5 0 0 1 .5 .25 5 5 0 1 0-1 2z"
    assert short_numbers("translate(10.000000, -0.250000) scale(1.00000004)", 6) == "translate(10, -.25) scale(1)"
    for odd in ("M10", "nonsense", "M 1 2 L 3", "M1 2 a 5 5 0 2 0 1 1", "Z 5"):
        assert short_path(odd) == odd


numbers = st.floats(-999, 999).map(lambda v: f"{v:.6f}")
segments = st.one_of(
    st.tuples(st.sampled_from("LlTt"), st.tuples(numbers, numbers)),
    st.tuples(st.sampled_from("HhVv"), st.tuples(numbers)),
    st.tuples(st.sampled_from("Cc"), st.tuples(*[numbers] * 6)),
    st.tuples(
        st.sampled_from("Aa"),
        st.tuples(numbers, numbers, numbers, st.sampled_from("01"), st.sampled_from("01"), numbers, numbers),
    ),
)


@given(st.lists(segments, max_size=8))
@settings(max_examples=60)
def test_a_short_path_has_the_same_numbers(parts: list[tuple[str, tuple[str, ...]]]) -> None:
    path = "M0 0" + "".join(command + " ".join(values) for command, values in parts)
    before, after = (re.findall(r"[A-Za-z]|[-+]?[0-9.]+(?:e[-+]?[0-9]+)?", text) for text in (path, short_path(path)))
    assert [b for b in before if b.isalpha()] == [a for a in after if a.isalpha()]
    kept = [float(a) for a in after if not a.isalpha()]
    assert kept == pytest.approx([float(b) for b in before if not b.isalpha()], abs=0.00051)


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><defs><linearGradient id="g"><stop offset="0" '
    'stop-color="#f00"/></linearGradient></defs><g data-layer="subject" id="s"><rect width="80.000001" height="20" '
    'fill="url(#g)"/></g>{}</svg>'
)


def test_svg_is_cleaned_titled_and_safe() -> None:
    dirty = SVG.format(
        '<script>alert(1)</script><image href="https://example.com/x.png"/><rect onclick="x()" width="1" height="1"/>'
    )
    data = encode_svg(dirty, (200, 100), 'A <b>"bold"</b> & robot\x00')
    text = data.decode()
    check_svg(data)
    assert "script" not in text
    assert "example.com" not in text
    assert "onclick" not in text
    assert "data-layer" not in text
    assert '<title>A &lt;b&gt;"bold"&lt;/b&gt; &amp; robot</title>' in text
    assert 'role="img"' in text
    assert 'viewBox="0 0 100 50"' in text
    assert 'width="200"' in text
    assert 'width="80"' in text
    assert 'id="g"' in text, "names that something refers to stay"
    assert 'id="s"' not in text
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_a_decorative_svg_is_hidden_from_screen_readers() -> None:
    text = encode_svg(SVG.format("<title>old</title>"), (100, 50), "").decode()
    assert 'aria-hidden="true"' in text
    assert "<title>" not in text


def test_an_unsafe_svg_is_refused() -> None:
    with pytest.raises(InputError):
        check_svg(SVG.format("<script>1</script>").encode())
    with pytest.raises(InputError):
        encode_svg("<svg", (1, 1), "")


def test_an_svg_fills_a_canvas_of_another_size() -> None:
    from imajin_cli.stages.backends.resvg import render

    root = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="53" viewBox="0 0 100 53">'
    svg = root + '<rect width="100" height="53" fill="#00f"/></svg>'
    for size in ((119, 63), (60, 60), (33, 64)):
        assert render(on_canvas(svg, (100, 53), size), *size).getchannel("A").getextrema() == (255, 255)
    assert 'viewBox="0 0 9 9"' in on_canvas("<svg width='9' height='9'/>", (9, 9), (18, 18))
