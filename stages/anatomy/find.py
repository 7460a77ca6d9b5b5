"""The faces, eyes and hands of a picture, each with what was measured of it, its score, and the outline to paint anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imajin_cli.stages.anatomy import measure
from imajin_cli.stages.anatomy.score import PartKind, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.landmarks import Found, Frame

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

LEAST_FACE, LEAST_HAND = 32, 40
"""Least side in pixels of a box that is judged: of smaller ones the networks see next to nothing."""
MOST = 12
"""Parts of a kind that are judged, the largest first."""
_SURE, _PALM = 0.7, 0.6
_A_HAND = 0.5
"""Presence from which what looked like a palm is a hand: shoulders, folds of cloth and letters look like palms now and then."""
LEAST_APART = 0.26
"""The way between the eyes over the width of a face's box: less is a face turned so far that the mesh does not know it."""
_PRESENT = 0.5
"""Presence from which what no detector is sure of is a face: cloth and leaves are taken for faces now and then."""
_SAME = 0.3
_GROW: dict[PartKind, float] = {"face": 1.18, "eyes": 2.2, "hand": 1.35}


@dataclass(frozen=True)
class Part:
    """A face, its eyes, or a hand: its box (left, top, right, bottom), outlines (n, 2) in pixels, measures and score."""

    kind: PartKind
    box: tuple[float, float, float, float]
    outlines: tuple[Floats, ...]
    measures: dict[str, float]
    score: float

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """What is inside the outlines, (height, width)."""
        import numpy as np
        from PIL import Image, ImageDraw

        plane = Image.new("1", (shape[1], shape[0]))
        for outline in self.outlines:
            ImageDraw.Draw(plane).polygon([(float(x), float(y)) for x, y in outline], fill=1)
        return np.asarray(plane)


def parts(pixels: Bytes, kinds: Sequence[PartKind]) -> list[Part]:
    """The parts of ``kinds`` in RGB ``pixels`` (height, width, 3). Eyes are looked at in every face.

    Raises MissingError where a network is absent, BackendError for a result that makes no sense.
    """
    found: list[Part] = []
    if "face" in kinds or "eyes" in kinds:
        for frame in _face_frames(pixels):
            found += _face_parts(pixels, frame, kinds)
    if "hand" in kinds:
        found += _hands(pixels)
    return found


def same(part: Part, others: Sequence[Part]) -> Part | None:
    """The one of ``others`` that is ``part``, by kind and place; None where it is gone."""
    from imajin_cli.stages.backends.landmarks import shared

    near = [(shared(part.box, one.box), one) for one in others if one.kind == part.kind]
    overlap, best = max(near, key=lambda pair: pair[0], default=(0.0, part))
    return best if overlap >= _SAME else None


def _face_frames(pixels: Bytes) -> list[Frame]:
    """Squares around faces, the largest first: what MediaPipe's detector is sure of, and what dlib's finds beside."""
    from imajin_cli.stages.backends.landmarks import face_frame, faces, mesh, shared

    found = [one for one in faces(pixels, 0.4) if _side(one.box) >= LEAST_FACE]
    known = _dlib_boxes(pixels)
    frames = [(_side(one.box), face_frame(one), one.score >= _SURE) for one in found if _apart(one) >= LEAST_APART]
    alone = [(box, points) for box, points in known if all(shared(box, one.box) < 0.2 for one in found)]
    frames += [(_side(box), _frame_of(box, points), False) for box, points in alone if _side(box) >= LEAST_FACE]
    kept = [(side, frame) for side, frame, sure in frames if sure or mesh(pixels, frame).presence >= _PRESENT]
    return [frame for _, frame in sorted(kept, key=lambda pair: -pair[0])[:MOST]]


def _apart(found: Found) -> float:
    (ax, ay), (bx, by) = found.points[0], found.points[1]
    return float(((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 / max(found.box[2] - found.box[0], 1e-6))


def _dlib_boxes(pixels: Bytes) -> list[tuple[tuple[float, float, float, float], Any]]:
    """Boxes and landmarks of the base install's detector, in the picture's pixels."""
    import numpy as np

    from imajin_cli.stages.backends.faces import find
    from imajin_cli.stages.moderation.views import FACE_SIDE

    height, width = pixels.shape[:2]
    scale = min(1.0, FACE_SIDE / max(height, width))
    small = pixels
    if scale < 1:
        from PIL import Image

        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    return [
        (tuple(edge / scale for edge in face.box), [(x / scale, y / scale) for x, y in face.points])
        for face in find(np.ascontiguousarray(small), threshold=0.3)
    ]


def _frame_of(box: tuple[float, float, float, float], points: Sequence[tuple[float, float]]) -> Frame:
    import numpy as np

    from imajin_cli.stages.backends.landmarks import Frame

    one = np.mean(points[2:4], axis=0)
    other = np.mean(points[0:2], axis=0)
    left, right = sorted((one, other), key=lambda eye: float(eye[0]))
    turn = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    return Frame((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1.6 * _side(box), turn)


def _face_parts(pixels: Bytes, frame: Frame, kinds: Sequence[PartKind]) -> list[Part]:
    points, measures = measure.face(pixels, frame)
    outline = hull(points.points[:, :2])
    box = _box(outline)
    if _side(box) < LEAST_FACE:
        return []
    measures["sharp"] = measure.sharpness(pixels, box)
    found = [_part("face", box, (outline,), measures)] if "face" in kinds else []
    if "eyes" in kinds:
        irises, own = measure.eyes(pixels, points.points)
        outlines = tuple(hull(points.points[list(ring), :2]) for ring in _EYE_RINGS)
        reach = float(abs(irises[:, 0, 0].max() - irises[:, 0, 0].min()))
        if reach >= LEAST_FACE / 2:
            found.append(_part("eyes", _box(*outlines), outlines, own))
    return found


_EYE_RINGS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
)
"""The mesh's points around each eye."""


def _hands(pixels: Bytes) -> list[Part]:
    from imajin_cli.stages.backends.landmarks import hand_frame, palms

    found: list[Part] = []
    sure = [one for one in palms(pixels) if _is_hand(one)]
    for palm in sorted(sure, key=lambda one: -_side(one.box))[:MOST]:
        points, measures = measure.hand(pixels, hand_frame(palm))
        if measures["presence"] < _A_HAND:
            continue
        outline = hull(points.points[:, :2])
        box = _box(outline)
        measures["sharp"] = measure.sharpness(pixels, box)
        found.append(_part("hand", box, (outline,), measures))
    return found


def _is_hand(palm: Found) -> bool:
    return _side(palm.box) >= LEAST_HAND / 2 and palm.score >= _PALM


def _part(
    kind: PartKind, box: tuple[float, float, float, float], outlines: tuple[Floats, ...], measures: dict[str, float]
) -> Part:
    grown = tuple(_scaled(one, _GROW[kind]) for one in outlines)
    told = {name: round(value, 4) for name, value in measures.items()}
    return Part(kind, box, grown, told, score(kind, told))


def _scaled(outline: Floats, by: float) -> Floats:
    """``outline`` grown around its middle."""
    import numpy as np

    middle = (outline.min(0) + outline.max(0)) / 2
    return np.asarray(middle + (outline - middle) * by, np.float32)


def _box(*outlines: Floats) -> tuple[float, float, float, float]:
    import numpy as np

    points = np.concatenate(outlines)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)


def _side(box: tuple[float, float, float, float]) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def hull(points: Floats) -> Floats:
    """The convex hull of ``points`` (n, 2), in order (Andrew's monotone chain, 1979)."""
    import numpy as np

    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.asarray(ordered or [(0.0, 0.0)], np.float32)

    def half(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for point in line:
            while len(kept) > 1 and _turns(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    return np.asarray([*half(ordered), *half(ordered[::-1])], np.float32)


def _turns(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
