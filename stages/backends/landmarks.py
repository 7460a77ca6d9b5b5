"""Faces, eyes and hands by MediaPipe's networks (Apache-2.0): found by anchors, then described by points on an upright cut.

The decoding follows MediaPipe's published graphs: single-shot anchors (Bazarevsky et al., "BlazeFace", 2019), 468 points of a
face (Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019), 21 of a hand (Zhang et
al., "MediaPipe Hands", 2020), the iris (Ablavatski et al., "Real-time Pupil Tracking", 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.backends import litert

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

FACES, MESH, IRIS, HANDS = "face-detect-full", "face-mesh", "iris", "hands"
"""Their names in the model catalogue."""
MODELS = (FACES, MESH, IRIS, HANDS)
EXTRA = "anatomy"
_PALMS, _POINTS = "palm_detection_full.tflite", "hand_landmark_full.tflite"
_SUPPRESS = 0.3
_TILE, _TILE_STEP = 0.6, 0.4
_TILED_FROM = 480


class Frame(NamedTuple):
    """An upright square in a picture: its middle (x, y) and side in pixels, and by how many radians it is turned."""

    x: float
    y: float
    side: float
    turn: float

    def corners(self) -> Floats:
        """Its four corners (4, 2) in pixels, from the top left on."""
        unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
        return self.placed(unit + np.float32(0.5))

    def placed(self, points: Floats) -> Floats:
        """Points (n, 2) of the square, 0..1, as the picture's pixels."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        off = (points - 0.5) * self.side
        return np.stack(
            [self.x + off[:, 0] * cos - off[:, 1] * sin, self.y + off[:, 0] * sin + off[:, 1] * cos], -1
        ).astype(np.float32)


@dataclass(frozen=True)
class Found:
    """Something that anchors found: its likelihood 0..1, its box (left, top, right, bottom) and key points (n, 2) in pixels."""

    score: float
    box: tuple[float, float, float, float]
    points: Floats


class Points(NamedTuple):
    """What a network says of a cut: points (n, 3) in the picture's pixels (depth in the same unit), and how sure it is, 0..1.

    ``world``: the points in metres where the network gives them, (n, 3).
    """

    points: Floats
    presence: float
    world: Floats | None = None


def cut_out(pixels: Bytes, frame: Frame, side: int) -> Floats:
    """The picture inside ``frame``, side × side × 3, 0..1; black beyond the picture's border."""
    from PIL import Image

    cos, sin = np.cos(frame.turn) * frame.side / side, np.sin(frame.turn) * frame.side / side
    half = side / 2
    matrix = (cos, -sin, frame.x - half * cos + half * sin, sin, cos, frame.y - half * sin - half * cos)
    scale = frame.side / side
    image = Image.fromarray(pixels)
    if scale > 2:
        # A transform looks at the nearest pixels alone: shrink first, so that all of them count.
        by = int(scale)
        image = image.reduce(by)
        matrix = (cos / by, -sin / by, matrix[2] / by, sin / by, cos / by, matrix[5] / by)
    done = image.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return (np.asarray(done, np.float32) / np.float32(255)).astype(np.float32)


def faces(pixels: Bytes, least: float = 0.5) -> list[Found]:
    """Faces in RGB ``pixels``, surest first. Key points: both eyes (the picture's left one first), nose, mouth, both ears."""
    return _searched(pixels, FACES, None, 192, least, _strides(192, (4,), 1), signed=True)


def palms(pixels: Bytes, least: float = 0.5) -> list[Found]:
    """Palms in RGB ``pixels``, surest first. Key points: wrist, four knuckles from the index on, two of the thumb."""
    return _searched(pixels, HANDS, _PALMS, 192, least, _strides(192, (8, 16, 16, 16), 2), signed=False)


def mesh(pixels: Bytes, frame: Frame) -> Points:
    """The 468 points of the face in ``frame``, and how likely there is one."""
    outputs = litert.run(MESH, cut_out(pixels, frame, 192)[None], extra=EXTRA)
    points, flag = _sized(outputs, 1404, MESH), _sized(outputs, 1, MESH)
    return Points(_in_picture(points.reshape(-1, 3) / 192, frame), float(1 / (1 + np.exp(-flag[0]))))


def iris(pixels: Bytes, frame: Frame, *, mirrored: bool) -> tuple[Floats, Floats]:
    """The eye's outline (71, 3) and iris (5, 3: middle, and its four sides) in ``frame``, in the picture's pixels.

    The network knows the picture's left eye; the other is ``mirrored`` for it.
    """
    part = cut_out(pixels, frame, 64)
    outputs = litert.run(IRIS, (part[:, ::-1] if mirrored else part)[None], extra=EXTRA)
    both = [_sized(outputs, 213, IRIS).reshape(-1, 3) / 64, _sized(outputs, 15, IRIS).reshape(-1, 3) / 64]
    if mirrored:
        for points in both:
            points[:, 0] = 1 - points[:, 0]
    return _in_picture(both[0], frame), _in_picture(both[1], frame)


def hand(pixels: Bytes, frame: Frame) -> Points:
    """The 21 points of the hand in ``frame``, and how likely there is one."""
    outputs = litert.run(HANDS, cut_out(pixels, frame, 224)[None], file=_POINTS, extra=EXTRA)
    sizes = [one.size for one in outputs]
    if sorted(sizes) != [1, 1, 63, 63]:
        raise BackendError(f"{HANDS} gave results of sizes {sizes}")
    # In the file's order: points, presence, handedness, points in metres.
    points, world = (one for one in outputs if one.size == 63)
    presence = next(one for one in outputs if one.size == 1)
    placed = _in_picture(points.reshape(-1, 3) / np.float32(224), frame)
    return Points(placed, float(np.clip(presence.ravel()[0], 0, 1)), world.reshape(-1, 3))


def face_frame(found: Found) -> Frame:
    """The square that the mesh wants of a face: 1.5 times its box, upright by the eyes."""
    left, top, right, bottom = found.box
    (ax, ay), (bx, by) = found.points[0], found.points[1]
    side = 1.5 * max(right - left, bottom - top)
    return Frame((left + right) / 2, (top + bottom) / 2, side, float(np.arctan2(by - ay, bx - ax)))


def hand_frame(found: Found) -> Frame:
    """The square that the hand's points want of a palm: 2.6 times its box, moved half of it to the fingers, which point up."""
    left, top, right, bottom = found.box
    (wx, wy), (mx, my) = found.points[0], found.points[2]
    turn = float(np.pi / 2 - np.arctan2(wy - my, mx - wx))
    side = max(right - left, bottom - top)
    x, y = (left + right) / 2 + 0.5 * side * np.sin(turn), (top + bottom) / 2 - 0.5 * side * np.cos(turn)
    return Frame(float(x), float(y), 2.6 * side, turn)


def eye_frame(points: Floats, corners: tuple[int, int]) -> Frame:
    """The square that the iris network wants: 2.3 times the way between two ``corners`` of the mesh's eye."""
    one, other = points[corners[0], :2], points[corners[1], :2]
    middle = (one + other) / 2
    off = other - one
    return Frame(float(middle[0]), float(middle[1]), 2.3 * float(np.hypot(*off)), float(np.arctan2(off[1], off[0])))


def _in_picture(points: Any, frame: Frame) -> Floats:
    placed = frame.placed(points[:, :2])
    return np.concatenate([placed, points[:, 2:] * np.float32(frame.side)], axis=1).astype(np.float32)


def _sized(outputs: list[Floats], size: int, name: str) -> Any:
    found = next((one for one in outputs if one.size == size), None)
    if found is None:
        raise BackendError(f"{name} gave no result of {size} numbers")
    return found.ravel()


@lru_cache(maxsize=4)
def _strides(side: int, strides: tuple[int, ...], each: int) -> Floats:
    """The anchors' middles (n, 2), 0..1: for each stride a grid, ``each`` at a place; equal strides share one grid."""
    rows = []
    for stride in dict.fromkeys(strides):
        cells = side // stride
        grid = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(grid, grid)
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], -1), each * strides.count(stride), axis=0))
    return np.concatenate(rows).astype(np.float32)


def _searched(
    pixels: Bytes, name: str, file: str | None, side: int, least: float, anchors: Floats, *, signed: bool
) -> list[Found]:
    """What anchors find in the whole picture and, where it is large, in overlapping parts of it; of what overlaps the surest."""
    found: list[Found] = []
    for frame in _frames(pixels):
        batch = cut_out(pixels, frame, side)[None]
        outputs = litert.run(name, batch * 2 - 1 if signed else batch, file=file, extra=EXTRA)
        scores = next((one for one in outputs if one.size == len(anchors)), None)
        raw = next((one for one in outputs if one.size > len(anchors) and one.size % len(anchors) == 0), None)
        if scores is None or raw is None:
            raise BackendError(f"{name} gave results that fit no anchors")
        likely = 1 / (1 + np.exp(-np.clip(scores.ravel(), -60, 60)))
        rows = raw.reshape(len(anchors), -1) / side
        sure = np.nonzero(likely >= least)[0]
        found += [_decoded(rows[at], anchors[at], float(likely[at]), frame) for at in sure]
    kept: list[Found] = []
    for one in sorted(found, key=lambda item: -item.score):
        if all(shared(one.box, other.box) < _SUPPRESS for other in kept):
            kept.append(one)
    return kept


def _decoded(values: Floats, anchor: Floats, score: float, frame: Frame) -> Found:
    middle, size = values[:2] + anchor, values[2:4]
    corners = frame.placed(np.stack([middle - size / 2, middle + size / 2]))
    points = frame.placed(values[4:].reshape(-1, 2) + anchor)
    (left, top), (right, bottom) = corners
    return Found(score, (float(left), float(top), float(right), float(bottom)), points)


def _frames(pixels: Bytes) -> list[Frame]:
    """The whole picture in a square, and squares of `_TILE` of its shorter side over all of it."""
    height, width = pixels.shape[:2]
    frames = [Frame(width / 2, height / 2, float(max(height, width)), 0.0)]
    side = _TILE * min(height, width)
    if max(height, width) < _TILED_FROM:
        return frames
    places = [(x + side / 2, y + side / 2) for y in _starts(height, side) for x in _starts(width, side)]
    return frames + [Frame(x, y, side, 0.0) for x, y in places]


def _starts(length: int, side: float) -> list[float]:
    count = max(2, int(np.ceil((length - side) / (_TILE_STEP * side))) + 1)
    return [float(at) for at in np.linspace(0, length - side, count)]


def shared(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / max(sum(areas) - wide * high, 1e-6)
