"""How far apart two pictures look, for tests: by their outlines, not by their colours."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from PIL import Image, ImageFilter

SIDE = 64
# Gradient of luminance (0 to 1 a pixel) at which an edge counts half; a weak and a strong tone of one shape count alike.
HALF = 0.1


def _planes(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Opacity, and luminance on white, both 0 to 1."""
    small = image.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.BOX)
    alpha = np.asarray(small.getchannel("A"), np.float64) / 255
    grey = np.asarray(small.convert("RGB").convert("L"), np.float64) / 255
    return alpha, grey * alpha + 1 - alpha


def _edges(luminance: np.ndarray) -> np.ndarray:
    """A unit vector of softened edge strengths."""
    rise = np.hypot(*np.gradient(luminance))
    soft = Image.fromarray((rise / (rise + HALF) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    flat = np.asarray(soft, np.float64)
    flat = flat - flat.mean()
    return flat / (np.linalg.norm(flat) or 1.0)


def distance(one: Image.Image, other: Image.Image) -> float:
    """0 for the same shapes, about 1 for unrelated ones: the larger of what edges and silhouettes say, at 64 px.

    Edges: one less the correlation of the two pictures' luminance edges. Silhouettes: one less the overlap (intersection
    over union) of what is more than half opaque.
    """
    (alpha, light), (beta, shade) = _planes(one), _planes(other)
    edges = 1 - float((_edges(light) * _edges(shade)).sum())
    first, second = alpha > 0.5, beta > 0.5
    silhouettes = 1 - float((first & second).sum() / max(1, (first | second).sum()))
    return max(edges, silhouettes)


def nearest(images: list[Image.Image]) -> tuple[float, int, int]:
    """The distance of the two most alike, and which they are."""
    return min((distance(images[i], images[j]), i, j) for i, j in combinations(range(len(images)), 2))
