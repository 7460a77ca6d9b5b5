"""ThumbHash: equal to its published code on pictures of many shapes, with and without transparency."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imajin_cli.stages.imaging.thumbhash import thumbhash, thumbhash_bytes

# What the published package (npm thumbhash 0.1.1, MIT) gives for the pictures that `picture` draws; written by
# tests/data/thumbhash.mjs.
VECTORS = json.loads((Path(__file__).parent / "data" / "thumbhash.json").read_text(encoding="utf-8"))


def picture(width: int, height: int, alpha: bool) -> np.ndarray:
    """RGBA of whole-number arithmetic, so that any language draws the same."""
    y, x = np.mgrid[:height, :width]
    clear = (x * 3 + y * 7) % 256 if alpha else np.full_like(x, 255)
    return np.stack([(x * 11 + y * 5) % 256, (x * y) % 256, (x * x + 3 * y) % 256, clear], axis=2).astype(np.uint8)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['width']}x{v['height']}{'a' if v['alpha'] else ''}")
def test_it_equals_the_published_code(vector: dict[str, object]) -> None:
    pixels = picture(int(str(vector["width"])), int(str(vector["height"])), bool(vector["alpha"]))
    found, wanted = thumbhash_bytes(pixels), base64.b64decode(str(vector["hash"]))
    assert len(found) == len(wanted)
    start = 6 if vector["alpha"] else 5
    assert found[:start] == wanted[:start]
    steps = [(a >> shift & 15) - (b >> shift & 15) for a, b in zip(found, wanted, strict=True) for shift in (0, 4)]
    # A wave of nothing at all is half a step, which the order of a sum may round either way.
    assert max(map(abs, steps)) <= 1
    assert sum(map(abs, steps)) <= 2


def test_any_size_and_mode_has_one() -> None:
    for mode in ("L", "LA", "RGB", "RGBA"):
        for size in ((1, 1), (2000, 3), (300, 200)):
            assert 5 <= len(base64.b64decode(thumbhash(Image.new(mode, size, 128 if mode == "L" else None)))) <= 30
