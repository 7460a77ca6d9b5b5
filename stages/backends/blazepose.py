"""People's joints in a picture by MediaPipe's BlazePose (Bazarevsky et al. 2020): a detector, then 33 points of one person.

Both models lie as tflite in mediapipe's wheel, which is read as data; ai-edge-litert runs them. Anchors, decoding, the
region of a person and the points' order follow MediaPipe's published graphs and model card (Apache-2.0).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MODEL = "pose"
"""Its name in the model catalogue."""
_DETECTOR, _LANDMARKS = "pose_detection.tflite", "pose_landmark_full.tflite"
_SEEN, _WANTED = 224, 256
# Anchors: at every stride so many of them a cell, all of size 1 (fixed).
_LAYERS = ((8, 2), (16, 2), (32, 6))
_LEAST, _PRESENT, _VISIBLE = 0.5, 0.5, 0.5
_MOST_PEOPLE = 8
# Two boxes that overlap by more than this share are of one person.
_SAME = 0.3
# The region that the points are looked for in is this much larger than the circle round the body.
_ROOM = 1.25
# BlazePose's point → OpenPose's, in the order of the 18; the neck is between the shoulders.
_ORDER = (0, None, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)

Point = tuple[float, float]


class Region(NamedTuple):
    """A square round a person: centre and side in pixels, turned by ``turn`` radians, and how sure the detector is."""

    x: float
    y: float
    side: float
    turn: float
    score: float


def people(image: Image) -> list[tuple[Point | None, ...]]:
    """OpenPose's 18 points of each person in the RGB ``image``, in pixels, None for one that is not to be seen.

    Raises MissingError where ai-edge-litert or the model is absent, BackendError for a result that makes no sense.
    """
    found = []
    for region in regions(image):
        points = _points(image, region)
        if points is not None:
            found.append(points)
    return found


def regions(image: Image) -> list[Region]:
    """Where people are, surest first."""
    import numpy as np
    from PIL import Image as Pil

    side = max(image.size)
    square = Pil.new("RGB", (side, side))
    left, top = (side - image.width) // 2, (side - image.height) // 2
    square.paste(image, (left, top))
    small = square.resize((_SEEN, _SEEN), Pil.Resampling.BILINEAR)
    boxes, scores = _run(_DETECTOR, np.asarray(small, np.float32)[None] / np.float32(127.5) - np.float32(1))[:2]
    if boxes.size < scores.size:
        boxes, scores = scores, boxes
    raw = boxes.reshape(-1, 12)
    score = (1 / (1 + np.exp(-np.clip(scores.reshape(-1), -80, 80)))).astype(np.float32)
    anchors = _anchors()
    if len(raw) != len(anchors) or len(score) != len(anchors):
        raise BackendError(f"{MODEL}: the detector gave {len(raw)} boxes, where {len(anchors)} belong")
    kept = _apart(raw, score, anchors)
    return [_region(raw[i], anchors[i], float(score[i]), side, (left, top)) for i in kept]


def _region(raw: NDArray[np.float32], anchor: NDArray[np.float32], score: float, side: int, corner: Point) -> Region:
    """From the points that the detector gives, the middle of the hips and one on the circle round the body."""
    (x, y), (rim_x, rim_y) = (
        ((raw[at] / _SEEN + anchor[0]) * side, (raw[at + 1] / _SEEN + anchor[1]) * side) for at in (4, 6)
    )
    turn = math.pi / 2 - math.atan2(-(rim_y - y), rim_x - x)
    radius = math.hypot(rim_x - x, rim_y - y)
    return Region(float(x) - corner[0], float(y) - corner[1], max(2.0, 2 * radius * _ROOM), turn, score)


def _apart(raw: NDArray[np.float32], score: NDArray[np.float32], anchors: NDArray[np.float32]) -> list[int]:
    """The surest of boxes that overlap, at most `_MOST_PEOPLE`."""
    kept: list[int] = []
    boxes = [(raw[i, :2] / _SEEN + anchors[i], abs(raw[i, 2:4]) / _SEEN) for i in range(len(raw))]
    for i in score.argsort(kind="stable")[::-1]:
        if score[i] < _LEAST or len(kept) == _MOST_PEOPLE:
            break
        if all(_overlap(boxes[i], boxes[j]) < _SAME for j in kept):
            kept.append(int(i))
    return kept


def _overlap(one: Any, other: Any) -> float:
    import numpy as np

    low = np.maximum(one[0] - one[1] / 2, other[0] - other[1] / 2)
    high = np.minimum(one[0] + one[1] / 2, other[0] + other[1] / 2)
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / max(float(np.prod(one[1]) + np.prod(other[1])) - common, 1e-9)


def _points(image: Image, region: Region) -> tuple[Point | None, ...] | None:
    """The 18 points of the person in ``region``, None where there is nobody after all."""
    import numpy as np
    from PIL import Image as Pil

    # Pillow wants where in the picture each pixel of the crop lies: x = a u + b v + c.
    step = region.side / _WANTED
    cos, sin = step * math.cos(region.turn), step * math.sin(region.turn)
    half = _WANTED / 2
    c, f = region.x - cos * half + sin * half, region.y - sin * half - cos * half
    crop = image.transform(
        (_WANTED, _WANTED), Pil.Transform.AFFINE, (cos, -sin, c, sin, cos, f), Pil.Resampling.BILINEAR
    )
    outputs = _run(_LANDMARKS, np.asarray(crop, np.float32)[None] / np.float32(255))
    marks = next((one.reshape(39, 5) for one in outputs if one.size == 195), None)
    presence = next((float(one.reshape(-1)[0]) for one in outputs if one.size == 1), None)
    if marks is None or presence is None or not math.isfinite(presence):
        raise BackendError(f"{MODEL}: the points came in no shape that is known")
    if presence < _PRESENT:
        return None
    # How likely a point is to be seen, and to be in the picture at all: the less likely counts.
    seen = (1 / (1 + np.exp(-np.clip(marks[:, 3:].astype(np.float64), -80, 80)))).min(axis=1)
    placed = [(c + cos * u - sin * v, f + sin * u + cos * v) for u, v in marks[:, :2].astype(float)]
    # What lies outside of the picture is a guess, however sure the network is.
    there = [0 <= x <= image.width and 0 <= y <= image.height for x, y in placed]
    return _as_openpose([p if ok and s >= _VISIBLE else None for p, ok, s in zip(placed, there, seen, strict=True)])


def _as_openpose(marks: list[Point | None]) -> tuple[Point | None, ...]:
    found = [None if index is None else marks[index] for index in _ORDER]
    right, left = found[2], found[5]
    if right is not None and left is not None:
        found[1] = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2)
    return tuple(found)


@lru_cache(maxsize=1)
def _anchors() -> NDArray[np.float32]:
    """The middle of each of the detector's anchors, (2254, 2) in shares of its picture."""
    import numpy as np

    found = []
    for stride, each in _LAYERS:
        cells = _SEEN // stride
        for row in range(cells):
            for column in range(cells):
                found += [((column + 0.5) / cells, (row + 0.5) / cells)] * each
    return np.array(found, np.float32)


def _run(file: str, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """All outputs of one of the two networks. Raises BackendError where one is no number."""
    import numpy as np

    interpreter = _interpreter(file)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], batch)
    interpreter.invoke()
    outputs = [np.array(interpreter.get_tensor(one["index"]), np.float32) for one in interpreter.get_output_details()]
    if not all(np.isfinite(one).all() for one in outputs):
        raise BackendError(f"{MODEL} gave a result that is no number")
    return outputs


@lru_cache(maxsize=2)
def _interpreter(file: str) -> Any:
    from imajin_cli.models.store import read

    settle(1)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingError("ai-edge-litert is not installed", hint="pip install imajin[background]") from error
    interpreter = Interpreter(model_content=read(MODEL, file), num_threads=1)
    interpreter.allocate_tensors()
    loaded(MODEL, _interpreter.cache_clear)
    return interpreter
