"""Depth and normal maps: near is white, and a surface's colour says where it faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imajin_cli.stages.imaging.control.edges import blur, levels, slopes

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def depth_map(near: Floats) -> Bytes:
    """``near`` (height, width), larger is nearer, as 0..255 from the farthest to the nearest; all 0 where it is flat."""
    low, high = (float(value) for value in np.percentile(near, (0.1, 99.9)))
    if high - low < 1e-6:
        return np.zeros(near.shape, np.uint8)
    return levels((near - low) / (high - low))


def normal_map(near: Floats, steepness: float) -> Bytes:
    """Normals of the surface ``near`` (height, width), 0..1, as RGB (height, width, 3).

    In the protocol of ControlNet 1.1's normal model (ScanNet's): blue faces the viewer, red the left, green the top.
    ``steepness`` is how many pixels the surface's whole depth is.
    """
    down, across = slopes(blur(near, max(1.0, max(near.shape) / 500)) * np.float32(steepness))
    left, up, front = across, down, np.ones_like(near)
    length = np.sqrt(left**2 + up**2 + front**2)
    facing = np.stack([left, up, front], axis=-1) / length[..., None]
    return levels(facing / 2 + 0.5)


def swollen(distance: Floats, reach: float) -> Floats:
    """How far a silhouette bulges towards the viewer, 0..1, by the distance to its outline in pixels.

    A quarter of a circle over ``reach`` pixels, flat beyond it, and smoothed where slopes from two sides meet: shapes
    inflated from outlines, after Johnston's Lumo (2002).
    """
    inside = np.clip(distance / max(reach, 1.0), 0, 1)
    bulge: Floats = np.sqrt(np.clip(1 - (1 - inside) ** 2, 0, 1)).astype(np.float32)
    spread = max(1.0, 0.2 * reach)
    weight = blur((distance > 0).astype(np.float32), spread)
    # Only what is inside counts, so that the outline stays as steep as it is.
    return np.where(distance > 0, blur(bulge, spread) / np.maximum(weight, 1e-6), 0).astype(np.float32)
