"""PNGs deflated once more: the same pixels and chunks in fewer bytes."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imajin_cli.stages.imaging.encode.denser import _chunks, denser


def png(image: Image.Image) -> bytes:
    info = PngInfo()
    info.add(b"sRGB", b"\x00")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, pnginfo=info)
    return buffer.getvalue()


def stripes(side: int) -> Image.Image:
    down, across = np.mgrid[:side, :side]
    return Image.fromarray(((down * across // 7) % 5 * 50).astype(np.uint8))


@pytest.mark.parametrize("side", [40, 300, 900])
def test_fewer_bytes_hold_the_same_pixels(side):
    before = png(stripes(side))
    after = denser(before)
    assert len(after) < len(before)
    assert Image.open(io.BytesIO(after)).tobytes() == stripes(side).tobytes()
    assert [kind for kind, _ in _chunks(after)] == [b"IHDR", b"sRGB", b"IDAT", b"IEND"]
    assert denser(before) == after


def test_several_parts_become_one_and_every_checksum_is_right():
    before = png(Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8)))
    before = png(Image.open(io.BytesIO(before)).convert("L"))
    assert sum(kind == b"IDAT" for kind, _ in _chunks(before)) > 1
    after, at = denser(before), 8
    while at < len(after):
        (length,) = struct.unpack_from(">I", after, at)
        (told,) = struct.unpack_from(">I", after, at + 8 + length)
        assert told == zlib.crc32(after[at + 4 : at + 8 + length])
        at += 12 + length
    assert Image.open(io.BytesIO(after)).tobytes() == Image.open(io.BytesIO(before)).tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"]), st.binary(min_size=1))
def test_it_is_never_larger_and_never_another_picture(width, height, mode, seed):
    cells = np.frombuffer((seed * (width * height * 4))[: width * height * 4], np.uint8).reshape(height, width, 4)
    image = Image.fromarray(np.ascontiguousarray(cells), "RGBA").convert(mode)
    before = png(image)
    after = denser(before)
    assert len(after) <= len(before)
    assert Image.open(io.BytesIO(after)).tobytes() == Image.open(io.BytesIO(before)).tobytes()
