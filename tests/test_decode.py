"""Decoding: every format, mode, orientation and colour space ends as upright 8-bit sRGB."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.decode import Limits, decode
from imajin_cli.stages.imaging.sniff import sniff

LOSSLESS = ["PNG", "WEBP", "GIF", "BMP", "TIFF", "ICO"]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG written by hand, so that the modes Pillow cannot write are covered too."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def corner(size: tuple[int, int] = (6, 4)) -> Image.Image:
    """White with one red pixel at the top left: tells every turn from every other."""
    image = Image.new("RGB", size, "white")
    image.putpixel((0, 0), (255, 0, 0))
    return image


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_keep_their_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode(saved(corner((16, 16)), kind, **options))
    assert found.format == kind
    assert found.image.size == (16, 16)
    assert found.image.convert("RGB").tobytes() == corner((16, 16)).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_lossy_formats_stay_close(kind: str) -> None:
    found = decode(saved(Image.new("RGB", (32, 32), (200, 40, 90)), kind, quality=95))
    assert found.format == kind
    assert np.abs(np.asarray(found.image, int) - (200, 40, 90)).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), "white")
    upright.paste((255, 0, 0), (0, 0, 8, 8))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} | ({"lossless": True} if kind == "WEBP" else {})
    found = decode(saved(stored, kind, exif=exif.tobytes(), **options))
    assert found.image.size == (32, 16)
    assert found.size == stored.size
    assert found.orientation == orientation
    red = np.asarray(found.image)[:, :, 1] < 128
    assert red[:8, :8].all()
    assert not red[8:].any()
    assert not red[:, 8:].any()
    assert not found.image.getexif()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_tiff_orientation_is_undone_once(compression: str) -> None:
    stored = corner((6, 4)).transpose(Image.Transpose.ROTATE_90)
    found = decode(saved(stored, "TIFF", tiffinfo={0x0112: 6}, compression=compression))
    assert found.image.size == (6, 4)
    assert found.size == (4, 6)
    assert found.orientation == 6
    assert found.image.getpixel((0, 0)) == (255, 0, 0)


def test_broken_exif_is_noted_and_the_picture_kept() -> None:
    found = decode(saved(corner(), "PNG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"))
    assert found.orientation == 1
    assert found.image.getpixel((0, 0)) == (255, 0, 0)


def test_sixteen_bit_grey_rounds_to_the_nearest_level() -> None:
    values = [0, 128, 129, 257, 32768, 65407, 65535]
    row = b"\x00" + b"".join(struct.pack(">H", v) for v in values)
    found = decode(png(len(values), 1, 16, 0, row))
    assert found.image.mode == "L"
    assert list(found.image.tobytes()) == [round(v / 257) for v in values]


def test_sixteen_bit_colour_is_scaled() -> None:
    found = decode(png(2, 1, 16, 2, b"\x00" + struct.pack(">6H", 65535, 0, 32896, 257, 514, 771)))
    assert found.image.mode == "RGB"
    assert found.image.tobytes() == bytes([255, 0, 128, 1, 2, 3])
    assert any("16-bit" in note for note in found.notes)


def test_sixteen_bit_grey_with_a_see_through_value() -> None:
    data = png(2, 1, 16, 0, b"\x00" + struct.pack(">2H", 1000, 60000), chunk(b"tRNS", struct.pack(">H", 1000)))
    found = decode(data)
    assert found.image.mode == "LA"
    assert found.image.getchannel("A").tobytes() == b"\x00\xff"


@pytest.mark.parametrize(("depth", "byte"), [(1, 0b01000000), (2, 0b00010000), (4, 0x01)])
def test_low_depth_grey_with_a_see_through_value(depth: int, byte: int) -> None:
    found = decode(png(2, 1, depth, 0, bytes([0, byte]), chunk(b"tRNS", struct.pack(">H", 1))))
    assert found.image.mode == "LA"
    assert found.image.getchannel("A").tobytes() == b"\xff\x00"


def test_colour_key_and_palette_transparency() -> None:
    key = chunk(b"tRNS", struct.pack(">3H", 1, 2, 3))
    found = decode(png(2, 1, 8, 2, bytes([0, 1, 2, 3, 9, 9, 9]), key))
    assert found.image.mode == "RGBA"
    assert found.image.getchannel("A").tobytes() == b"\x00\xff"
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255])) + chunk(b"tRNS", bytes([128]))
    found = decode(png(2, 1, 8, 3, bytes([0, 0, 1]), palette))
    assert found.image.tobytes() == bytes([255, 0, 0, 128, 0, 0, 255, 255])


def test_one_bit_grey_alpha_and_plain_palette() -> None:
    assert decode(saved(Image.new("1", (3, 3), 1), "PNG")).image.tobytes() == b"\xff" * 9
    assert decode(saved(Image.new("LA", (3, 3), (7, 9)), "PNG")).image.getpixel((0, 0)) == (7, 9)
    assert decode(saved(corner().convert("P"), "PNG")).image.mode == "RGB"


def test_cmyk_without_a_profile() -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        found = decode(saved(ink, kind))
        assert found.mode == "CMYK"
        assert found.image.mode == "RGB"
        assert np.abs(np.asarray(found.image, int) - (255, 0, 0)).max() <= 3


def test_cmyk_jpeg_without_adobes_mark_is_not_inverted_twice() -> None:
    data = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    bare = data[:start] + data[start + 2 + length :]
    assert np.abs(np.asarray(decode(bare).image, int) - (0, 0, 0)).max() <= 3  # inks 255, 0, 0, 255: black covers all


def test_a_wide_profile_moves_colours_and_an_srgb_one_does_not() -> None:
    patch = Image.new("RGB", (8, 8), (200, 100, 50))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = decode(saved(patch, "PNG", icc_profile=srgb))
    assert same.image.tobytes() == patch.tobytes()
    assert same.icc
    swapped = decode(saved(patch, "PNG", icc_profile=swap_red_and_green(srgb)))
    red, green, _ = swapped.image.getpixel((0, 0))  # type: ignore[misc]
    assert green > red
    assert "icc_profile" not in swapped.image.info


def swap_red_and_green(profile: bytes) -> bytes:
    """The profile with its red and green colorants exchanged: what it calls red is green."""
    return profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")


def test_profile_keeps_alpha() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    patch = Image.new("RGBA", (4, 4), (200, 100, 50, 77))
    found = decode(saved(patch, "PNG", icc_profile=swap_red_and_green(srgb)))
    assert found.image.mode == "RGBA"
    assert found.image.getpixel((1, 1))[3] == 77


@pytest.mark.parametrize("profile", [b"not a profile", b"\x00" * 200])
def test_a_broken_profile_is_noted(profile: bytes) -> None:
    found = decode(saved(corner(), "PNG", icc_profile=profile))
    assert found.image.getpixel((0, 0)) == (255, 0, 0)
    assert found.icc is None
    assert any("profile cannot be used" in note for note in found.notes)


def test_a_profile_for_other_channels_is_noted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    found = decode(saved(corner(), "PNG", icc_profile=lab))
    assert found.icc is None
    assert found.image.getpixel((0, 0)) == (255, 0, 0)


def test_linear_gamma_is_re_encoded() -> None:
    data = png(1, 1, 8, 0, bytes([0, 55]), chunk(b"gAMA", struct.pack(">I", 100000)))
    assert decode(data).image.tobytes() == bytes([128])  # 55/255 = 0.2157 linear, sRGB level 128


@pytest.mark.parametrize(("value", "level"), [(0.0, 0), (0.5, 128), (1.0, 255)])
def test_float_tiff(value: float, level: int) -> None:
    image = Image.fromarray(np.full((2, 2), value, np.float32))
    assert decode(saved(image, "TIFF")).image.tobytes() == bytes([level] * 4)


def test_float_tiff_out_of_range_is_spread_and_nan_refused() -> None:
    spread = decode(saved(Image.fromarray(np.array([[-5, 0, 5]], np.float32)), "TIFF"))
    assert spread.image.tobytes() == bytes([0, 128, 255])
    assert any("spread" in note for note in spread.notes)
    with pytest.raises(InputError, match="not numbers"):
        decode(saved(Image.fromarray(np.array([[np.nan]], np.float32)), "TIFF"))


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        found = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
        assert found.frames == 3, kind
        assert found.image.convert("RGB").getpixel((4, 4)) == (255, 0, 0)
        assert "first of 3 frames taken" in found.notes
        with pytest.raises(InputError, match="frames"):
            decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options), Limits(max_frames=2))


def test_metadata_is_reported_and_not_on_the_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    found = decode(saved(corner(), "JPEG", exif=exif.tobytes(), comment=b"hello", xmp=b"<x/>"))
    assert set(found.metadata) >= {"exif", "comment", "xmp"}
    assert found.image.info == {}


def test_names_are_never_asked_and_unknown_bytes_refused() -> None:
    assert sniff(b"GIF89a") == "GIF"
    assert sniff(b"RIFF\x00\x00\x00\x00WAVEfmt ") is None
    assert sniff(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1") is None
    with pytest.raises(InputError, match="not a picture"):
        decode(b"%PDF-1.7 not a picture")
    with pytest.raises(InputError, match="empty"):
        decode(b"")


def test_our_own_png_comes_back_pixel_for_pixel() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 30, 4), np.uint8)
    found = decode(saved(Image.fromarray(noise), "PNG"))
    assert found.image.tobytes() == noise.tobytes()
    assert found.notes == []
    assert found.picture().size == (30, 40)
