"""Weapons, drugs, hate symbols and gore by an image encoder: who looks, what is recorded, and whose threshold counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from imajin_cli.contract.calibration import Calibration, Rate
from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import miniclip, siglip2
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation import concepts
from imajin_cli.stages.moderation.concepts import CONCEPTS, MINI, WORDINGS, chosen, scores

SCORES = [concept.replace(" ", "_") for concept in CONCEPTS]


def picture() -> Image.Image:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((40, 40, 160, 160), fill="#2563eb")
    return image


def judge(**params: Any) -> Outcome:
    return Moderate(ModerateParams(**params)).apply(Asset(Sidecar(id="x"), Picture.of(picture())))


def told(found: Outcome) -> dict[str, Any]:
    layer: dict[str, Any] = found.notes["layers"]["prohibited"]
    return layer


def written(path: Path, score: str, threshold: float, **change: Any) -> str:
    rate = Rate(value=0.5, low=0.1, high=0.9)
    entry = Calibration(**{
        "stage": "moderate", "score": score, "asset_class": "any", "reject": "above", "threshold": threshold,
        "revision": Moderate(ModerateParams()).model_revision(score), "target_false_reject": 0.02, "passes": 30,
        "fails": 30, "false_reject": rate, "caught": rate, "auc": rate, "samples": "0" * 64, **change,
    })  # fmt: skip
    path.write_text(
        yaml.safe_dump({"imajin_calibration": 1, "calibrations": [entry.model_dump(mode="json", exclude_none=True)]})
    )
    return str(path)


def test_the_embedded_encoder_scores_every_category_and_is_recorded_alone():
    encoder = chosen("auto")
    assert (encoder.name, encoder.revision, encoder.limit) == (MINI, miniclip.revision(), None)
    (found,) = scores(encoder, [picture()])
    assert list(found) == list(CONCEPTS) == list(WORDINGS)
    assert all(np.isfinite(value) for value in found.values())
    judged = judge()
    assert judged.status == "passed", judged.reason
    values = {one.name: one for one in judged.scores}
    assert {name: values[name].value for name in SCORES} == {
        concept.replace(" ", "_"): round(value, 4) for concept, value in found.items()
    }
    assert all(values[name].threshold is None for name in SCORES)
    assert judged == judge()


def test_a_blank_picture_shows_nothing():
    assert scores(chosen("mini"), [Image.new("RGB", (64, 64), "white")]) == [dict.fromkeys(CONCEPTS, 0.0)]


@pytest.mark.parametrize("error", [ValueError("odd"), MissingError("gone", hint="pip install it")])
def test_a_broken_embedded_encoder_is_said_to_be_absent_and_is_22_where_it_judges(monkeypatch, tmp_path, error):
    def broken() -> None:
        raise error

    monkeypatch.setattr(miniclip, "shared", broken)
    concepts._texts.cache_clear()
    found = judge()
    assert found.status == "passed"
    assert told(found)["image_encoder"].startswith("absent: moderate: imajin-mini-clip")
    found = judge(calibration=written(tmp_path / "c.yaml", "weapons", 5.0))
    assert (found.status, found.code) == ("error", Exit.NO_VERDICT)
    assert "no verdict of prohibited: moderate: imajin-mini-clip" in (found.reason or "")


def test_a_calibration_judges_and_one_for_another_revision_is_refused(tmp_path):
    found = judge(calibration=written(tmp_path / "low.yaml", "weapons", -100.0))
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert "PROHIBITED (weapons (" in (found.reason or "")
    # The other layers keep thresholds of their own: the file says nothing of them.
    assert next(one for one in found.scores if one.name == "nsfw").passed is True
    assert judge(calibration=written(tmp_path / "high.yaml", "weapons", 100.0)).status == "passed"
    assert judge(calibration=str(tmp_path / "low.yaml"), prohibited_off=["weapons"]).status == "passed"
    found = judge(calibration=written(tmp_path / "old.yaml", "weapons", 100.0, revision=f"{MINI} 000000000000"))
    assert found.code == Exit.NO_VERDICT
    assert f"was made for revision {MINI} 000000000000" in (found.reason or "")
    assert "imajin calibrate FOLDER --stage moderate --score weapons" in (found.reason or "")
    found = judge(calibration=written(tmp_path / "class.yaml", "gore", 100.0, asset_class="photo"))
    assert found.code == Exit.NO_VERDICT
    assert "no threshold for gore of drawing" in (found.reason or "")


def test_siglip_that_was_never_pulled_is_22_with_the_command():
    found = judge(encoder="siglip2-base")
    assert found.code == Exit.NO_VERDICT
    assert "imajin models pull siglip2-base" in (found.reason or "")


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SigLIP 2 that the catalogue brings, of no weights: the test says what it sees."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    entry = {
        "task": "image-text", "licence": "Apache-2.0", "commercial": "allowed",
        "first_use": [{"name": "config.json", "at_most": 9}],
        "sources": [{"kind": "folder", "path": str(folder)}],
    }  # fmt: skip
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"siglip2-base": entry}))


def seen(monkeypatch: pytest.MonkeyPatch, give: Any) -> None:
    class Fake:
        def probabilities(self, _: Image.Image, texts: Sequence[str]) -> list[float]:
            return [give(text) for text in texts]

    monkeypatch.setattr(siglip2, "shared", lambda _: Fake())


def test_siglip_judges_where_it_is_there(pulled, cli, monkeypatch):
    assert cli("models", "pull", "siglip2-base").returncode == 0
    seen(monkeypatch, lambda text: 0.9 if text == "a picture of a swastika" else 0.01)
    found = judge(encoder="siglip2-base")
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert "PROHIBITED (hate symbols (0.90))" in (found.reason or "")
    assert told(found)["image_encoder"].startswith("siglip2-base ")
    seen(monkeypatch, lambda _: 0.1)
    assert judge(encoder="siglip2-base").status == "passed"
    seen(monkeypatch, lambda _: float("nan"))
    assert judge(encoder="siglip2-base").code == Exit.NO_VERDICT


def test_auto_takes_siglip_only_where_it_can_be_run(pulled, cli, monkeypatch):
    assert chosen("auto").name == MINI
    assert cli("models", "pull", "siglip2-base").returncode == 0
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert chosen("auto").name == MINI
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    assert chosen("auto").name == "siglip2-base"
    assert "siglip2-base" in Moderate(ModerateParams()).models()


def test_the_wordings_kept_are_what_the_embedder_says_of_them():
    kept, made = concepts._embedded(), concepts._made().astype(np.float32)
    assert kept.shape == made.shape
    assert np.abs(kept - made).max() < 4e-3


@pytest.mark.parametrize("data", [None, b"", b"\x93NUMPY nothing"])
def test_wordings_that_are_gone_or_none_are_said_to_be_absent(monkeypatch, tmp_path, data):
    if data is not None:
        (tmp_path / "wordings.npy").write_bytes(data)
    monkeypatch.setattr(concepts, "EMBEDDED", tmp_path / "wordings.npy")
    concepts._texts.cache_clear()
    found = judge()
    assert found.status == "passed"
    assert "wordings.npy" in told(found)["image_encoder"]
    concepts._texts.cache_clear()
