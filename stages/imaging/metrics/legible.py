"""Legibility at icon sizes: what of the structure and the contrast is left when the picture is 16 or 32 pixels large.

Scaled by area in linear light with premultiplied alpha, laid on the grounds of light and dark interfaces, and judged in
CIE L*, which is even to the eye.
"""

from __future__ import annotations

import numpy as np

from imajin_cli.stages.imaging.metrics.light import DARK_GROUND, LIGHT_GROUND, lightness
from imajin_cli.stages.imaging.metrics.planes import Floats, Planes, shrink

# L* between white and the grey that has contrast 3 : 1 with it (WCAG 2.2, 1.4.11 Non-text contrast): 100 - 61.7.
_ENOUGH = 38.3


def legibility(planes: Planes, side: int) -> dict[str, float]:
    """On a "light" and a "dark" ground, 0..1: the share of the outlines' weight that is left at ``side`` pixels, times the
    lightness range that is left over that of 3 : 1 contrast (at most 1).

    The weight of outlines is the sum of lightness steps over the side: the same at every size for shapes that are kept.
    """
    base = planes.small
    tiny = np.stack([shrink(base[..., 0], side), shrink(base[..., 1], side)], axis=2)
    grounds = {"light": LIGHT_GROUND, "dark": DARK_GROUND}
    return {name: _kept(base, tiny, ground) for name, ground in grounds.items()}


def _kept(base: Floats, tiny: Floats, ground: float) -> float:
    large, small = _on(base, ground), _on(tiny, ground)
    before, after = _outline(large), _outline(small)
    if before <= 0:
        return 0.0
    low, high = np.percentile(small, (2, 98))
    return min(1.0, after / before) * min(1.0, float(high - low) / _ENOUGH)


def _on(plane: Floats, ground: float) -> Floats:
    """L* of a premultiplied picture (luminance, alpha) on a ground of that luminance, with a pixel of the ground all round."""
    y = plane[..., 0] + ground * (1 - plane[..., 1])
    opaque = bool(plane[..., 1].min() > 0.999)
    padded = np.pad(y, 1, mode="edge") if opaque else np.pad(y, 1, constant_values=ground)
    return lightness(padded.astype(np.float32))


def _outline(light: Floats) -> float:
    steps = float(np.abs(np.diff(light, axis=0)).sum() + np.abs(np.diff(light, axis=1)).sum())
    return float(steps / max(light.shape))
