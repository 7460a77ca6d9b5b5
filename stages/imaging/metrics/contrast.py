"""Contrast of the subject against the grounds that it may stand on."""

from __future__ import annotations

import numpy as np

from imajin_cli.stages.imaging.metrics.light import DARK_GROUND, LIGHT_GROUND, LINEAR, contrast_ratio, luminance
from imajin_cli.stages.imaging.metrics.planes import Floats, Planes

_SAMPLES = 192
# The subject is the strongest part of what is there; pale backdrops are meant to be pale.
_STRONGEST = 95.0


def contrast(planes: Planes) -> dict[str, float]:
    """WCAG contrast ratio, 1..21, that the strongest 5 % of the content reaches on "light" and on "dark" grounds.

    An opaque picture brings its ground along: both values are against that, or, where it has no one ground, between the
    lightest and the darkest twentieth of the picture.
    """
    step = max(1, max(planes.size) // _SAMPLES)
    pixels = planes.pixels[::step, ::step]
    inside = planes.content[::step, ::step] > 0
    y = luminance(LINEAR[pixels[..., :3]][inside])
    if not y.size:
        return {"light": 1.0, "dark": 1.0}
    if planes.alpha is not None:
        cover: Floats = planes.alpha[::step, ::step][inside] * np.float32(1 / 255)
        return {
            "light": _strongest(y * cover + LIGHT_GROUND * (1 - cover), LIGHT_GROUND),
            "dark": _strongest(y * cover + DARK_GROUND * (1 - cover), DARK_GROUND),
        }
    if planes.ground is None:
        dark, light = np.percentile(y, (5, 95))
        own = float((light + 0.05) / (dark + 0.05))
    else:
        own = _strongest(y, float(luminance(LINEAR[list(planes.ground)])))
    return {"light": own, "dark": own}


def _strongest(y: Floats, ground: float) -> float:
    return float(np.percentile(contrast_ratio(y, ground), _STRONGEST))
