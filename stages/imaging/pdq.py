"""PDQ: a 256-bit perceptual hash of a picture, its quality, and the hashes of its eight turns and flips.

The method is Meta's ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019, and the
reference implementation in the ThreatExchange repository): luma, two passes of a box filter in each direction, one
sample for each cell of a 64 × 64 grid, a 16 × 16 corner of its discrete cosine transform, and one bit for each
coefficient above their median. Here the filters and the sampling of one direction are one matrix, since all of it is
linear. Sums are taken in another order than the reference takes them, so a coefficient that equals the median but for
rounding may give another bit; pictures of quality 50 and above are held to at most two such bits by the tests.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GRID = 64
SIDE = 16
BITS = SIDE * SIDE
PASSES = 2
SMALLEST = 5
"""The least side in pixels of a picture that can be hashed; a smaller one has quality 0."""
LARGEST = 1024
"""Pictures with a longer side are reduced first. (The reference's command line reduces to 512 × 512.)"""
TURNS = ("original", "rotate90", "rotate180", "rotate270", "flipx", "flipy", "flipplus1", "flipminus1")
"""Names of the eight hashes, in the order in which `Pdq.hashes` holds them."""

Floats = NDArray[np.float32]


class Pdq(NamedTuple):
    """``hashes``: uint64 of shape (8, 4), one row for each of `TURNS`, most significant word first; ``quality``: 0..100."""

    hashes: NDArray[np.uint64]
    quality: int

    def hex(self, turn: int = 0) -> str:
        """The hash of one turn as 64 hexadecimal digits, as hash lists write it."""
        return "".join(f"{int(word):016x}" for word in self.hashes[turn])


_NOTHING = Pdq(np.zeros((8, 4), np.uint64), 0)


def pdq(image: Image.Image) -> Pdq:
    """Hash an opaque picture (mode L or RGB) as the reference does: the turns' hashes come out of one transform."""
    if min(image.size) < SMALLEST:
        return _NOTHING
    grid = downsampled(luma(_reduced(image)))
    return Pdq(np.stack([_packed(turned) for turned in _turns(_transformed(grid))]), quality_of(grid))


def pdq_turned(image: Image.Image) -> Pdq:
    """Hash an opaque picture and each of its turns anew, as if they had been turned files.

    The reference's short cut loses up to 40 bits in pictures full of detail, since the grid's samples do not lie
    symmetrically; a turned copy of a known picture would be missed by it.
    """
    if min(image.size) < SMALLEST:
        return _NOTHING
    plane = luma(_reduced(image))
    half = np.rot90(plane, 2)
    turned = [plane, np.rot90(plane), half, np.rot90(plane, 3), plane[::-1], plane[:, ::-1], plane.T, half.T]
    grids = [downsampled(one) for one in turned]
    return Pdq(np.stack([_packed(_transformed(grid)) for grid in grids]), quality_of(grids[0]))


def _reduced(image: Image.Image) -> Image.Image:
    if max(image.size) <= LARGEST:
        return image
    scale = LARGEST / max(image.size)
    size = (max(SMALLEST, round(image.width * scale)), max(SMALLEST, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX)


def _transformed(grid: Floats) -> Floats:
    """The 16 × 16 corner of the grid's cosine transform."""
    matrix = _cosines()
    return np.asarray(matrix @ grid @ matrix.T, np.float32)


def luma(image: Image.Image) -> Floats:
    """Luma (ITU-R BT.601 weights) of an L or RGB picture, float32 of shape (height, width), 0..255."""
    if image.mode == "L":
        return np.asarray(image, np.float32)
    rgb = np.asarray(image.convert("RGB"))
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    plane: Floats = rgb.astype(np.float32) @ weights
    return plane


def downsampled(plane: Floats) -> Floats:
    """A luma plane of any shape from 5 × 5 as the 64 × 64 grid that is hashed."""
    height, width = plane.shape
    if (height, width) == (GRID, GRID):
        return plane
    return np.asarray(_sampler(height) @ plane @ _sampler(width).T, np.float32)


@lru_cache(maxsize=16)
def _sampler(length: int) -> Floats:
    """The (64, length) matrix that filters a line twice and takes its value at the middle of each of 64 cells.

    A pass averages over a window of length / 128 samples, rounded up; at the ends it averages over what there is.
    """
    window = -(-length // (2 * GRID))
    at = np.arange(length)
    begin = np.maximum(0, at + (window + 2) // 2 - window)
    end = np.minimum(length, at + (window + 2) // 2)
    inside = (at[None, :] >= begin[:, None]) & (at[None, :] < end[:, None])
    box = inside / (end - begin)[:, None]
    middles = ((np.arange(GRID) + 0.5) * length / GRID).astype(int)
    matrix = box[middles]
    for _ in range(PASSES - 1):
        matrix = matrix @ box
    sampler: Floats = matrix.astype(np.float32)
    return sampler


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """Rows 1..16 of the 64-point discrete cosine transform (type II), shape (16, 64)."""
    row, column = np.arange(1, SIDE + 1)[:, None], np.arange(GRID)[None, :]
    matrix: Floats = (np.sqrt(2 / GRID) * np.cos(np.pi / (2 * GRID) * row * (2 * column + 1))).astype(np.float32)
    return matrix


def quality_of(grid: Floats) -> int:
    """0..100: the sum of the grid's steps, each in whole hundredths of the range, over 90 (the reference's measure)."""
    total = 0
    for axis in (0, 1):
        steps = np.trunc(np.diff(grid, axis=axis) * 100 / 255)
        total += int(np.abs(steps).sum())
    return min(100, total // 90)


def _turns(corner: Floats) -> list[Floats]:
    """The transform's corner for each of `TURNS`: turning a picture transposes it and changes signs of odd rows or columns."""
    at = np.arange(SIDE)
    rows = np.where(at % 2, 1, -1).astype(np.float32)[:, None]
    columns = rows.T
    both = rows * columns
    plus = corner.T
    return [
        corner,
        plus * rows,
        corner * both,
        plus * columns,
        corner * rows,
        corner * columns,
        plus,
        plus * both,
    ]


def _packed(corner: Floats) -> NDArray[np.uint64]:
    """Bit 16 i + j says whether coefficient (i, j) is above the median, the lower of the middle two; as four words."""
    median = np.partition(corner, BITS // 2 - 1, axis=None)[BITS // 2 - 1]
    bits = (corner > median).reshape(-1)[::-1]
    words: NDArray[np.uint64] = np.packbits(bits).view(">u8").astype(np.uint64)
    return words
