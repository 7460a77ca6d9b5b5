"""Networks that describe a face by a vector, by their name in the model catalogue: dlib's, and ONNX ones of ArcFace's kind.

Two faces are compared by the Euclidean distance of their vectors. dlib's are used as they come, others at length one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError, UsageError
from imajin_cli.stages.backends.faces import EMBEDDING, Face, embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASK = "face-embedding"
MOST_DIMENSIONS = 2048
# Where the eyes' middles lie in the 112 × 112 pictures that networks of ArcFace's kind take: the template of its authors'
# reference implementation (Deng et al., "ArcFace", 2019).
_SIDE = 112
_RIGHT_EYE, _LEFT_EYE = (73.5318, 51.5014), (38.2946, 51.6963)


@dataclass(frozen=True)
class Recogniser:
    """One network: its name, revision and licence in the catalogue, and the name of its file."""

    name: str
    revision: str
    licence: str
    file: str

    def describe(self, pixels: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.float32]:
        """A vector for each face in RGB ``pixels`` (height, width, 3), float32 of shape (n, d).

        Raises MissingError where the model is absent, BackendError for a result of another shape or that is no number.
        """
        if self.file.endswith(".dat"):
            return embeddings(pixels, faces, self.name)
        return _described(self.name, pixels, faces)


def recogniser(name: str = EMBEDDING) -> Recogniser:
    """The network called ``name``. Raises UsageError where the catalogue has none, or has it for something else."""
    from imajin_cli.models.store import entry_of

    entry = entry_of(name)
    file = entry.files[0].name
    if entry.task != TASK or not file.endswith((".dat", ".onnx")):
        raise UsageError(f"the model {name} does not describe faces", hint=f"imajin models list --task {TASK}")
    return Recogniser(entry.name, entry.revision, entry.licence, file)


def _described(name: str, pixels: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.float32]:
    """Vectors of length one by an ONNX network that takes (n, 3, 112, 112) RGB in -1..1."""
    import numpy as np

    from imajin_cli.stages.backends.onnx import network

    if not faces:
        return np.zeros((0, 1), np.float32)
    chips = np.stack([_aligned(pixels, face) for face in faces]).astype(np.float32)
    batch = (chips.transpose(0, 3, 1, 2) - np.float32(127.5)) / np.float32(127.5)
    # One at a time: the batch is fixed at one in many an exported network.
    rows = [np.asarray(network(name).run(np.ascontiguousarray(one[None]))) for one in batch]
    if any(row.ndim != 2 or row.shape[0] != 1 or not 2 <= row.shape[1] <= MOST_DIMENSIONS for row in rows):
        raise BackendError(f"the model {name} gave a result of shape {rows[0].shape}, not one vector a face")
    found: NDArray[np.float32] = np.concatenate(rows).astype(np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(found, axis=1, keepdims=True).astype(np.float32)
    if not np.isfinite(found).all() or lengths.min() < 1e-6:
        raise BackendError(f"the model {name} gave no description of a face")
    return np.asarray(found / lengths, np.float32)


def _aligned(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """The face turned, scaled and moved so that its eyes lie where the network expects them, 112 × 112 RGB."""
    import numpy as np
    from PIL import Image

    points = [complex(*point) for point in face.points]
    right, left = (points[0] + points[1]) / 2, (points[2] + points[3]) / 2
    wanted_right, wanted_left = complex(*_RIGHT_EYE), complex(*_LEFT_EYE)
    # A similarity as complex numbers: where in the picture a pixel of the chip comes from.
    turn = (right - left) / (wanted_right - wanted_left)
    start = left - turn * wanted_left
    matrix = (turn.real, -turn.imag, start.real, turn.imag, turn.real, start.imag)
    chip: Any = Image.fromarray(pixels).transform(
        (_SIDE, _SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    return np.asarray(chip)
