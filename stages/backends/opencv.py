"""OpenCV (Apache-2.0), for what NumPy alone does slowly: Canny's edges and distances. On one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def library() -> Any:
    """The module. Raises MissingError where it is not installed."""
    settle()
    try:
        import cv2
    except ImportError as error:
        raise MissingError("OpenCV is not installed", hint="pip install opencv-python-headless") from error
    cv2.setNumThreads(1)
    return cv2


def canny(pixels: NDArray[np.uint8], low: int, high: int) -> NDArray[np.uint8]:
    """Canny's edges (1986) of RGB ``pixels`` (height, width, 3): 255 on an edge, else 0. Thresholds are of Sobel's sums."""
    found: NDArray[np.uint8] = library().Canny(pixels, low, high)
    return found


def distances(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel of ``mask`` (height, width) is from the nearest one outside of it or of the picture, in pixels."""
    import numpy as np

    cv2 = library()
    padded = np.pad(mask.astype(np.uint8), 1)
    found: NDArray[np.float32] = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return found
