"""Each measurement on pictures whose answer is known beforehand."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from imajin_cli.stages.imaging.metrics.banding import banding
from imajin_cli.stages.imaging.metrics.blocks import blockiness
from imajin_cli.stages.imaging.metrics.clipping import clipping
from imajin_cli.stages.imaging.metrics.contrast import contrast
from imajin_cli.stages.imaging.metrics.fringe import fringe
from imajin_cli.stages.imaging.metrics.layout import layout, variety
from imajin_cli.stages.imaging.metrics.legible import legibility
from imajin_cli.stages.imaging.metrics.light import LINEAR, contrast_ratio, lightness, luminance
from imajin_cli.stages.imaging.metrics.planes import Planes, shrink
from imajin_cli.stages.imaging.metrics.sharpness import sharpness
from imajin_cli.stages.imaging.metrics.weight import png_kb, webp_kb


def disc(
    colour: tuple[int, int, int] = (40, 60, 200), size: int = 256, box: tuple[float, ...] = (32, 32, 224, 224)
) -> Image.Image:
    """A smooth-edged disc of one colour on nothing, its colour the same in every pixel."""
    mask = Image.new("L", (size * 4, size * 4))
    ImageDraw.Draw(mask).ellipse([4 * v for v in box], fill=255)
    image = Image.new("RGBA", (size, size), colour)
    image.putalpha(mask.reduce(4))
    return image


def photo(size: int = 256, seed: int = 4, low: int = 20, high: int = 235) -> Image.Image:
    """Something like a photo: tones at every scale, crisp objects and a little noise."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size, size, 3))
    for cells in (3, 9, 27, 81):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        total += np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), float) / math.sqrt(cells)
    total = (total - total.min()) / np.ptp(total)
    total[size // 3 : size // 2, size // 4 : size // 2] *= 0.3
    total[size // 2 :, size // 2 : size * 3 // 4] = 1 - (1 - total[size // 2 :, size // 2 : size * 3 // 4]) * 0.4
    noisy = low + total * (high - low) + rng.normal(0, 1.5, total.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def steps(level: int, size: int = 256) -> Image.Image:
    """A ramp over the whole width that goes in stairs of ``level`` levels."""
    ramp = np.linspace(40, 200, size).astype(int) // level * level
    return Image.fromarray(np.tile(ramp.astype(np.uint8), (size, 1)))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


# --- light


def test_light_at_known_points() -> None:
    assert LINEAR[0] == 0
    assert LINEAR[255] == pytest.approx(1)
    assert LINEAR[188] == pytest.approx(0.5029, abs=1e-3)
    assert lightness(np.float32([0.18418]))[0] == pytest.approx(50, abs=0.01)
    assert luminance(np.float32([[0, 1, 0]]))[0] == pytest.approx(0.7152)
    assert contrast_ratio(np.float32([0.0]), 1.0)[0] == pytest.approx(21)
    # #767676 is the well-known 4.54 : 1 on white
    assert contrast_ratio(LINEAR[[0x76]], 1.0)[0] == pytest.approx(4.54, abs=0.01)


def test_shrinking_keeps_the_mean_at_any_size() -> None:
    plane = np.random.default_rng(0).random((97, 53)).astype(np.float32)
    small = shrink(plane, 16)
    assert small.shape == (16, 9)
    assert float(small.mean()) == pytest.approx(float(plane.mean()), abs=1e-4)
    assert shrink(plane, 200) is plane


# --- sharpness


def test_a_hard_step_is_fully_sharp_and_a_blurred_one_as_blurred_as_it_is() -> None:
    edge = Image.new("L", (256, 256))
    edge.paste(255, (128, 0, 256, 256))
    assert sharpness(Planes(edge)) == pytest.approx(1)
    for sigma in (1.5, 2, 4):
        blurred = edge.filter(ImageFilter.GaussianBlur(sigma))
        assert sharpness(Planes(blurred)) == pytest.approx(0.4 / sigma, rel=0.2)


def test_pale_flat_art_is_as_sharp_as_bold_art() -> None:
    pale = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(pale).rectangle((50, 50, 150, 150), fill=(225, 228, 240))
    assert sharpness(Planes(pale)) == pytest.approx(1)
    assert sharpness(Planes(disc())) > 0.8


def test_nothing_has_no_sharpness() -> None:
    assert sharpness(Planes(Image.new("RGB", (64, 64), "red"))) == 0
    assert sharpness(Planes(Image.new("L", (1, 1)))) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.6, 6))
def test_blurring_never_raises_sharpness(seed: int, sigma: float) -> None:
    image = photo(128, seed)
    before, after = sharpness(Planes(image)), sharpness(Planes(image.filter(ImageFilter.GaussianBlur(sigma))))
    assert after <= before * 1.02


def test_noise_does_not_make_a_blurred_photo_sharp() -> None:
    blurred = np.asarray(photo().filter(ImageFilter.GaussianBlur(6)), float)
    noisy = blurred + np.random.default_rng(1).normal(0, 2, blurred.shape)
    assert sharpness(Planes(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))) < 0.15


# --- banding


@pytest.mark.parametrize("level", [2, 4, 8, 16])
def test_stairs_are_found_both_ways(level: int) -> None:
    assert banding(Planes(steps(level, 512))) > 0.7
    assert banding(Planes(steps(level, 512).transpose(Image.Transpose.ROTATE_90))) > 0.7


def test_what_is_no_banding() -> None:
    dithered = np.asarray(steps(1), float) + np.random.default_rng(0).normal(0, 1, (256, 256))
    tones = Image.new("L", (256, 256), 200)
    ImageDraw.Draw(tones).rectangle((0, 0, 100, 255), fill=190)
    for image in (steps(1, 512), Image.fromarray(dithered.astype(np.uint8)), tones, disc(), photo(), steps(40, 512)):
        assert banding(Planes(image)) < 0.01


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (19, 19)])
def test_banding_of_tiny_pictures(size: tuple[int, int]) -> None:
    assert banding(Planes(Image.new("L", size, 7))) == 0


# --- clipping


def test_clipping_is_the_share_of_lost_tones_in_a_photo() -> None:
    array = np.asarray(photo()).copy()
    assert clipping(Planes(Image.fromarray(array))) == 0
    array[100:164, 64:192] = 255  # an eighth of the picture
    array[200:232, 0:256] = 0  # another
    assert clipping(Planes(Image.fromarray(array))) == pytest.approx(0.25, abs=0.01)


def test_flat_art_and_studio_grounds_may_be_white() -> None:
    art = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(art).ellipse((40, 40, 160, 160), fill="black", outline="red", width=9)
    assert clipping(Planes(art)) == 0
    studio = np.full((256, 256, 3), 255, np.uint8)
    studio[48:208, 48:208] = np.asarray(photo(160))
    assert clipping(Planes(Image.fromarray(studio))) < 0.01


# --- fringe


def test_a_clean_edge_has_no_fringe() -> None:
    assert fringe(Planes(disc())) == {"any": 0, "black": 0, "white": 0, "magenta": 0}
    assert fringe(Planes(photo())) == {"any": 0, "black": 0, "white": 0, "magenta": 0}


@pytest.mark.parametrize(
    ("colour", "matte", "seen_on"),
    [((30, 30, 30), (255, 255, 255), "black"), ((230, 230, 230), (0, 0, 0), "white")],
)
def test_a_halo_is_seen_on_the_opposite_ground(
    colour: tuple[int, int, int], matte: tuple[int, int, int], seen_on: str
) -> None:
    clean = disc(colour)
    on_matte = Image.alpha_composite(Image.new("RGBA", clean.size, (*matte, 255)), clean)
    halo = Image.merge("RGBA", (*on_matte.split()[:3], clean.getchannel("A")))
    found = fringe(Planes(halo))
    assert found[seen_on] > 0.02
    assert found["white" if seen_on == "black" else "black"] == 0
    assert found["magenta"] > 0.02
    assert found["any"] > 0.06


def test_a_stronger_halo_counts_more() -> None:
    clean = disc((30, 30, 30))
    values = []
    for share in (0.0, 0.3, 0.6, 1.0):
        matte = Image.alpha_composite(Image.new("RGBA", clean.size, "white"), clean)
        mixed = Image.blend(clean.convert("RGB"), matte.convert("RGB"), share)
        values.append(fringe(Planes(Image.merge("RGBA", (*mixed.split(), clean.getchannel("A")))))["any"])
    assert values == sorted(values)
    assert values[0] == 0
    assert values[1] < 0.04 < values[-1]


def test_a_halo_of_a_middling_tone_shows_on_no_ground_alone_but_is_measured() -> None:
    clean = disc((120, 120, 120))
    matte = Image.alpha_composite(Image.new("RGBA", clean.size, "white"), clean)
    halo = Image.merge("RGBA", (*matte.split()[:3], clean.getchannel("A")))
    assert fringe(Planes(halo))["any"] > 0.05


def test_a_soft_shadow_is_no_fringe() -> None:
    shadow = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    alpha = Image.new("L", (256, 256))
    ImageDraw.Draw(alpha).ellipse((50, 70, 210, 230), fill=140)
    shadow.putalpha(alpha.filter(ImageFilter.GaussianBlur(12)))
    assert fringe(Planes(Image.alpha_composite(shadow, disc((250, 200, 80)))))["white"] < 0.01


# --- layout


def test_padding_and_offset_are_exact() -> None:
    image = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    image.paste((9, 9, 9, 255), (20, 10, 120, 60))
    for picture in (image, Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")):
        found = layout(Planes(picture))
        assert found.margins == pytest.approx((0.1, 0.1, 0.4, 0.4))
        assert found.padding == pytest.approx(0.1)
        assert found.content == pytest.approx(0.25)
        assert found.box_offset == pytest.approx(0.15)
        assert found.weight_offset == pytest.approx(0.15)


def test_a_full_bleed_picture_has_no_padding() -> None:
    found = layout(Planes(photo()))
    assert (found.content, found.padding, found.box_offset) == (1, 0, 0)


def test_an_empty_picture_has_no_content() -> None:
    clear = Planes(Image.new("RGBA", (9, 9), (200, 10, 10, 0)))
    assert layout(clear).content == 0
    assert layout(Planes(Image.new("RGB", (9, 9), "red"))).content == 0
    assert variety(Planes(Image.new("RGB", (9, 9), "red"))) == 0
    assert variety(Planes(disc())) == 255


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60))
def test_margins_and_content_add_up(x: int, y: int, w: int, h: int) -> None:
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    image.paste((0, 200, 0, 255), (x, y, x + w, y + h))
    found = layout(Planes(image))
    left, top, right, bottom = found.margins
    assert left + right + w / 128 == pytest.approx(1)
    assert top + bottom + h / 128 == pytest.approx(1)
    assert 0 <= found.padding <= 0.5


# --- legibility and contrast


def bars(width: int, size: int = 256) -> Image.Image:
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    for x in range(0, size, 2 * width):
        image.paste((0, 0, 0, 255), (x, 0, x + width, size))
    return image


def test_large_shapes_stay_legible_and_fine_ones_do_not() -> None:
    bold, fine = legibility(Planes(bars(32)), 16)["light"], legibility(Planes(bars(4)), 16)["light"]
    assert bold > 0.85
    assert fine < 0.2
    assert legibility(Planes(disc()), 32)["light"] >= legibility(Planes(disc()), 16)["light"] > 0.7


def test_legibility_depends_on_the_ground() -> None:
    dark, light = legibility(Planes(disc((15, 15, 20))), 16), legibility(Planes(disc((245, 245, 250))), 16)
    assert dark["light"] > 0.7 > 0.3 > dark["dark"]
    assert light["dark"] > 0.7 > 0.3 > light["light"]


def test_faint_shapes_are_not_legible() -> None:
    faint = legibility(Planes(disc((235, 236, 240))), 32)["light"]
    assert faint < 0.3


def test_contrast_of_a_known_colour() -> None:
    found = contrast(Planes(disc((0x76, 0x76, 0x76))))
    assert found["light"] == pytest.approx(4.54, abs=0.05)
    assert found["dark"] == pytest.approx((LINEAR[0x76] + 0.05) / (LINEAR[0x12] + 0.05), abs=0.05)
    on_white = Image.alpha_composite(Image.new("RGBA", (256, 256), "white"), disc((0x76, 0x76, 0x76))).convert("RGB")
    own = contrast(Planes(on_white))
    assert own["light"] == own["dark"] == pytest.approx(4.54, abs=0.05)


def test_contrast_of_nothing_is_one() -> None:
    assert contrast(Planes(Image.new("RGBA", (8, 8)))) == {"light": 1, "dark": 1}


# --- blocks and bytes


def test_blockiness_grows_as_jpeg_quality_falls() -> None:
    values = [blockiness(Planes(jpeg(photo(), quality))) for quality in (5, 15, 40, 98)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.5
    assert values[-1] < 0.1


def test_art_on_an_eight_pixel_grid_is_not_blocky() -> None:
    image = Image.new("RGB", (128, 128), "white")
    for at in range(0, 128, 16):
        ImageDraw.Draw(image).rectangle((at, at, at + 7, at + 7), fill=(30, 60, 120))
    assert blockiness(Planes(image)) == 0
    pale = Image.new("RGB", (256, 256), (250, 250, 252))
    for at in range(0, 256, 32):
        ImageDraw.Draw(pale).rectangle((at, at, at + 15, at + 15), fill=(236, 238, 246))
    assert blockiness(Planes(pale)) < 0.05


def test_bytes() -> None:
    assert png_kb(Planes(Image.new("RGB", (64, 64)))) < 1
    assert webp_kb(Planes(photo())) > webp_kb(Planes(disc())) > 0


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (33, 17)])
def test_every_mode_and_tiny_size_can_be_measured(mode: str, size: tuple[int, int]) -> None:
    from imajin_cli.stages.imaging.metrics.measure import ON_REQUEST, measurements

    values = measurements(Image.new(mode, size), ON_REQUEST)
    assert all(math.isfinite(value) for value in values.values())
