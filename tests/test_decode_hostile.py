"""Hostile and damaged files: one InputError, whatever the bytes, and quickly."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.decode import Decoded, Limits, decode

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "ICO"]
SMALL = Limits(max_pixels=1_000_000)


def sample(kind: str) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (48, 48, 3), np.uint8)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif.tobytes()} if kind in ("JPEG", "PNG", "WEBP") else {}
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0" * 50)) + chunk(b"IEND", b"")
    )


def outcome(data: bytes, limits: Limits = SMALL) -> Decoded | InputError:
    """What came of it; any other exception is the test's failure."""
    try:
        return decode(data, limits)
    except InputError as error:
        found = error
    assert "\n" not in found.line()
    assert len(found.line()) < 300
    return found


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("tenths", range(10))
def test_a_truncated_file_is_refused(kind: str, tenths: int) -> None:
    data = sample(kind)
    assert isinstance(outcome(data), Decoded)
    assert isinstance(outcome(data[: len(data) * tenths // 10]), InputError)


@pytest.mark.parametrize("kind", FORMATS)
def test_flipped_bits_never_raise_anything_else(kind: str) -> None:
    data, chance, until = sample(kind), random.Random(11), time.monotonic() + 1.5
    tried = 0
    while tried < 300 and time.monotonic() < until:
        bad = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            at = (
                min(int(chance.expovariate(1 / 200)), len(bad) - 1)
                if chance.random() < 0.7
                else chance.randrange(len(bad))
            )
            bad[at] ^= 1 << chance.randrange(8)
        found = outcome(bytes(bad))
        if isinstance(found, Decoded):
            assert found.image.mode in ("L", "LA", "RGB", "RGBA")
            assert found.image.size[0] * found.image.size[1] <= SMALL.max_pixels
        tried += 1
    assert tried >= 20


@pytest.mark.parametrize("kind", FORMATS)
def test_random_bytes_after_a_true_mark(kind: str) -> None:
    chance = random.Random(5)
    for length in (0, 1, 7, 30, 300, 3000):
        assert isinstance(outcome(sample(kind)[:16] + chance.randbytes(length)), InputError)


@pytest.mark.parametrize("kind", FORMATS)
def test_one_pixel(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(buffer, kind, **({"sizes": [(1, 1)]} if kind == "ICO" else {}))
    found = outcome(buffer.getvalue())
    assert isinstance(found, Decoded)
    assert found.image.size == (1, 1)


def test_a_huge_claim_is_refused_before_anything_is_allocated() -> None:
    claims = {
        "PNG": png_claiming(60_000, 60_000),
        "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<4HB", 0, 0, 65535, 65535, 0)
        + b"\x02\x01\x00\x00;",
        "WEBP": b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8X" + struct.pack("<I", 10)
        + b"\x10\0\0\0" + b"\xff\x3f\0" * 2
        + b"\0" * 80,
        "BMP": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
        "ICO": b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 80, 22) + png_claiming(60_000, 60_000),
    }  # fmt: skip
    for kind, data in claims.items():
        found = outcome(data)
        assert isinstance(found, InputError), kind
        assert "limit" in found.message, kind


def test_a_huge_claim_is_told_in_whole_numbers() -> None:
    with pytest.raises(InputError, match="claims 1000000x2000000 pixels"):
        Limits().check_size(1e6, 2e6)


def test_jpeg_and_tiff_size_claims() -> None:
    jpeg = bytearray(sample("JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    tiff = sample("TIFF").replace(struct.pack("<HHII", 256, 4, 1, 48), struct.pack("<HHII", 256, 4, 1, 1 << 30))
    for data in (bytes(jpeg), tiff):
        found = outcome(data)
        assert isinstance(found, InputError)
        assert "limit" in found.message


@pytest.mark.parametrize("name", [b"iTXt", b"zTXt", b"iCCP"])
def test_a_compressed_bomb_in_a_text_or_profile_chunk(name: bytes) -> None:
    bomb = zlib.compress(b"\0" * (80 << 20), 9)
    body = {b"iTXt": b"k\0\1\0\0\0" + bomb, b"zTXt": b"k\0\0" + bomb, b"iCCP": b"k\0\0" + bomb}[name]
    start = time.monotonic()
    assert isinstance(outcome(png_claiming(4, 4, chunk(name, body))), InputError)
    assert time.monotonic() - start < 2


def test_a_png_bomb_within_its_bytes() -> None:
    rows = zlib.compress(b"\0" * (3 * 20_000 + 1) * 2_000, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 2_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert len(data) < 200_000
    assert isinstance(outcome(data), InputError)


def test_endless_chains_end() -> None:
    gif = (
        b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + (b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\2\0") * 5000
    )
    found = outcome(gif)
    assert isinstance(found, InputError)
    assert "frames" in found.message
    loop = bytearray(sample("TIFF"))
    first = int.from_bytes(loop[4:8], "little")
    entries = int.from_bytes(loop[first : first + 2], "little")
    loop[first + 2 + 12 * entries : first + 6 + 12 * entries] = struct.pack("<I", first)
    assert isinstance(outcome(bytes(loop)), Decoded)


def test_a_jpeg_of_endless_scans() -> None:
    data = sample("JPEG")
    scan = data[data.index(b"\xff\xda") : -2]
    found = outcome(data[:-2] + scan[:12] * 600 + b"\xff\xd9")
    assert isinstance(found, InputError)
    assert "scans" in found.message


def test_too_many_bytes() -> None:
    assert "bytes" in str(outcome(sample("PNG"), Limits(max_bytes=100)))


def test_the_wrong_mark() -> None:
    for kind in FORMATS[1:]:
        assert isinstance(outcome(sample("PNG")[:16] + sample(kind)[16:]), InputError)
    assert isinstance(outcome(b"\xff\xd8\xff" + sample("PNG")), InputError)


def test_pillows_own_limit_is_left_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS
    outcome(sample("PNG"))
    outcome(png_claiming(60_000, 60_000))
    assert before == Image.MAX_IMAGE_PIXELS
