"""Rasters to another size, with light mixed as light: linear, and weighted by alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imajin_cli.stages.imaging.encode.oklab import Floats, linear_table


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """``image`` (L, LA, RGB, RGBA) as ``size`` (width, height) pixels in the same mode; itself where nothing changes.

    Lanczos (three lobes) on linear light, premultiplied by alpha: no dark seams between bright colours and no fringe of
    what transparent pixels hide. Opaque stays opaque.
    """
    if image.size == size:
        return image
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    has_alpha = image.mode in ("LA", "RGBA")
    colours = pixels.shape[2] - has_alpha
    alpha: Floats | None = (pixels[:, :, -1] / np.float32(255)).astype(np.float32) if has_alpha else None
    small_alpha: Floats | None = None if alpha is None else np.clip(_scale(alpha, size), 0, 1)
    bands = [_band(pixels[:, :, band], alpha, small_alpha, size) for band in range(colours)]
    if small_alpha is not None:
        bands.append(np.rint(small_alpha * 255).astype(np.uint8))
    made = [Image.fromarray(band) for band in bands]
    return made[0] if len(made) == 1 else Image.merge(image.mode, made)


def _band(
    levels: NDArray[np.uint8],
    alpha: Floats | None,
    small_alpha: Floats | None,
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    light = linear_table()[levels]
    if alpha is None or small_alpha is None:
        return _levels(_scale(light, size))
    mixed = _scale(light * alpha, size)
    straight = np.divide(mixed, small_alpha, out=np.zeros_like(mixed), where=small_alpha > 0.5 / 255)
    return _levels(straight)


def _scale(band: Floats, size: tuple[int, int]) -> Floats:
    image = Image.fromarray(np.ascontiguousarray(band, dtype=np.float32))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def _levels(light: Floats) -> NDArray[np.uint8]:
    """Linear light as 8-bit sRGB levels (IEC 61966-2-1), over- and undershoot of the filter cut off."""
    value = np.clip(light, 0, 1)
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * np.power(value, 1 / 2.4) - 0.055)
    levels: NDArray[np.uint8] = np.rint(encoded * 255).astype(np.uint8)
    return levels
