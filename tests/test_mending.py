"""Parts painted anew by tiny diffusion models of the true classes: where, at what size, from which seed, and nothing besides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.sidecar import ModelRef, Record
from imajin_cli.stages.anatomy import find
from imajin_cli.stages.fix_anatomy import FixAnatomy, FixAnatomyParams
from imajin_cli.stages.mending.painter import Manner, Mender, cut
from imajin_cli.stages.remove_watermark import RemoveWatermark, RemoveWatermarkParams
from painted import ink, laid, ours, texture
from test_fix_anatomy import part

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import tinymodels

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A tiny model of each family that paints parts."""
    root = tmp_path_factory.mktemp("mending")
    for name in ("sd15", "sdxl", "flux"):
        tinymodels.MAKERS[name](root / name)
    return root


def square(shape: tuple[int, ...], left: int, top: int, side: int) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.mark.parametrize("family", ["sd15", "sdxl", "flux"])
def test_a_part_is_painted_at_the_models_own_side_and_put_back_at_its_place(models, family):
    pixels = np.asarray(texture((200, 150)))
    mender = Mender(Manner(str(models / family), steps=2, side=64, dtype="fp32", strength=1.0))
    mask = square(pixels.shape, 150, 20, 30)
    paint = mender.painting(mender.model_for(None))
    done = paint(pixels, mask, "a face", 3)
    assert done.shape == pixels.shape
    assert max(mender.told["painted"]) == 64
    left, top, right, bottom = cut(mask)
    outside = np.ones(mask.shape, bool)
    outside[top:bottom, left:right] = False
    assert (done == pixels)[outside].all()
    assert (done != pixels)[mask].any()
    assert (paint(pixels, mask, "a face", 3) == done).all()
    assert (paint(pixels, mask, "a face", 4) != done).any()
    assert mender.names() == [str(models / family)]
    assert mender.needs()[0].model == family


def test_the_model_is_the_one_that_is_named_or_the_one_that_made_the_picture(models, monkeypatch):
    made = Record(stage="generate", version="1", status="changed", key="1", model=ModelRef(name="unlisted"))
    with pytest.raises(UsageError, match="in no catalogue"):
        Mender(Manner()).model_for(made)
    assert Mender(Manner(str(models / "sdxl"))).model_for(made).name == "sdxl"
    with pytest.raises(InputError):
        Mender(Manner(str(models / "nothing"))).model_for(made)
    # The runtime leases what is named; the maker's own lease is the maker's.
    assert Mender(Manner()).needs() == []


def test_a_mark_is_painted_over_by_the_generator(models):
    asset = ours(laid(texture((320, 240)), ink((320, 240), "shutterstock", (0.5, 0.5), 30), 0.9))
    params = RemoveWatermarkParams(method="generator", model=str(models / "sd15"), steps=2, dtype="fp32")
    outcome = RemoveWatermark(params).apply(asset)
    assert outcome.status == "changed", outcome.reason
    assert outcome.backend == "generator"
    assert outcome.model.name == "sd15"
    assert outcome.notes["marks"][0]["removed"]
    before, after = (np.asarray(one.image) for one in (asset.picture, outcome.picture))
    changed = (before != after).any(-1)
    assert 0 < changed.mean() < 0.4
    assert not changed[:60].any()


def test_random_weights_mend_no_face_and_that_is_said(models, monkeypatch):
    bad = part("face", 40.0)
    monkeypatch.setattr(find, "parts", lambda pixels, kinds: [replace(bad, score=0.1)])
    params = FixAnatomyParams(model=str(models / "sd15"), steps=2, dtype="fp32", side=64, tries=2)
    asset = ours(texture((240, 180)))
    outcome = FixAnatomy(params).apply(asset)
    assert outcome.status == "skipped"
    assert outcome.reason.startswith("unfixed: face")
    assert outcome.notes["painted"][0]["tries"] == 2
    assert outcome.notes["painter"]["painted"] == [64, 64]
