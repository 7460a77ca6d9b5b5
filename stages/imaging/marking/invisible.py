"""A mark that nobody sees: where a picture has texture, in the luma of its opaque pixels.

The package's own plane is U, which a lossy WebP halves each way and loses; luma survives it. A flat field is left as it is:
there the mark would be the only thing to see, and would cost more bytes than the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imajin_cli.stages.imaging.marking import codeword, dwtsvd
from imajin_cli.stages.imaging.marking.codeword import Word

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
# Luma of ITU-R BT.601, as OpenCV's YUV has it.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Standard deviation, in levels, of a cell's approximation band from which the eye has other things to see; a reader takes
# cells a little flatter too, since encoders smooth.
_TEXTURE, _READ_TEXTURE = 3.0, 2.1
# Cells for each bit below which too little is left for errors.
_LEAST_CELLS = 2
# How clearly a cell must say its bit once its pixels are whole numbers: below it, the next value is tried.
_CLEAR = 0.25


@dataclass(frozen=True)
class Marked:
    """A picture with its mark, or as it was where it holds none: ``why`` says so then. ``cells`` carry it."""

    image: Image.Image
    cells: int
    why: str | None = None


@dataclass(frozen=True)
class Heard:
    """What a picture says of one payload: the share of the word's bits and of the cells that say it, and if it is read."""

    bits: float
    cells: float
    read: bool


@dataclass(frozen=True)
class _Cells:
    """A picture's cells: values (largest singular values) and what may carry a bit, both row by row."""

    blocks: Floats
    values: Floats
    texture: Floats
    opaque: Flags


def mark(image: Image.Image, payload: bytes) -> Marked:
    """``image`` (L, LA, RGB, RGBA; straight alpha, which stays) with ``payload`` in it, where it can be read again."""
    found = _cells(image)
    carrying = found.opaque & (found.texture >= _TEXTURE)
    bits = codeword.encode(payload)
    count = int(carrying.sum())
    if count < _LEAST_CELLS * len(bits):
        kind = "small" if carrying.size < _LEAST_CELLS * len(bits) else "flat"
        why = f"too {kind}: {count} cells with texture, and {_LEAST_CELLS * len(bits)} are needed"
        return Marked(image, count, why)
    marked = _with_bits(image, found, carrying, _bit_of_cells(carrying, bits))
    heard = hear(marked, payload)
    if not heard.read:
        return Marked(image, count, f"it would not be read again: {heard.bits:.0%} of its bits are")
    return Marked(marked, count)


def read(image: Image.Image) -> tuple[Word, Heard] | None:
    """The payload that ``image`` carries, None where it carries none that can be read."""
    found = _cells(image)
    for form in codeword.FORMS:
        sums = _sums(found, codeword.length(form))
        word = codeword.decode(sums) if sums is not None else None
        if word is not None:
            return word, _heard(found, word.bits, sums, read=True)
    return None


def hear(image: Image.Image, payload: bytes) -> Heard:
    """How much of ``payload``'s word ``image`` says."""
    found = _cells(image)
    bits = codeword.encode(payload)
    sums = _sums(found, len(bits))
    word = codeword.decode(sums) if sums is not None else None
    return _heard(found, bits, sums, read=word is not None and word.payload == payload.rstrip(b"\0"))


def _heard(found: _Cells, bits: Flags, sums: NDArray[np.float64] | None, *, read: bool) -> Heard:
    if sums is None:
        return Heard(0.5, 0.5, False)
    reading = _reading(found)
    says = (dwtsvd.said(found.values) > 0) == _bit_of_cells(reading, bits)
    return Heard(float(((sums > 0) == bits).mean()), float(says[reading].mean()), read)


def _bit_of_cells(carrying: Flags, bits: Flags) -> Flags:
    at, opposite = codeword.spread(carrying.size, len(bits))
    found: Flags = (bits[at] ^ opposite).reshape(carrying.shape)
    return found


def _reading(found: _Cells) -> Flags:
    found_reading: Flags = found.opaque & (found.texture >= _READ_TEXTURE)
    return found_reading


def _sums(found: _Cells, bits: int) -> NDArray[np.float64] | None:
    """What all cells say of each bit, added up; None where too few may say anything."""
    reading = _reading(found)
    if int(reading.sum()) < bits:
        return None
    at, opposite = codeword.spread(reading.size, bits)
    says = dwtsvd.said(found.values).ravel() * reading.ravel() * np.where(opposite, -1, 1)
    return np.bincount(at, says, bits).astype(np.float64)


def _cells(image: Image.Image) -> _Cells:
    luma, opaque = _planes(image)
    blocks = dwtsvd.approximation(dwtsvd.cells(luma))
    whole = dwtsvd.cells(opaque).min(axis=(-1, -2)) >= 255
    # Half the band is in levels: it is twice each four pixels' mean.
    texture = blocks.std(axis=(-1, -2)) * np.float32(0.5)
    return _Cells(blocks, dwtsvd.largest(blocks), texture, whole)


def _planes(image: Image.Image) -> tuple[Floats, Floats]:
    """Luma and alpha, 0..255."""
    alpha = image.getchannel("A") if "A" in image.mode else Image.new("L", image.size, 255)
    if image.mode in ("L", "LA"):
        return np.asarray(image.getchannel(0), np.float32), np.asarray(alpha, np.float32)
    return np.asarray(image.convert("RGB"), np.float32) @ _LUMA, np.asarray(alpha, np.float32)


def _with_bits(image: Image.Image, found: _Cells, carrying: Flags, bits: Flags) -> Image.Image:
    """``image`` with the nearer change in each carrying cell, or the farther where rounding and black or white undo it."""
    near, far = dwtsvd.nearest(found.values, bits)
    pixels = np.asarray(image)
    first = _shifted(pixels, _change(found.blocks, near, carrying))
    says = dwtsvd.said(_cells(_as_image(first, image)).values) * np.where(bits, 1, -1)
    undone = carrying & (says < _CLEAR)
    if not undone.any():
        return _as_image(first, image)
    wanted = np.where(undone, far, near).astype(np.float32)
    return _as_image(_shifted(pixels, _change(found.blocks, wanted, carrying)), image)


def _change(blocks: Floats, wanted: Floats, carrying: Flags) -> Floats:
    """What to add to each pixel: nothing but in carrying cells."""
    change = np.zeros((*carrying.shape, dwtsvd.CELL, dwtsvd.CELL), np.float32)
    change[carrying] = dwtsvd.change(blocks[carrying], wanted[carrying])
    return change


def _shifted(pixels: NDArray[np.uint8], change: Floats) -> NDArray[np.uint8]:
    """``pixels`` (height, width[, channels]) with the cells' ``change`` added to every colour channel, alpha left alone."""
    rows, columns = change.shape[0] * dwtsvd.CELL, change.shape[1] * dwtsvd.CELL
    plane = change.swapaxes(1, 2).reshape(rows, columns)
    done = pixels.copy()
    flat = done if done.ndim == 3 else done[..., None]
    colours = flat.shape[2] - (1 if flat.shape[2] in (2, 4) else 0)
    part = flat[:rows, :columns, :colours]
    part[...] = np.clip(np.rint(part.astype(np.float32) + plane[..., None]), 0, 255).astype(np.uint8)
    return done


def _as_image(pixels: NDArray[np.uint8], like: Image.Image) -> Image.Image:
    return Image.fromarray(pixels, like.mode)
