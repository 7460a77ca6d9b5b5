"""How well the pictures of a set go together: colours, padding, stroke width, optical weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from imajin_cli.stages.imaging.metrics.ciede import ciede2000, lab
from imajin_cli.stages.imaging.metrics.layout import layout
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.imaging.svgtree import Node
from imajin_cli.stages.scene.bounds import IDENTITY, Matrix, matrix, multiply, shape_points

Floats = npt.NDArray[np.float64]

_SIDE = 96
# Colours that a picture is taken to be made of, and the least share of it that one of them has.
_COLOURS, _LEAST = 12, 0.02
_SOLID = 200


@dataclass(frozen=True)
class Traits:
    """What is compared of one picture: its main colours (CIELAB) and their shares, the least margin and the stroke width as

    shares of the longer side (None without strokes), and its optical weight: how much darker or lighter than its ground it
    is, averaged over the square that it stands in.
    """

    colours: Floats
    shares: Floats
    padding: float
    stroke: float | None
    weight: float


def traits(image: Image.Image, root: Node | None = None) -> Traits:
    """The traits of ``image`` (any mode); ``root`` is the SVG that it was drawn from, for its strokes."""
    small = image.convert("RGBA")
    small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small)
    solid = pixels[..., 3] >= _SOLID
    colours, shares = _main_colours(pixels[solid][:, :3])
    planes = Planes(image)
    alpha = pixels[..., 3].astype(np.float64) / 255
    lightness = lab(pixels[..., :3])[..., 0] / 100
    # On the ground that suits it: white for what is dark, black for what is light.
    weight = max(float((alpha * (1 - lightness)).sum()), float((alpha * lightness).sum()) / 2) / max(small.size) ** 2
    return Traits(colours, shares, layout(planes).padding, stroke_width(root) if root is not None else None, weight)


def _main_colours(rgb: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """The main colours of pixels (n × 3) as CIELAB, and their shares, the largest first."""
    if not len(rgb):
        return np.zeros((0, 3)), np.zeros(0)
    strip = Image.fromarray(rgb[None])
    drawn = strip.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    palette = np.array(drawn.getpalette(), dtype=np.uint8).reshape(-1, 3)
    counts = np.bincount(np.asarray(drawn).ravel(), minlength=len(palette))[: len(palette)]
    kept = counts >= _LEAST * counts.sum()
    order = np.argsort(-counts[kept], kind="stable")
    shares = counts[kept][order].astype(np.float64)
    return lab(palette[kept][order]), shares / shares.sum()


def stroke_width(root: Node) -> float | None:
    """The stroke width that most of the lines' length in ``root`` has, as a share of its longer side; None without lines."""
    box = [float(value) for value in (root.get("viewBox") or "").replace(",", " ").split()]
    if len(box) != 4 or max(box[2:]) <= 0:
        return None
    found: list[tuple[float, float]] = []
    _strokes(root, IDENTITY, {}, found)
    total = sum(length for _, length in found)
    if total <= 0:
        return None
    half = 0.0
    for width, length in sorted(found):
        half += length
        if half >= total / 2:
            return width / max(box[2:])
    return None


def _strokes(node: Node, around: Matrix, given: Mapping[str, str], found: list[tuple[float, float]]) -> None:
    """Collect (width, length), in the drawing's units, of each line in ``node``; ``given`` is what it inherits."""
    own = {**given, **{key: value for key in ("stroke", "stroke-width") if (value := node.get(key)) is not None}}
    here = multiply(around, matrix(node.get("transform") or ""))
    points = shape_points(node.name, {name: value for (_, name), value in node.attributes.items()})
    if points and own.get("stroke", "none") != "none":
        scale = abs(here[0] * here[3] - here[1] * here[2]) ** 0.5
        length = sum(float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(points))
        try:
            found.append((float(own.get("stroke-width", "1").removesuffix("px")) * scale, length * scale))
        except ValueError:
            return
    for child in node.children():
        if child.name not in ("defs", "mask", "clipPath"):
            _strokes(child, here, own, found)


@dataclass(frozen=True)
class Likeness:
    """How far a set's pictures are from one another, the furthest one's distance by measure, and which that is.

    ``palette``: mean ΔE2000 of its colours to the nearest of the others'. ``padding``, ``stroke``: difference from the
    set's median, as a share of the side; ``weight``: as a share of the median itself. NaN where fewer than two have it.
    """

    palette: tuple[float, int]
    padding: tuple[float, int]
    stroke: tuple[float, int]
    weight: tuple[float, int]


def likeness(listed: Sequence[Traits]) -> Likeness:
    """The likeness of a set of two pictures or more."""
    strokes = [one.stroke for one in listed]
    known = [at for at, stroke in enumerate(strokes) if stroke is not None]
    widths = [stroke for stroke in strokes if stroke is not None]
    far, which = _furthest(widths)
    weights = [one.weight for one in listed]
    middle = float(np.median(weights)) or 1.0
    weight = _furthest(weights)
    return Likeness(
        _palette(listed),
        _furthest([one.padding for one in listed]),
        (far, known[which] if known else 0),
        (weight[0] / middle, weight[1]),
    )


def _furthest(values: Sequence[float]) -> tuple[float, int]:
    """The largest distance from the median, and whose it is; NaN for fewer than two values."""
    if len(values) < 2:
        return float("nan"), 0
    off = np.abs(np.asarray(values) - np.median(values))
    return float(off.max()), int(off.argmax())


def _palette(listed: Sequence[Traits]) -> tuple[float, int]:
    found = []
    for at, one in enumerate(listed):
        others = [other.colours for place, other in enumerate(listed) if place != at and len(other.colours)]
        if not len(one.colours) or not others:
            found.append(0.0)
            continue
        off = ciede2000(one.colours[:, None], np.concatenate(others)[None]).min(axis=1)
        found.append(float((off * one.shares).sum()))
    return max(found), int(np.argmax(found))
