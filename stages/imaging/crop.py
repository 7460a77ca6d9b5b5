"""Cutting one aspect ratio out of another, and setting a picture into a square."""

from __future__ import annotations

from PIL import Image

Box = tuple[int, int, int, int]


def cover_box(size: tuple[int, int], ratio: tuple[int, int]) -> Box:
    """The largest centred box (left, top, right, bottom) of aspect ``ratio`` (width, height) in ``size``."""
    width, height = size
    wide, high = ratio
    if width * high > height * wide:
        cut = max(1, round(height * wide / high))
        left = (width - cut) // 2
        return left, 0, left + cut, height
    cut = max(1, round(width * high / wide))
    top = (height - cut) // 2
    return 0, top, width, top + cut


def contain_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The largest size with the aspect ratio of ``size`` that fits a square of ``side`` pixels."""
    longest = max(size)
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))


def in_square(image: Image.Image, side: int) -> Image.Image:
    """``image``, at most ``side`` pixels a side, centred on a transparent square, as RGBA."""
    if image.size == (side, side):
        return image.convert("RGBA")
    square = Image.new("RGBA", (side, side))
    square.paste(image.convert("RGBA"), ((side - image.width) // 2, (side - image.height) // 2))
    return square
