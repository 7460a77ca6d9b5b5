"""Depth of a photograph by Depth Anything V2 (Yang et al. 2024), Small, as ONNX: relative, larger is nearer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.backends.onnx import network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MODEL = "depth-anything-small"
"""Its name in the model catalogue."""
# The published preprocessing: the shorter side 518 pixels, both multiples of the patch, ImageNet's statistics.
_SIDE, _PATCH, _LONGEST = 518, 14, 1036
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def prepared_size(size: tuple[int, int]) -> tuple[int, int]:
    """The size (width, height) in pixels at which a picture of ``size`` is looked at."""
    scale = min(_SIDE / min(size), _LONGEST / max(size))
    width, height = (max(_PATCH, round(side * scale / _PATCH) * _PATCH) for side in size)
    return width, height


def depth(image: Image) -> NDArray[np.float32]:
    """How near each part of the RGB ``image`` is, relative, (height, width) at the size of `prepared_size`.

    Raises MissingError where onnxruntime or the model is absent, BackendError for a result that makes no sense.
    """
    import numpy as np
    from PIL import Image as Pil

    size = prepared_size(image.size)
    levels = np.asarray(image.resize(size, Pil.Resampling.BICUBIC), np.float32) / 255
    batch = (levels - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    found = network(MODEL, one_shape=False).run(np.ascontiguousarray(batch.transpose(2, 0, 1)[None], np.float32))
    plane = (
        found.reshape(found.shape[-2:])
        if found.ndim >= 2 and found.size == found.shape[-1] * found.shape[-2]
        else found
    )
    if plane.ndim != 2 or min(plane.shape) < 8:
        raise BackendError(f"{MODEL} gave a result of shape {found.shape}")
    if not np.isfinite(plane).all():
        raise BackendError(f"{MODEL} gave a result that is no number")
    return plane.astype(np.float32)
