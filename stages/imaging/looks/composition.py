"""Plain measures of composition and colour, each a number with a stated meaning, of a picture of a few hundred pixels.

They are reported as they are, and combined with the learned score in the open by stages/aesthetics/combine.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.metrics.light import LINEAR
from imajin_cli.stages.imaging.metrics.planes import Planes

Floats = npt.NDArray[np.float32]
# OKLab from linear sRGB (Björn Ottosson, 2020, https://bottosson.github.io/posts/oklab/).
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
# Hue templates: (width, centre) of sectors in degrees: i, V, L, I, Y of Cohen-Or et al., "Color harmonization" (ACM
# Transactions on Graphics 25(3), 2006), after Matsuda. T and X, which hold most of the wheel, are left out.
TEMPLATES = (
    ((18, 0),),
    ((93.6, 0),),
    ((18, 0), (79.2, 90)),
    ((18, 0), (18, 180)),
    ((93.6, 0), (18, 180)),
)
_BINS = 36
# Chroma below which a colour has no hue to the eye, and a step of OKLab that is an edge.
_GREY, _EDGE = 0.03, 0.06
_CELLS = 12


@dataclass(frozen=True)
class Colours:
    """OKLab of every pixel on its ground (height × width × 3), what there is to see, 0..1, and the ground's OKLab."""

    lab: Floats
    seen: Floats
    ground: Floats


def oklab(rgb: npt.NDArray[np.uint8]) -> Floats:
    """OKLab of 8-bit sRGB (… × 3)."""
    result: Floats = np.cbrt(LINEAR[rgb] @ _TO_LMS.T) @ _TO_LAB.T
    return result


def colours(planes: Planes, ground: tuple[int, int, int]) -> Colours:
    """The picture laid on ``ground``. What is to see of a full-bleed picture is what differs from its border."""
    rgb = planes.pixels[..., :3]
    if planes.alpha is not None:
        a = planes.alpha[..., None].astype(np.float32) / 255
        rgb = np.round(rgb * a + np.array(ground, np.float32) * (1 - a)).astype(np.uint8)
    lab = oklab(rgb)
    if planes.alpha is not None:
        own = oklab(np.array([[ground]], np.uint8))[0, 0]
        return Colours(lab, planes.content.astype(np.float32) / np.float32(255), own)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    own = np.median(border, axis=0).astype(np.float32)
    apart = np.linalg.norm(lab - own, axis=2)
    return Colours(lab, np.clip((apart - 0.03) / 0.09, 0, 1).astype(np.float32), own)


def measures(found: Colours) -> dict[str, float]:
    """Every measure by name, 0..1 but for "crowding" (about 0..3). A picture with nothing to see gives zeros.

    balance: 1 where the centre of mass lies in the middle, 0 where it lies at a border. empty: share of nothing.
    crowding: edge length over what a shape of that extent needs. harmony: 1 where all hues fit a template.
    contrast: range of lightness. clearance: the smallest margin over the canvas's shorter side, at most 0.25.
    cut: share of the border where content runs out of the picture.
    """
    names = ("balance", "empty", "crowding", "harmony", "contrast", "clearance", "cut")
    if float(found.seen.max(initial=0)) < 0.1:
        return dict.fromkeys(names, 0.0) | {"empty": 1.0}
    return {
        "balance": balance(found),
        "empty": float(1 - found.seen.mean()),
        "crowding": crowding(found),
        "harmony": harmony(found),
        "contrast": contrast(found),
        **borders(found.seen),
    }


def balance(found: Colours) -> float:
    """1 less twice the offset of the centre of mass, as a share of the side, in the direction that is farther off.

    Every pixel weighs as much as it differs from the ground.
    """
    mass = found.seen * np.linalg.norm(found.lab - found.ground, axis=2)
    total = float(mass.sum())
    if total <= 0:
        return 0.0
    height, width = mass.shape
    x = float((mass.sum(0) * (np.arange(width) + 0.5)).sum()) / total / width
    y = float((mass.sum(1) * (np.arange(height) + 0.5)).sum()) / total / height
    off: float = max(abs(x - 0.5), abs(y - 0.5))
    return 1 - 2 * off


def edges(lab: Floats) -> npt.NDArray[np.bool_]:
    """Where a pixel differs visibly from its right or lower neighbour."""
    out = np.zeros(lab.shape[:2], bool)
    out[:, :-1] |= np.abs(np.diff(lab, axis=1)).max(2) > _EDGE
    out[:-1] |= np.abs(np.diff(lab, axis=0)).max(2) > _EDGE
    return out


def crowding(found: Colours) -> float:
    """Edge pixels a cell, in cells that hold something, over the cell's side; a mean weighted to the fuller half."""
    marked = edges(found.lab)
    height, width = marked.shape
    side = max(1, max(height, width) // _CELLS)
    rows, columns = -(-height // side), -(-width // side)
    padded = np.pad(marked, ((0, rows * side - height), (0, columns * side - width)))
    cells = padded.reshape(rows, side, columns, side).sum((1, 3)).ravel() / side
    held = np.sort(cells[cells > 0])
    return float(held[len(held) // 2 :].mean()) if len(held) else 0.0


def hues(found: Colours) -> Floats:
    """Weight of each of 36 hues, by area and chroma; all zero for a picture in greys."""
    a, b = found.lab[..., 1], found.lab[..., 2]
    chroma = np.hypot(a, b)
    weight = np.where(chroma > _GREY, chroma, 0)
    angle = np.degrees(np.arctan2(b, a)) % 360
    at = np.minimum((angle * (_BINS / 360)).astype(int), _BINS - 1)
    return np.bincount(at.ravel(), weight.ravel(), _BINS).astype(np.float32)


def _distances() -> Floats:
    """(template × turn) × hue: degrees from each hue to the nearest sector."""
    hue = (np.arange(_BINS) + 0.5) * (360 / _BINS)
    rows = []
    for sectors in TEMPLATES:
        for turn in range(0, 360, 360 // _BINS):
            off = [np.abs((hue - centre - turn + 180) % 360 - 180) - width / 2 for width, centre in sectors]
            rows.append(np.clip(np.min(off, axis=0), 0, None))
    return np.array(rows, np.float32)


_DISTANCES = _distances()


def harmony(found: Colours) -> float:
    """1 less the mean distance of the hues, by weight, from the template that fits best, over 60 degrees; greys give 1."""
    weight = hues(found)
    total = float(weight.sum())
    if total < 1e-3 * found.seen.size:
        return 1.0
    return max(0.0, 1 - float((_DISTANCES @ weight).min()) / total / 60)


def contrast(found: Colours) -> float:
    """Range of OKLab lightness from the 3rd to the 97th percentile of what there is to see, with its ground."""
    light = found.lab[..., 0][found.seen > 0.3]
    if not len(light):
        return 0.0
    low, high = np.percentile(light, (3, 97))
    ground = float(found.ground[0])
    return float(max(high, ground) - min(low, ground))


def borders(seen: Floats) -> dict[str, float]:
    """The "clearance" and the "cut" that ``measures`` tells of."""
    shown = seen > 0.3
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return {"clearance": 0.0, "cut": 0.0}
    height, width = shown.shape
    margin = min(int(rows[0]), height - 1 - int(rows[-1]), int(columns[0]), width - 1 - int(columns[-1]))
    border = np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])
    return {"clearance": min(0.25, margin / min(height, width)), "cut": float(border.mean())}
