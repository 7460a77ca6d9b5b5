"""What the scorer is told beside its views: the gate's own measures and some plain statistics, as one fixed vector."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imajin_cli.stages.imaging.looks.composition import Colours, edges, hues, measures
from imajin_cli.stages.imaging.looks.views import Views
from imajin_cli.stages.imaging.metrics.banding import banding
from imajin_cli.stages.imaging.metrics.blocks import blockiness
from imajin_cli.stages.imaging.metrics.contrast import contrast
from imajin_cli.stages.imaging.metrics.fringe import fringe
from imajin_cli.stages.imaging.metrics.layout import layout
from imajin_cli.stages.imaging.metrics.legible import legibility
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.imaging.metrics.sharpness import sharpness

Floats = npt.NDArray[np.float32]
VERSION = 1


def features(views: Views, composed: dict[str, float] | None = None) -> dict[str, float]:
    """Every number by name, in a fixed order; of a mirrored picture the same ones.

    ``composed`` is what ``composition.measures`` gave, where it is there already.
    """
    planes = views.coarse
    found = views.colours
    composed = composed if composed is not None else measures(found)
    return {
        **composed,
        **_pixels(views.fine),
        **_contrast(planes),
        **_grain(views.fine),
        **_place(planes, found),
        **_palette(found),
        **_lines(planes, found),
    }


def vector(found: dict[str, float]) -> Floats:
    """The numbers as the scorer takes them."""
    return np.array(list(found.values()), np.float32)


def _pixels(planes: Planes) -> dict[str, float]:
    fringes = fringe(planes)
    return {
        "sharpness": sharpness(planes),
        "banding": banding(planes),
        "blockiness": min(4.0, blockiness(planes)),
        "fringe": fringes["any"],
        "fringe_white": fringes["white"],
        "fringe_black": fringes["black"],
    }


def _contrast(planes: Planes) -> dict[str, float]:
    seen = contrast(planes)
    legible = legibility(planes, 32)
    return {
        "contrast_light": float(np.log(max(1.0, seen["light"]))),
        "contrast_dark": float(np.log(max(1.0, seen["dark"]))),
        "legible_light": legible["light"],
        "legible_dark": legible["dark"],
        "flatness": planes.flatness,
    }


def _grain(planes: Planes) -> dict[str, float]:
    """Small steps between neighbours, by size: noise, ringing and dither have many; steps of the alpha alike."""
    grey = planes.grey
    step = np.abs(np.diff(grey[::2].astype(np.int16), axis=1))
    inside = planes.content[::2, 1:] > 0
    total = max(1, int(np.count_nonzero(inside)))
    out = {
        f"steps_{low}": float(np.count_nonzero((step >= low) & (step < high) & inside)) / total
        for low, high in ((1, 3), (3, 8), (8, 20), (20, 60))
    }
    bent = np.abs(np.diff(grey[::2].astype(np.int16), n=2, axis=1))
    small = bent <= 30
    out["roughness"] = float(bent[small].mean()) / 10 if small.any() else 0.0
    # Outside of what is drawn: ringing and noise show there first.
    out["steps_outside"] = (
        float(np.count_nonzero((step >= 1) & (step < 20) & ~inside)) / step.size if step.size else 0.0
    )
    alpha = planes.alpha
    out["see_through"] = 0.0 if alpha is None else 1.0
    soft = 0.0
    if alpha is not None:
        edge = float(np.count_nonzero((alpha > 8) & (alpha < 247)))
        soft = edge / max(1.0, float(np.count_nonzero(np.diff((alpha > 127).astype(np.int8), axis=1))))
    out["soft_edges"] = min(8.0, soft)
    return out


def _place(planes: Planes, found: Colours) -> dict[str, float]:
    """Where the content stands; left and right are told apart only as smaller and larger."""
    at = layout(planes)
    left, top, right, bottom = at.margins
    shown = found.seen > 0.3
    height, width = shown.shape
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    box = (1.0, 1.0)
    if len(rows):
        box = ((int(columns[-1]) - int(columns[0]) + 1) / width, (int(rows[-1]) - int(rows[0]) + 1) / height)
    sides = sorted((float(shown[:, 0].mean()), float(shown[:, -1].mean())))
    return {
        "margin_top": top,
        "margin_bottom": bottom,
        "margin_near": min(left, right),
        "margin_far": max(left, right),
        "box_offset": at.box_offset,
        "weight_offset": at.weight_offset,
        "content": at.content,
        "box_width": box[0],
        "box_height": box[1],
        "box_shape": float(np.clip(np.log(box[0] * width / max(1.0, box[1] * height)), -3, 3)),
        "canvas_shape": float(np.clip(np.log(width / height), -3, 3)),
        "filled": float(shown.mean()) / max(1e-6, box[0] * box[1]),
        "cut_top": float(shown[0].mean()),
        "cut_bottom": float(shown[-1].mean()),
        "cut_near": sides[0],
        "cut_far": sides[1],
    }


def _palette(found: Colours) -> dict[str, float]:
    lab = found.lab.reshape(-1, 3)
    seen = found.seen.ravel() > 0.3
    inside = lab[seen] if seen.any() else lab
    chroma = np.hypot(inside[:, 1], inside[:, 2])
    weight = np.sort(hues(found))[::-1]
    share = weight / max(float(weight.sum()), 1e-6)
    steps = np.round(inside * np.array([12, 25, 25], np.float32)).astype(np.int64) + 32
    coarse = np.unique((steps[:, 0] * 64 + steps[:, 1]) * 64 + steps[:, 2])
    return {
        "light_mean": float(inside[:, 0].mean()),
        "light_spread": float(inside[:, 0].std()),
        "chroma_mean": float(chroma.mean()),
        "chroma_spread": float(chroma.std()),
        "chroma_high": float(np.percentile(chroma, 95)),
        "hue_first": float(share[0]),
        "hue_spread": float(-(share * np.log(share + 1e-9)).sum()),
        "colours": float(np.log1p(len(coarse))),
        "ground_light": float(found.ground[0]),
        "ground_chroma": float(np.hypot(found.ground[1], found.ground[2])),
        "ground_apart": float(np.linalg.norm(inside.mean(0) - found.ground)),
    }


def _lines(planes: Planes, found: Colours) -> dict[str, float]:
    """How much of the edges runs level, upright, diagonally and between; how symmetric the picture is."""
    grey = planes.grey.astype(np.float32)
    out = dict.fromkeys(("upright", "diagonal", "slanted", "edge_share", "symmetry"), 0.0)
    if min(grey.shape) < 4:
        return out
    dx = (grey[1:-1, 2:] - grey[1:-1, :-2]) / 2
    dy = (grey[2:, 1:-1] - grey[:-2, 1:-1]) / 2
    strength = np.hypot(dx, dy)
    angle = np.degrees(np.arctan2(dy, dx)) % 90
    weight = np.where(strength > 8, strength, 0)
    total = float(weight.sum())
    if total > 0:
        off = np.minimum(angle, 90 - angle)
        out["upright"] = float(weight[off < 4].sum()) / total
        out["diagonal"] = float(weight[off > 41].sum()) / total
        out["slanted"] = float(weight[(off > 6) & (off < 30)].sum()) / total
    out["edge_share"] = float(edges(found.lab).mean())
    spread = max(float(grey.std()), 8.0)
    out["symmetry"] = 1 - min(2.0, float(np.abs(grey - grey[:, ::-1]).mean()) / spread)
    return out
