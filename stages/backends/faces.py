"""Faces by dlib: found by its frontal detector, turned upright by five landmarks, described by 128 numbers.

dlib unpacks its detector anew in every process, which takes 0.3 to 0.5 s of a processor. So the unpacked detector, as
dlib itself saves it, lies beside this module; ``python -m imajin_cli.stages.backends.faces`` writes it anew. Where the
installed dlib cannot read it, dlib's own is unpacked.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LANDMARKS, EMBEDDING = "face-landmarks-5", "face-embedding-dlib"
"""Their names in the model catalogue."""
DETECTOR = Path(__file__).with_name("dlib_frontal_face.bin")
VERSION = "dlib frontal face detector"
DIMENSIONS = 128
PADDING = 0.25
"""Of a chip that is embedded, around the face: what dlib's network was trained with."""


@dataclass(frozen=True)
class Face:
    """One face: its box (left, top, right, bottom) in pixels, how sure the detector is (0: barely), and its landmarks."""

    box: tuple[int, int, int, int]
    score: float
    shape: Any

    @property
    def width(self) -> int:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def points(self) -> list[tuple[float, float]]:
        """The five landmarks (x, y) in pixels: outer and inner corner of the eye on the right, then of the eye on the left

        (as the picture shows them), and the base of the nose.
        """
        return [(float(point.x), float(point.y)) for point in self.shape.parts()]


def _dlib() -> Any:
    settle()
    try:
        import dlib
    except ImportError as error:
        raise MissingError("dlib is not installed", hint="pip install dlib-bin") from error
    return dlib


@lru_cache(maxsize=1)
def _detector() -> Any:
    dlib = _dlib()
    try:
        return dlib.fhog_object_detector(str(DETECTOR))
    except RuntimeError:
        return dlib.get_frontal_face_detector()


@lru_cache(maxsize=1)
def _predictor() -> Any:
    from imajin_cli.models.store import path_of

    found = _dlib().shape_predictor(str(path_of(LANDMARKS)))
    loaded(LANDMARKS, _predictor.cache_clear)
    return found


@lru_cache(maxsize=2)
def _recogniser(name: str = EMBEDDING) -> Any:
    from imajin_cli.models.store import path_of

    found = _dlib().face_recognition_model_v1(str(path_of(name)))
    loaded(name, _recogniser.cache_clear)
    return found


def boxes(pixels: NDArray[np.uint8], *, threshold: float = 0.0) -> list[tuple[int, int, int, int]]:
    """The boxes (left, top, right, bottom) of faces in RGB ``pixels``, without the landmark model. Raises as `find` does."""
    found, _, _ = _detector().run(pixels, 0, threshold)
    return [(box.left(), box.top(), box.right(), box.bottom()) for box in found]


def find(pixels: NDArray[np.uint8], *, threshold: float = 0.0) -> list[Face]:
    """The faces in RGB ``pixels`` of shape (height, width, 3), from 80 pixels wide, surest first.

    ``threshold`` is what the detector's score must exceed. Raises MissingError where dlib or the landmark model is
    absent, BackendError where the detector's result makes no sense.
    """
    found, scores, _ = _detector().run(pixels, 0, threshold)
    if len(found) != len(scores):
        raise BackendError("the face detector gave boxes and scores of different number")
    faces = []
    for box, score in sorted(
        zip(found, scores, strict=True), key=lambda pair: (-pair[1], pair[0].left(), pair[0].top())
    ):
        shape = _predictor()(pixels, box)
        faces.append(Face((box.left(), box.top(), box.right(), box.bottom()), float(score), shape))
    return faces


def chip(pixels: NDArray[np.uint8], face: Face, side: int, padding: float) -> NDArray[np.uint8]:
    """The face upright, ``side`` × ``side`` pixels, with ``padding`` (a share) around it."""
    dlib = _dlib()
    details = dlib.get_face_chip_details(face.shape, side, padding)
    cut: NDArray[np.uint8] = dlib.extract_image_chip(pixels, details)
    return cut


def embeddings(pixels: NDArray[np.uint8], faces: Sequence[Face], model: str = EMBEDDING) -> NDArray[np.float32]:
    """128 numbers for each face by dlib's network ``model``, float32 of shape (n, 128).

    Raises MissingError where the model is absent, BackendError for a result of another shape or that is no number.
    """
    import numpy as np

    found = np.zeros((len(faces), DIMENSIONS), np.float32)
    for at, face in enumerate(faces):
        vector = np.asarray(_recogniser(model).compute_face_descriptor(chip(pixels, face, 150, PADDING)), np.float32)
        if vector.shape != (DIMENSIONS,) or not np.isfinite(vector).all():
            raise BackendError("the face network gave no description of a face")
        found[at] = vector
    return found


def write_detector(path: Path = DETECTOR) -> None:
    """Write dlib's own frontal face detector, unpacked, to ``path``."""
    _dlib().get_frontal_face_detector().save(str(path))


def detector_digest() -> int:
    """Check sum of the detector that is used."""
    return zlib.crc32(DETECTOR.read_bytes())


if __name__ == "__main__":
    write_detector()
