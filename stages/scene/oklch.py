"""OKLCH and sRGB: conversion, gamut mapping by chroma reduction, WCAG contrast.

OKLab is Björn Ottosson's (2020, https://bottosson.github.io/posts/oklab/); contrast is that of WCAG 2.2.
Lightness and chroma run from 0 to 1 and 0 to about 0.37, hue is in degrees.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

Rgb = tuple[float, float, float]
_HEX = re.compile(r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")


def parse_hex(text: str) -> Rgb:
    """Read "#rgb" or "#rrggbb" (the # may be left out) as sRGB from 0 to 1. Raises ValueError for anything else."""
    found = _HEX.match(text.strip())
    if found is None:
        raise ValueError(f"not a hex colour: {text!r}")
    digits = found[1]
    if len(digits) == 3:
        digits = "".join(d * 2 for d in digits)
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def to_hex(rgb: Rgb) -> str:
    """SRGB from 0 to 1 (clipped) as "#rrggbb"."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, c))):02x}" for c in rgb)


def _linear(c: float) -> float:
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def _gamma(c: float) -> float:
    if c <= 0.0031308:
        return 12.92 * c
    return float(1.055 * c ** (1 / 2.4) - 0.055)


def rgb_to_oklch(rgb: Rgb) -> tuple[float, float, float]:
    """SRGB from 0 to 1 as (lightness, chroma, hue)."""
    r, g, b = (_linear(c) for c in rgb)
    l_ = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    lightness = 0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_
    a = 1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_
    bb = 0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_
    return lightness, math.hypot(a, bb), math.degrees(math.atan2(bb, a)) % 360


def _oklch_to_linear(lightness: float, chroma: float, hue: float) -> Rgb:
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )


def _inside(rgb: Rgb) -> bool:
    return all(-1e-4 <= c <= 1 + 1e-4 for c in rgb)


@lru_cache(maxsize=4096)
def oklch_hex(lightness: float, chroma: float, hue: float) -> str:
    """The nearest sRGB colour of that lightness and hue: chroma is lowered (by bisection) until it is in gamut."""
    lightness = min(1.0, max(0.0, lightness))
    rgb = _oklch_to_linear(lightness, chroma, hue)
    if not _inside(rgb):
        low, high = 0.0, chroma
        for _ in range(18):
            middle = (low + high) / 2
            low, high = (middle, high) if _inside(_oklch_to_linear(lightness, middle, hue)) else (low, middle)
        rgb = _oklch_to_linear(lightness, low, hue)
    red, green, blue = (_gamma(max(0.0, c)) for c in rgb)
    return to_hex((red, green, blue))


@lru_cache(maxsize=4096)
def luminance(colour: str) -> float:
    """WCAG relative luminance of a hex colour, from 0 to 1."""
    r, g, b = (_linear(c) for c in parse_hex(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two hex colours, from 1 to 21."""
    a, b = luminance(one), luminance(other)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
