"""What of a face, its eyes or a hand can be measured, each from what networks that learnt from photographs say of it.

- ``presence``: the network's own belief that there is a face (a hand) at all.
- ``steady``: how far the points move when the cut is moved, turned and scaled a little, over the face's or palm's size. A
  network is consistent about what looks like what it learnt, and not about what does not (the idea of test-time
  augmentation as a measure of uncertainty: Wang et al., "Aleatoric uncertainty estimation with test-time augmentation",
  Neurocomputing 338, 2019).
- ``sharp``: sharpness of the part over that of the picture (inverse edge widths; ``imaging/metrics/sharpness.py``).
- of eyes ``even``: how far sizes of the two irises, widths and openings of the two eyes are from equal, in space. Irises of
  adults are 11.7 mm wide with a deviation of 0.5 (Rüfer et al., "White-to-white corneal diameter", Cornea 24(3), 2005).
- ``agree``: how far two networks are from each other about where the eyes' corners are, over the eye's width.
- of hands ``crossed``: pairs of fingers that cross; ``bones``: how far the lengths of fingers' bones are from people's, as the
  deviation of logarithms (Buryanov and Kotiuk, "Proportions of hand segments", Int. J. Morphol. 28(3), 2010). It is recorded and
  has no part in the score: the network gives clean and damaged hands the same bones.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.landmarks import Frame, Points

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

# (right, down, larger, turned) by these parts of the side, and radians.
_NUDGES = ((0.04, 0.0, 1.0, 0.0), (-0.04, 0.03, 1.06, 0.09), (0.0, -0.04, 0.95, -0.09), (0.03, 0.03, 1.05, 0.15),
           (-0.03, -0.02, 0.96, -0.15))  # fmt: skip
_LEAST_SIDE = 24
EYES = ((33, 133), (362, 263))
"""The mesh's corners of the eye on the picture's left, outer first, and of the other, inner first."""
_LIDS = ((159, 145), (386, 374))
# Wrist, then for each finger from the thumb on: base, two joints, tip.
FINGERS = tuple((0, *range(1 + 4 * at, 5 + 4 * at)) for at in range(5))
# Millimetres: metacarpal, proximal, middle and distal bone of each finger (the thumb has no middle one).
_BONES = {
    1: (68.12, 39.78, 22.38, 15.82),
    2: (64.60, 44.63, 26.33, 17.40),
    3: (58.00, 41.37, 25.65, 17.30),
    4: (53.69, 32.74, 18.11, 15.96),
}


def nudged(frame: Frame) -> list[Frame]:
    """``frame`` moved, scaled and turned a little, in a fixed few ways."""
    return [
        frame._replace(
            x=frame.x + dx * frame.side, y=frame.y + dy * frame.side, side=frame.side * scale, turn=frame.turn + turn
        )
        for dx, dy, scale, turn in _NUDGES
    ]


def spread(points: list[Floats], size: float) -> float:
    """Root mean square distance (x, y) of several readings of the same points from their median, over ``size``."""
    import numpy as np

    stack = np.stack([one[:, :2] for one in points])
    off = stack - np.median(stack, axis=0)
    return float(np.sqrt((off**2).sum(-1).mean()) / max(size, 1e-6))


def face(pixels: Bytes, frame: Frame) -> tuple[Points, dict[str, float]]:
    """The mesh of the face in ``frame``, and its presence and steadiness."""
    import numpy as np

    from imajin_cli.stages.backends.landmarks import mesh

    first = mesh(pixels, frame)
    # Once more by its own points: a detector's box is rougher.
    frame = mesh_frame(first.points, frame)
    first = mesh(pixels, frame)
    others = [mesh(pixels, one) for one in nudged(frame)]
    eyes = [first.points[list(pair), :2].mean(0) for pair in EYES]
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    found = {
        "presence": float(np.median([one.presence for one in (first, *others)])),
        "steady": spread([first.points, *(one.points for one in others)], apart),
    }
    return first, found


def mesh_frame(points: Floats, old: Frame) -> Frame:
    """The square that the mesh wants, by its own points: 1.5 times their extent along the line of the eyes."""
    import numpy as np

    one, other = points[33, :2], points[263, :2]
    turn = float(np.arctan2(other[1] - one[1], other[0] - one[0]))
    cos, sin = np.cos(-turn), np.sin(-turn)
    flat = points[:, :2] @ np.array([[cos, sin], [-sin, cos]], np.float32)
    low, high = flat.min(0), flat.max(0)
    middle = (low + high) / 2 @ np.array([[cos, -sin], [sin, cos]], np.float32)
    side = 1.5 * float((high - low).max())
    return old._replace(x=float(middle[0]), y=float(middle[1]), side=side, turn=turn)


def eyes(pixels: Bytes, points: Floats) -> tuple[Floats, dict[str, float]]:
    """The irises (2, 5, 3) of a face with the mesh ``points``, and what of its two eyes can be measured."""
    import numpy as np

    from imajin_cli.stages.backends.landmarks import eye_frame, iris

    irises, sizes, off, moved = [], [], [], []
    for at, (corners, lids) in enumerate(zip(EYES, _LIDS, strict=True)):
        frame = eye_frame(points, corners)
        outline, found = iris(pixels, frame, mirrored=at == 1)
        wide = _length(points[corners[0]] - points[corners[1]])
        own = (outline[0], outline[8]) if at == 0 else (outline[8], outline[0])
        off.append(
            float(np.mean([_length((a - points[b])[:2]) for a, b in zip(own, corners, strict=True)])) / max(wide, 1e-6)
        )
        around = [iris(pixels, one, mirrored=at == 1)[1] for one in nudged(frame)[:3]]
        moved.append(spread([found, *around], wide))
        across = _length((found[1] - found[3])[:2]), _length((found[2] - found[4])[:2])
        sizes.append((float(np.mean(across)), wide, _length(points[lids[0]] - points[lids[1]])))
        irises.append(found)
    (ia, wa, oa), (ib, wb, ob) = sizes
    uneven = [abs(np.log(max(a, 1e-3) / max(b, 1e-3))) for a, b in ((ia, ib), (wa, wb))]
    opened = abs(oa / max(wa, 1e-3) - ob / max(wb, 1e-3))
    found_eyes = {"even": float(max(*uneven, opened)), "agree": float(max(off)), "steady": float(max(moved))}
    return np.stack(irises), found_eyes


def hand(pixels: Bytes, frame: Frame) -> tuple[Points, dict[str, float]]:
    """The points of the hand in ``frame``, and its presence, steadiness, bones and crossed fingers."""
    import numpy as np

    from imajin_cli.stages.backends.landmarks import hand as read

    first = read(pixels, frame)
    others = [read(pixels, one) for one in nudged(frame)]
    palm = _length((first.points[0] - first.points[9])[:2])
    found = {
        "presence": float(np.median([one.presence for one in (first, *others)])),
        "steady": spread([first.points, *(one.points for one in others)], palm),
        "bones": float(np.median([bones(one.world) for one in (first, *others) if one.world is not None] or [9.0])),
        "crossed": float(crossed(first.points)),
    }
    return first, found


def bones(world: Floats) -> float:
    """Root mean square of the logarithms of finger bones' lengths (points in metres, 21 × 3) over people's, sizes made equal."""
    import numpy as np

    off = []
    for finger, wanted in _BONES.items():
        chain = world[list(FINGERS[finger])]
        off += [
            np.log(max(_length(b - a), 1e-4) / (mm / 1000)) for a, b, mm in zip(chain, chain[1:], wanted, strict=False)
        ]
    return float(np.std(off))


def crossed(points: Floats) -> int:
    """How many pairs of fingers (thumb left out) cross each other in the picture."""
    chains = [points[list(finger[1:]), :2] for finger in FINGERS[1:]]
    count = 0
    for at, one in enumerate(chains):
        for other in chains[at + 1 :]:
            count += any(_cross(a, b, c, d) for a, b in pairwise(one) for c, d in pairwise(other))
    return count


def sharpness(pixels: Bytes, box: tuple[float, float, float, float]) -> float:
    """Sharpness of the part in ``box`` over that of the whole picture, 0 to about 1 (more where it is the sharpest part)."""
    import numpy as np
    from PIL import Image

    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.imaging.metrics.sharpness import sharpness as sharp

    height, width = pixels.shape[:2]
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(width, int(box[2]) + 1), min(height, int(box[3]) + 1)
    if min(right - left, bottom - top) < _LEAST_SIDE:
        return 1.0
    whole = sharp(Planes(Image.fromarray(pixels)))
    part = sharp(Planes(Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))))
    return float(part / max(whole, 1e-3))


def _length(vector: Any) -> float:
    return float((vector**2).sum() ** 0.5)


def _cross(a: Any, b: Any, c: Any, d: Any) -> bool:
    def side(p: Any, q: Any, r: Any) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
