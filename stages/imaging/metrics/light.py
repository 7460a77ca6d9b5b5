"""Light and lightness: sRGB levels to linear light (IEC 61966-2-1), luminance, CIE L*, and WCAG contrast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def _table() -> Floats:
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


# Linear light 0..1 of each 8-bit sRGB level.
LINEAR: Floats = _table()
# Luminance of linear red, green and blue (ITU-R BT.709).
WEIGHTS: Floats = np.array([0.2126, 0.7152, 0.0722], np.float32)
# What an 8-bit sRGB level of red, of green and of blue adds to luminance: 3 × 256.
LUMINANCE: Floats = WEIGHTS[:, None] * LINEAR
# The two grounds that interface pictures stand on: white, and the near-black #121212 of dark themes.
LIGHT_GROUND = 1.0
DARK_GROUND = float(LINEAR[0x12])


def luminance(linear: Floats) -> Floats:
    """Luminance 0..1 of linear colours (… × 3)."""
    result: Floats = linear @ WEIGHTS
    return result


def lightness(y: Floats) -> Floats:
    """CIE 1976 L*, 0..100, of luminance 0..1 (CIE 15:2004)."""
    y = np.clip(y, 0, 1)
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y).astype(np.float32)


def contrast_ratio(y: Floats, ground: float) -> Floats:
    """WCAG 2.2 contrast ratio, 1..21, of luminances against the luminance of a ground."""
    return ((np.maximum(y, ground) + 0.05) / (np.minimum(y, ground) + 0.05)).astype(np.float32)
