"""Aspect ratios as they are written: what names a base, and decides which base a size is cut from."""

from __future__ import annotations

from math import gcd


def ratio_of(width: int, height: int) -> str:
    """The aspect ratio in lowest terms ("16:9"); as a decimal ("1.91:1") where those are large."""
    common = gcd(width, height)
    w, h = width // common, height // common
    return f"{w}:{h}" if max(w, h) <= 32 else f"{width / height:.2f}".rstrip("0").rstrip(".") + ":1"
