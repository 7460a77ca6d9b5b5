"""A stream of pictures of all sizes, with text in them, does not grow the process that moderates it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import environment

PROGRAM = """
import numpy as np
from PIL import Image, ImageDraw
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.moderate import Moderate, ModerateParams

stage, stream = Moderate(ModerateParams()), np.random.default_rng(0)
for _ in range(24):
    image = Image.new("RGB", tuple(int(n) for n in stream.integers(200, 900, 2)), "white")
    for row in range(3):
        text = "lorem ipsum dolor sit"[: int(stream.integers(3, 20))]
        ImageDraw.Draw(image).text((10, 20 + 60 * row), text, fill="black", font_size=int(stream.integers(20, 50)))
    assert stage.apply(Asset(Sidecar(id="x"), Picture.of(image))).status == "passed"
    print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_flat_over_pictures_of_all_sizes():
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment(), capture_output=True, text=True, check=True)
    sizes = [int(line) for line in done.stdout.split()]
    # What the largest picture needs is held by then; 200 MiB more were kept before.
    assert max(sizes[8:]) - max(sizes[2:8]) < 40, sizes
