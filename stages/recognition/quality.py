"""Whether a face can serve as a reference: wide enough, whole, sharp, and turned to the camera.

The limits come from the 28 faces in the sample photographs of packages and blurred copies of them
(`benchmarks/gates_identity.py`): as they are, their sharpness is 0.0057 or more; blurred so far that dlib's description
moved by 0.34, more than half of what tells two people apart, 0.0024 in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.faces import Face

LEAST_WIDTH = 80
"""Least width of the face in the file's own pixels; narrower ones are found only in pictures scaled up."""
LEAST_SHARPNESS = 0.005
MOST_TURN = 0.25
"""Of the nose's way from the middle between the eyes, over their distance: about 35 degrees, by a face's usual proportions."""
TILT = (0.45, 1.05)
"""Of the way from the eyes down to the base of the nose, over the eyes' distance: 0.56 to 0.91 in the faces measured."""
MOST_OUTSIDE = 0.05
"""Of the face's box that may lie outside the picture, as a share of its width."""
_CHIP, _PADDING, _EDGE = 150, 0.25, 20


class Quality(NamedTuple):
    """``width`` in the file's pixels; the rest are shares as the constants above say them."""

    width: float
    outside: float
    sharpness: float
    turn: float
    tilt: float


def quality(pixels: NDArray[np.uint8], face: Face, scale: float) -> Quality:
    """Measure one face of RGB ``pixels`` (height, width, 3), which are the file's own scaled by ``scale``."""
    turn, tilt = pose(face)
    return Quality(face.width / scale, outside(pixels.shape[:2], face), sharpness(pixels, face), turn, tilt)


def faults(found: Quality, least_width: float) -> list[str]:
    """What is wrong with a face as a reference, in words; nothing where it can serve."""
    said = []
    if found.width < least_width:
        said.append(f"the face is {found.width:.0f} pixels wide, at least {least_width:g} are needed")
    if found.outside > MOST_OUTSIDE:
        said.append("the face is cut off by the picture's edge")
    if found.sharpness < LEAST_SHARPNESS:
        said.append(f"the face is blurred (sharpness {found.sharpness:.4f}, at least {LEAST_SHARPNESS:g} is needed)")
    if abs(found.turn) > MOST_TURN or not TILT[0] <= found.tilt <= TILT[1]:
        said.append(f"the face is turned away (turn {found.turn:.2f}, tilt {found.tilt:.2f})")
    return said


def pose(face: Face) -> tuple[float, float]:
    """(turn, tilt): how far the nose lies beside and below the middle between the eyes, over the eyes' distance."""
    points = [complex(*point) for point in face.points]
    right, left = (points[0] + points[1]) / 2, (points[2] + points[3]) / 2
    if right == left:
        return 1.0, 1.0
    # Over the vector between the eyes, so that a head leant to one side changes nothing.
    nose = (points[4] - (right + left) / 2) / (right - left)
    return nose.real, nose.imag


def outside(shape: tuple[int, int], face: Face) -> float:
    """The widest part of the face's box that lies outside a picture of ``shape`` (height, width), over the box's width."""
    left, top, right, bottom = face.box
    height, width = shape
    return max(0, -left, -top, right - width, bottom - height) / max(1, face.width)


def sharpness(pixels: NDArray[np.uint8], face: Face) -> float:
    """Variance of the Laplacian of luma over luma's own variance, in the face brought upright to 150 pixels.

    Variance of the Laplacian is a usual measure of focus (Pech-Pacheco et al., 2000); over the variance it is free of
    contrast.
    """
    import numpy as np

    from imajin_cli.stages.backends.faces import chip

    upright = chip(pixels, face, _CHIP, _PADDING)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    luma = upright.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((4 * luma[1:-1, 1:-1] - around).var() / max(float(luma.var()), 1.0))
