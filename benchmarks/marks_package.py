"""Our dwtDctSvd against the package invisible-watermark: each reads what the other wrote, on its own plane (U).

    pip install --no-deps invisible-watermark==0.2.0 PyWavelets opencv-python-headless numpy pillow
    python -m benchmarks.marks_package PHOTO…

in an environment of its own: the package itself requires torch and a second cv2.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imajin_cli.stages.imaging.marking import dwtsvd

BITS = 32


def theirs() -> Any:
    """The package's own class, without its other methods, which want torch."""
    package = importlib.util.find_spec("imwatermark")
    path = Path(package.submodule_search_locations[0]) / "dwtDctSvd.py"
    spec = importlib.util.spec_from_file_location("dwtdctsvd", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EmbedDwtDctSvd


def heard(bgr: np.ndarray) -> np.ndarray:
    """The bits that our reader finds in the plane U of ``bgr``, one in turn a cell, as the package has it."""
    import cv2

    plane = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)[..., 1].astype(np.float32)
    values = dwtsvd.largest(dwtsvd.approximation(dwtsvd.cells(plane))).ravel()
    says = dwtsvd.said(values) > 0
    return np.bincount(np.arange(len(says)) % BITS, np.where(says, 1, -1), BITS) > 0


def written(bgr: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """``bgr`` with ``bits`` in its plane U by our writer."""
    import cv2

    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)
    plane = yuv[..., 1].astype(np.float32)
    blocks = dwtsvd.approximation(dwtsvd.cells(plane))
    wanted = bits[np.arange(blocks.shape[0] * blocks.shape[1]) % BITS].reshape(blocks.shape[:2])
    change = dwtsvd.change(blocks, dwtsvd.nearest(dwtsvd.largest(blocks), wanted)[0])
    height, width = blocks.shape[0] * 8, blocks.shape[1] * 8
    plane[:height, :width] += change.swapaxes(1, 2).reshape(height, width)
    yuv[..., 1] = np.clip(np.rint(plane), 0, 255)
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR)


def main() -> None:
    """Print the share of bits that each reads of the other's, and the noise of both."""
    bits = np.random.default_rng(7).random(BITS) > 0.5
    package = theirs()(watermarks=[int(bit) for bit in bits], wmLen=BITS)
    print("| picture | we read theirs | they read ours | they read their own | PSNR theirs | PSNR ours |")
    print("|" + " --- |" * 6)
    for name in sys.argv[1:]:
        # Sides that are whole cells: the package counts a part of one as another block.
        image = Image.open(name).convert("RGB")
        bgr = np.asarray(image)[: image.height // 8 * 8, : image.width // 8 * 8, ::-1].copy()
        their, our = package.encode(bgr), written(bgr, bits)
        shares = [
            (heard(their) == bits).mean(),
            (package.decode(our) == bits).mean(),
            (package.decode(their) == bits).mean(),
        ]
        noise = [10 * np.log10(255**2 / ((one.astype(float) - bgr) ** 2).mean()) for one in (their, our)]
        print(
            f"| {Path(name).name} | "
            + " | ".join(f"{s:.3f}" for s in shares)
            + " | "
            + " | ".join(f"{n:.1f}" for n in noise)
            + " |"
        )


if __name__ == "__main__":
    main()
