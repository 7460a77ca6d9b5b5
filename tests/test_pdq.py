"""PDQ: bit for bit what the reference gives, its turns, its quality, and what its index finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from imajin_cli.stages.imaging.pdq import BITS, SMALLEST, TURNS, pdq, pdq_turned
from imajin_cli.stages.moderation.hashindex import MOST_BITS, SMALL, HashIndex, Match

# Written by pdqhash 0.2.8 (Meta's own code) from `picture`: name → quality and eight hashes in the order of TURNS.
GOLDEN = json.loads((Path(__file__).parent / "data" / "pdq.json").read_text())
SIZES = {"square": (512, 512), "wide": (400, 150), "tall": (97, 333), "grid": (64, 64), "tiny": (23, 17), "large": (1024, 700)}
FLIPS = {
    "rotate180": Image.Transpose.ROTATE_180,
    "flipx": Image.Transpose.FLIP_TOP_BOTTOM,
    "flipy": Image.Transpose.FLIP_LEFT_RIGHT,
    "flipplus1": Image.Transpose.TRANSPOSE,
    "flipminus1": Image.Transpose.TRANSVERSE,
    "rotate90": Image.Transpose.ROTATE_90,
    "rotate270": Image.Transpose.ROTATE_270,
}


def picture(name: str) -> Image.Image:
    """A picture of shapes and soft noise; the same on every machine."""
    width, height = SIZES[name]
    stream = np.random.default_rng(len(name) * 1000 + width)
    noise = stream.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.2, height * 0.1, width * 0.6, height * 0.8), fill=(240, 210, 40))
    draw.rectangle((width * 0.5, height * 0.6, width * 0.95, height * 0.7), fill=(10, 20, 90))
    return image


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.bitwise_count(one ^ other).sum())


@pytest.mark.parametrize("name", sorted(SIZES))
def test_it_agrees_with_the_reference(name):
    quality, hashes = GOLDEN[name]
    found = pdq(picture(name))
    assert found.quality == quality
    assert [found.hex(at) for at in range(8)] == hashes


def test_it_agrees_with_the_compiled_reference_where_that_is_installed():
    pdqhash = pytest.importorskip("pdqhash")
    for name in SIZES:
        vectors, quality = pdqhash.compute_dihedral(np.asarray(picture(name)))
        found = pdq(picture(name))
        assert abs(found.quality - quality) <= 1
        for at, vector in enumerate(vectors):
            other = np.packbits(vector.astype(np.uint8)).view(">u8").astype(np.uint64)
            assert apart(found.hashes[at], other) <= 2


@pytest.mark.parametrize("turn", sorted(FLIPS))
def test_a_turned_picture_is_found_by_the_hash_of_its_turn(turn):
    image = picture("square")
    turned = pdq(image.transpose(FLIPS[turn]))
    distances = [apart(turned.hashes[0], one) for one in pdq(image).hashes]
    assert min(distances) <= MOST_BITS
    assert int(np.argmin(distances)) == TURNS.index(turn)
    assert distances[0] > 60


@pytest.mark.parametrize("name", sorted(SIZES))
def test_hashing_each_turn_anew_gives_the_hash_of_the_turned_picture(name):
    found = pdq_turned(picture(name))
    assert found.hex() == pdq(picture(name)).hex()
    assert found.quality == pdq(picture(name)).quality
    for turn, how in FLIPS.items():
        assert apart(found.hashes[TURNS.index(turn)], pdq(picture(name).transpose(how)).hashes[0]) <= 2


def test_small_changes_stay_near_and_other_pictures_far():
    image = picture("square")
    own = pdq(image)
    for changed in (image.resize((300, 300)), image.filter(ImageFilter.GaussianBlur(2)), image.point(lambda v: v * 0.9)):
        assert apart(pdq(changed).hashes[0], own.hashes[0]) <= MOST_BITS
    assert apart(pdq(picture("large")).hashes[0], own.hashes[0]) > 80


@pytest.mark.parametrize("size", [(1, 1), (4, 900), (900, SMALLEST - 1)])
def test_what_is_too_small_has_no_hash(size):
    for found in (pdq(Image.new("RGB", size, "red")), pdq_turned(Image.new("RGB", size, "red"))):
        assert found.quality == 0
        assert not found.hashes.any()


def test_a_blank_picture_has_no_quality():
    assert pdq(Image.new("L", (300, 200), 90)).quality == 0


def test_a_very_large_picture_is_reduced_first():
    image = picture("square")
    assert apart(pdq(image.resize((2500, 2500), Image.Resampling.NEAREST)).hashes[0], pdq(image).hashes[0]) <= 10


def flipped(value: np.ndarray, bits: list[int]) -> np.ndarray:
    changed = value.copy()
    for bit in bits:
        changed[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return changed


STREAM = np.random.default_rng(5)
MANY = STREAM.integers(0, 1 << 64, (SMALL + 3000, 4), dtype=np.uint64)
SORTED = HashIndex(MANY)
SORTED.build()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(MANY) - 1), st.sets(st.integers(0, BITS - 1), max_size=MOST_BITS + 6))
def test_the_index_finds_what_comparing_with_all_finds(row, bits):
    query = flipped(MANY[row], sorted(bits))
    distances = np.bitwise_count(MANY ^ query).sum(axis=1)
    nearest = int(distances.argmin())
    expected = Match(nearest, int(distances[nearest])) if distances[nearest] <= MOST_BITS else None
    assert SORTED.nearest(query) == expected
    assert HashIndex(MANY).nearest(query) == expected


def test_the_bands_are_sorted_after_a_number_of_look_ups():
    index = HashIndex(MANY)
    for _ in range(120):
        assert index.nearest(MANY[7]) == Match(7, 0)
    assert index._bands


def test_of_equal_entries_the_first_is_named():
    index = HashIndex(np.stack([MANY[3], MANY[9], MANY[9]]))
    assert index.nearest(MANY[9]) == Match(1, 0)


@pytest.mark.parametrize("most", [-1, MOST_BITS + 1])
def test_a_distance_that_the_bands_could_miss_is_refused(most):
    with pytest.raises(ValueError, match="within 0 and 31"):
        SORTED.nearest(MANY[0], most)
