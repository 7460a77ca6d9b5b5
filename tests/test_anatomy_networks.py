"""Real networks over a photograph: parts are found, damage lowers scores, and a painter that mends is believed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imajin_cli.stages.anatomy.find import parts, same
from imajin_cli.stages.anatomy.score import KINDS, LEAST
from imajin_cli.stages.backends import landmarks
from imajin_cli.stages.fix_anatomy import FixAnatomy, FixAnatomyParams
from imajin_cli.stages.imaging.patch import blended, feathered
from imajin_cli.stages.mending.painter import Mender
from painted import ours, texture

pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.skipif(
    find_spec("skimage") is None, reason="scikit-image's photograph of a person is not there"
)


@pytest.fixture(autouse=True)
def _models(_isolated, monkeypatch):
    """Where the models were pulled to, which the isolation of tests hides."""
    if "TEST_MODELS" in os.environ:
        monkeypatch.setenv("IMAJIN_MODELS", os.environ["TEST_MODELS"])


@pytest.fixture
def photo() -> np.ndarray:
    """scikit-image's photograph of an astronaut: one face, no bare hand."""
    (place,) = find_spec("skimage").submodule_search_locations
    return np.asarray(Image.open(Path(place) / "data" / "astronaut.png").convert("RGB"))


@pytest.fixture
def face(photo):
    (found,) = [one for one in parts(photo, ["face"]) if one.kind == "face"]
    return found


def damaged(photo, face) -> np.ndarray:
    """The face melted, as small faces that a model paints: a few pixels of detail are left."""
    image = Image.fromarray(photo)
    small = image.resize((64, 64), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    return blended(photo, np.asarray(small.filter(ImageFilter.GaussianBlur(3))), feathered(face.mask(photo.shape), 6))


def test_the_face_is_found_where_it_is_and_scores_well(photo, face):
    left, top, right, bottom = face.box
    assert abs((left + right) / 2 - 225) < 15
    assert abs((top + bottom) / 2 - 125) < 25
    assert face.score > LEAST["face"]
    found = parts(photo, KINDS)
    assert {one.kind for one in found} >= {"face", "eyes"}
    assert next(one for one in found if one.kind == "eyes").score > LEAST["eyes"]


def test_points_scale_with_the_picture(photo):
    points = landmarks.mesh(photo, landmarks.face_frame(landmarks.faces(photo)[0]))
    half = np.asarray(Image.fromarray(photo).resize((256, 256), Image.Resampling.BOX))
    smaller = landmarks.mesh(half, landmarks.face_frame(landmarks.faces(half)[0]))
    apart = np.hypot(*(points.points[33, :2] - points.points[263, :2]))
    assert np.abs(2 * smaller.points[:, :2] - points.points[:, :2]).mean() < 0.08 * apart


def test_no_part_is_found_where_there_is_nobody():
    assert parts(np.asarray(texture((320, 240))), KINDS) == []


def test_a_damaged_face_scores_less_and_a_painter_that_brings_it_back_is_kept(photo, face, monkeypatch):
    broken = damaged(photo, face)
    found = same(face, parts(broken, ["face"]))
    assert found is not None
    assert found.score < LEAST["face"] < face.score
    monkeypatch.setattr(Mender, "painting", lambda self, known: lambda pixels, mask, prompt, seed: photo)
    monkeypatch.setattr(Mender, "model_for", lambda self, made: None)
    monkeypatch.setattr(Mender, "ref", lambda self, known: None)
    asset = ours(Image.fromarray(broken))
    outcome = FixAnatomy(FixAnatomyParams(parts=["face"])).apply(asset)
    assert outcome.status == "changed", outcome.reason
    (fate,) = outcome.notes["painted"]
    assert fate["after"] > fate["before"] + 0.05
    after = np.asarray(outcome.picture.image)
    changed = (after != broken).any(-1)
    left, top, right, _ = face.box
    reach = 0.3 * (right - left)
    rows, columns = np.nonzero(changed)
    assert rows.min() > top - reach
    assert columns.max() < right + reach
    assert np.abs(after.astype(int) - photo).mean() < np.abs(broken.astype(int) - photo).mean()
    # A painter that makes it worse is not believed.
    noise = np.random.default_rng(1).integers(0, 256, photo.shape, dtype=np.uint8)
    monkeypatch.setattr(Mender, "painting", lambda self, known: lambda pixels, mask, prompt, seed: noise)
    worse = FixAnatomy(FixAnatomyParams(parts=["face"])).apply(asset)
    assert worse.status == "skipped"
    assert worse.reason.startswith("unfixed: face")
