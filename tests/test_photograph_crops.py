"""Size families cut from a real photograph, opaque and without a flat ground: the face stays whole in every one."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset
from test_output import publish

pytestmark = pytest.mark.slow  # fetches a wheel
WHEEL = "scikit-image==0.26.0"
# The face as one sees it, chin to hairline, in pixels of the photograph: said by hand, not by the detector.
FACE = (176, 66, 272, 184)
FAMILY = ["hero=480x270", "og=400x210", "sidebar=160x320", "portrait=240x320", "square=200"]


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Image.Image:
    """scikit-image's photograph of an astronaut, 512 × 512, her face left of the middle and near the top; out of its wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--only-binary", ":all:", "--dest", folder, WHEEL], check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        return Image.open(io.BytesIO(packed.read("skimage/data/astronaut.png"))).convert("RGB")


@pytest.mark.parametrize("shift", [0, 150])
def test_every_family_keeps_the_face_whole(photo, shift):
    """Also where it is at the picture's edge: ``shift`` pixels are cut off above and at the left."""
    left, top = min(shift, FACE[0] - 20), min(shift, FACE[1] - 40)
    photo = photo.crop((left, top, *photo.size))
    face = (FACE[0] - left, FACE[1] - top, FACE[2] - left, FACE[3] - top)
    found = publish(
        Asset(Sidecar(id="0" * 16), Picture.of(photo), "person"), family=FAMILY, format=["png"], lossless="yes"
    )
    cuts = [file for file in found.files if file.entry.get("family")]
    assert len(cuts) == len(FAMILY)
    for file in cuts:
        # The whole of a square photograph is its square.
        uncut = {"box": [0, 0, *photo.size], "around": "face"} if photo.width == photo.height else None
        cut = file.entry.get("cut", uncut) if "square" in file.name else file.entry["cut"]
        assert cut["around"] == "face", file.name
        x0, y0, x1, y1 = cut["box"]
        assert x0 <= face[0], file.name
        assert y0 <= face[1], file.name
        assert x1 >= face[2], file.name
        assert y1 >= face[3], file.name
        # What was published, not what was said of it: the face's own pixels lie there, at the cut's scale.
        image = Image.open(io.BytesIO(file.data)).convert("RGB")
        scale = image.width / (x1 - x0), image.height / (y1 - y0)
        placed = [round((face[at] - (x0, y0)[at % 2]) * scale[at % 2]) for at in range(4)]
        wanted = photo.crop(face).resize((placed[2] - placed[0], placed[3] - placed[1]), Image.Resampling.LANCZOS)
        aside = (placed[2] - placed[0]) // 5
        assert off(image, placed, wanted) < 10, file.name
        assert off(image, [placed[0] + aside, placed[1], placed[2] + aside, placed[3]], wanted) > 20, file.name


def off(image: Image.Image, box: list[int], wanted: Image.Image) -> float:
    """Mean difference in levels of what is in ``box`` from what is wanted there; of another place it is several times that."""
    return float(np.abs(np.asarray(image.crop(tuple(box)), float) - np.asarray(wanted, float)).mean())
