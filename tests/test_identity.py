"""References, templates and the gate that holds pictures to them; bad references, broken layers, and what is kept."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
import time
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from imajin_cli.contract.errors import BackendError, InputError, MissingError, NoVerdictError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import PRIVATE, Record, Request, Sidecar, without_private
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.models import store
from imajin_cli.models.catalogue import find
from imajin_cli.stages.backends import faces, recognisers
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.identity import Identity, IdentityParams
from imajin_cli.stages.recognition import reference
from imajin_cli.stages.recognition.quality import TILT, Quality, faults, outside, pose, sharpness
from imajin_cli.stages.recognition.template import Template, asked_for, distances, template_of
from imajin_cli.stages.recognition.thresholds import MEASURED, threshold
from imajin_cli.stages.verify_identity import VerifyIdentity, VerifyIdentityParams

DATA = Path(__file__).parent / "data"


@cache
def composed(prompt: str, seed: int) -> Image.Image:
    stage = Generate(GenerateParams(layout="avatar", people="always", background="#dde6f0"))
    made = stage.make(next(iter(stage.plan(Request(prompt=prompt, seed=seed, size=["512"]))))).picture
    assert made is not None
    return made.image.convert("RGB")


def grainy(image: Image.Image) -> Image.Image:
    """A stand-in for a photograph: a drawn face that the detector finds, with a sensor's noise, so that nothing is flat."""
    noise = np.random.default_rng(1).normal(0, 6, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def anna() -> Image.Image:
    return grainy(composed("a man", 4))


def berta() -> Image.Image:
    return grainy(composed("a woman", 1))


def both() -> Image.Image:
    """Two people side by side, Berta on the left and Anna, larger, on the right."""
    sheet = Image.new("RGB", (1024, 512), (221, 230, 240))
    sheet.paste(composed("a woman", 1).resize((256, 256)), (50, 60))
    sheet.paste(composed("a man", 4), (512, 0))
    return grainy(sheet)


def described(*references: str, **params: Any) -> Outcome:
    return Identity(IdentityParams(reference=list(references), **params)).apply(Asset(Sidecar(id="x")))


def verified(image: Image.Image | None, sidecar: Sidecar | None = None, **params: Any) -> Outcome:
    picture = None if image is None else Picture.of(image)
    return VerifyIdentity(VerifyIdentityParams(**params)).apply(Asset(sidecar or Sidecar(id="x"), picture))


def known(outcome: Outcome) -> Sidecar:
    """A sidecar that `identity` has written to."""
    record = Record(stage="identity", version="1", status=outcome.status, notes=dict(outcome.notes), key="k")
    return Sidecar(id="x", stages=[record])


@pytest.fixture
def photo(work: Path) -> Path:
    anna().save("anna.png")
    return work / "anna.png"


# References.


def test_a_good_reference_is_described_and_no_pixel_of_it_is_kept(photo):
    found = described("anna.png")
    assert (found.status, found.code) == ("passed", Exit.OK), found.reason
    told = found.notes["references"][0]
    assert (told["faces"], told["face"]) == (1, 1)
    assert 150 < told["width"] < 200
    assert len(json.dumps(found.notes)) < 2000
    made = template_of(found.notes[PRIVATE]["template"])
    assert made.vectors.shape == (1, 128)
    assert (made.model, made.revision) == ("face-embedding-dlib", find("face-embedding-dlib").revision)
    assert found.model is not None
    assert found.model.licence == "CC0-1.0"


def test_the_same_reference_gives_the_same_template(photo):
    assert described("anna.png").notes == described("anna.png").notes


def test_without_a_reference_it_is_skipped():
    assert described().status == "skipped"
    assert Identity(IdentityParams()).revision() == "nobody"


def claims(width: int, height: int) -> bytes:
    """The start of a PNG that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    )


def unusable(work: Path) -> dict[str, str]:
    """A file's name → what is said of it."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save("nobody.png")
    both().save("two.png")
    composed("a man", 4).save("drawn.png")
    anna().resize((220, 220)).save("small.png")
    grainy(composed("a man", 4).filter(ImageFilter.GaussianBlur(14))).filter(ImageFilter.GaussianBlur(4)).save("blurred.png")
    Image.new("RGB", (1, 1), "red").save("one.png")
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (20, 20_000, 3), dtype=np.uint8)).save("long.png")
    anna().save("moving.gif", save_all=True, append_images=[berta()])
    Path("huge.png").write_bytes(claims(20_000, 20_000))
    Path("cut.png").write_bytes(Path("two.png").read_bytes()[:5000])
    Path("text.png").write_text("no picture")
    Path("empty.png").write_bytes(b"")
    return {
        "nobody.png": "no face was found",
        "two.png": "there are 2 faces in it; name one by --face",
        "drawn.png": "it is drawn",
        "small.png": "pixels wide, at least 80",
        "blurred.png": "blurred",
        "one.png": "drawn",
        "long.png": "too long and narrow",
        "moving.gif": "it has 2 frames",
        "huge.png": "more than the limit of 64000000 pixels",
        "cut.png": "",
        "text.png": "not a picture",
        "empty.png": "is empty",
    }


def test_what_cannot_serve_is_14_and_says_why(work):
    for name, said in unusable(work).items():
        found = described(name)
        assert (found.status, found.code) == ("rejected", Exit.IDENTITY), (name, found)
        assert (found.reason or "").startswith(f"unusable identity: the reference {name}: "), found.reason
        assert said in (found.reason or ""), (name, found.reason)
        assert PRIVATE not in found.notes
        again = verified(anna(), reference=[name])
        assert (again.status, again.code, again.reason) == ("rejected", Exit.IDENTITY, found.reason)


def test_a_reference_that_is_no_file_is_2(work, cli):
    os.mkfifo("fifo.png")
    Path("folder.png").mkdir()
    for name, said in (("absent.png", "No such file"), ("fifo.png", "not a regular file"), ("folder.png", "folder.png")):
        for stage in (Identity(IdentityParams(reference=[name])), VerifyIdentity(VerifyIdentityParams(reference=[name]))):
            with pytest.raises(InputError, match=said):
                stage.revision()
    done = cli("identity", "a portrait", "--reference", "absent.png")
    assert (done.returncode, done.stdout) == (Exit.USAGE, b"")
    (line,) = done.stderr.decode().splitlines()
    assert "the reference absent.png: cannot be read" in line


def test_a_reference_over_the_byte_bound_is_unusable(photo, monkeypatch):
    monkeypatch.setattr(reference, "MAX_BYTES", 1000)
    assert "larger than" in (described("anna.png").reason or "")


def test_a_face_can_be_named(work):
    both().save("two.png")
    left, right, largest = (template_of(described("two.png", face=face).notes[PRIVATE]["template"]) for face in (1, 2, "largest"))
    assert (right.vectors == largest.vectors).all()
    assert distances(left, right.vectors)[0] > 0.2
    anna().save("anna.png")
    alone = template_of(described("anna.png").notes[PRIVATE]["template"])
    assert distances(alone, right.vectors)[0] < distances(alone, left.vectors)[0]
    assert "there is no face 3, only 2" in (described("two.png", face=3).reason or "")


def test_several_references_must_be_of_one_person(work, monkeypatch):
    anna().save("a.png"), anna().transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("b.png"), berta().save("c.png")
    made = template_of(described("a.png", "b.png").notes[PRIVATE]["template"])
    assert made.vectors.shape == (2, 128)
    monkeypatch.setattr(reference, "SPREAD", 0.6)
    found = described("a.png", "b.png", "c.png")
    assert found.code is Exit.IDENTITY
    assert "the references a.png and c.png do not show one person" in (found.reason or "")


def face(*points: tuple[int, int], box: tuple[int, int, int, int] = (10, 10, 90, 90)) -> faces.Face:
    import dlib

    shape = dlib.full_object_detection(dlib.rectangle(*box), [dlib.point(*point) for point in points])
    return faces.Face(box, 1.0, shape)


UPRIGHT = ((70, 40), (60, 40), (30, 40), (40, 40), (50, 64))


def test_pose_is_measured_whichever_way_the_head_leans():
    assert pose(face(*UPRIGHT)) == pytest.approx((0, 0.8))
    assert pose(face(*((100 - y, x) for x, y in UPRIGHT))) == pytest.approx((0, 0.8))
    aside = pose(face(*UPRIGHT[:4], (62, 60)))
    assert aside[0] == pytest.approx(0.4)
    assert pose(face(*[(50, 50)] * 5)) == (1.0, 1.0)


def test_each_fault_is_named():
    good = Quality(200, 0.0, 0.02, 0.0, 0.8)
    assert faults(good, 80) == []
    for changed, said in (
        ({"width": 79.0}, "79 pixels wide"), ({"outside": 0.2}, "cut off"), ({"sharpness": 0.0049}, "blurred"),
        ({"turn": -0.3}, "turned away"), ({"tilt": TILT[1] + 0.1}, "turned away"), ({"tilt": 0.3}, "turned away"),
    ):  # fmt: skip
        (line,) = faults(good._replace(**changed), 80)
        assert said in line


def test_a_box_outside_the_picture_is_seen():
    assert outside((100, 100), face(*UPRIGHT)) == 0
    assert outside((100, 82), face(*UPRIGHT)) == pytest.approx(0.1)
    assert outside((100, 100), face(*UPRIGHT, box=(-20, 10, 80, 110))) == pytest.approx(0.2)


def test_blur_lowers_sharpness_and_contrast_does_not():
    pixels = np.ascontiguousarray(np.asarray(anna()))
    found = faces.find(pixels)[0]
    soft = np.ascontiguousarray(np.asarray(anna().filter(ImageFilter.GaussianBlur(3))))
    pale = np.ascontiguousarray((pixels // 2 + 60).astype(np.uint8))
    assert sharpness(soft, found) < sharpness(pixels, found) / 3
    assert sharpness(pale, found) == pytest.approx(sharpness(pixels, found), rel=0.2)


# Templates: a sidecar is data that anybody can edit.


def template(rows: int = 1, columns: int = 128) -> Template:
    vectors = np.random.default_rng(5).normal(0, 0.1, (rows, columns)).astype(np.float32)
    return Template("face-embedding-dlib", find("face-embedding-dlib").revision, vectors)


@given(st.integers(1, 8), st.integers(2, 200))
def test_a_template_comes_back_bit_for_bit(rows, columns):
    made = template(rows, columns)
    again = template_of(json.loads(json.dumps(made.to_json())))
    assert (again.vectors == made.vectors).all()
    assert (again.model, again.revision) == (made.model, made.revision)


def damaged() -> list[Any]:
    good = template().to_json()
    nan = Template("m", "r", np.full((1, 128), np.nan, np.float32)).to_json()
    far = Template("m", "r", np.full((1, 128), 1e6, np.float32)).to_json()
    return [
        None, [], "x", {}, nan, far, {**good, "shape": [2, 128]}, {**good, "shape": [1, 1 << 40]}, {**good, "shape": [True, 128]},
        {**good, "shape": [0, 128]}, {**good, "shape": "1x"}, {**good, "float32": "ä"}, {**good, "float32": "A" * 100_000},
        {**good, "float32": good["float32"][:-8] + "AAAAAAA="}, {**good, "sha256": "0" * 64}, {**good, "model": 7},
    ]  # fmt: skip


@pytest.mark.parametrize("value", damaged())
def test_a_template_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"^it |^its |^a shape "):
        template_of(value)
    record = Record(stage="identity", version="1", status="passed", notes={PRIVATE: {"template": value}}, key="k")
    with pytest.raises(NoVerdictError):
        asked_for(Sidecar(id="x", stages=[record]))


@pytest.mark.parametrize("notes", [{}, {PRIVATE: 3}, {PRIVATE: {}}, {PRIVATE: {"template": None}}])
def test_a_template_that_is_gone_is_no_verdict(notes):
    sidecar = Sidecar(id="x", stages=[Record(stage="identity", version="1", status="passed", notes=notes, key="k")])
    with pytest.raises(NoVerdictError, match="not in the sidecar") as caught:
        verified(anna(), sidecar)
    assert "--reference" in (caught.value.hint or "")


def test_a_skipped_record_asks_for_nobody():
    assert asked_for(Sidecar(id="x", stages=[Record(stage="identity", version="1", status="skipped", key="k")])) is None
    assert asked_for(Sidecar(id="x")) is None


def test_distances_are_means_over_the_references():
    made = Template("m", "r", np.array([[0, 0], [0, 4]], np.float32))
    assert distances(made, np.array([[3, 0]], np.float32)) == pytest.approx([(3 + 5) / 2])
    with pytest.raises(NoVerdictError, match="different numbers"):
        distances(made, np.zeros((1, 3), np.float32))


# The gate.


def test_a_picture_of_the_person_passes_and_another_is_rejected(photo):
    sidecar = known(described("anna.png"))
    found = verified(anna(), sidecar)
    assert found.status == "passed", found.reason
    assert [(score.name, score.passed) for score in found.scores] == [("face_distance", True), ("faces", None)]
    assert found.scores[0].value == pytest.approx(0, abs=0.02)
    assert found.scores[0].threshold == MEASURED[(found.model.name, found.model.revision)].distance
    other = verified(berta(), sidecar, distance=0.2)
    assert (other.status, other.code) == ("rejected", Exit.IDENTITY)
    assert "another person" in (other.reason or "")
    assert verified(anna(), reference=["anna.png"]).status == "passed"
    # What the command line names wins over what the sidecar holds.
    berta().save("berta.png")
    assert verified(anna(), sidecar, reference=["berta.png"], distance=0.2).status == "rejected"


def test_of_several_faces_the_nearest_counts_and_it_is_said(photo):
    found = verified(both(), reference=["anna.png"])
    assert found.status == "passed", found.reason
    assert found.notes["face"] == 2
    assert "2 faces: the one nearest" in found.notes["several"]
    assert verified(both(), reference=["anna.png"], distance=0.01).reason.startswith("the nearest face is ")


def test_no_face_is_rejected_in_a_photograph(photo):
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    found = verified(Image.fromarray(noise), reference=["anna.png"])
    assert (found.status, found.code, found.reason) == ("rejected", Exit.IDENTITY, "no face was found in the picture")


def test_a_drawn_picture_gets_no_verdict_with_a_face_or_without(photo):
    for image in (composed("a man", 4), Image.new("RGB", (64, 64), "white"), Image.new("RGBA", (1, 1), (0, 0, 0, 0))):
        with pytest.raises(NoVerdictError, match="drawn"):
            verified(image, reference=["anna.png"])


def test_what_imajin_composed_is_drawn_whatever_its_pixels_look_like(photo):
    made = Record(stage="generate", version="1", backend="compose", status="changed", key="k")
    svg = Record(stage="load", version="1", status="changed", notes={"format": "SVG"}, key="k")
    for record in (made, svg):
        with pytest.raises(NoVerdictError, match="drawn"):
            verified(anna(), Sidecar(id="x", stages=[record]), reference=["anna.png"])


def test_it_is_skipped_where_nobody_was_asked_for():
    assert verified(anna()).status == "skipped"
    assert verified(None).status == "skipped"
    sidecar = Sidecar(id="x", stages=[Record(stage="identity", version="1", status="skipped", key="k")])
    assert verified(anna(), sidecar).status == "skipped"


def test_no_picture_is_no_verdict(photo):
    with pytest.raises(NoVerdictError, match="no picture"):
        verified(None, reference=["anna.png"])


def test_a_template_of_another_model_or_revision_is_no_verdict():
    for model, revision in (("mine", "1"), ("face-embedding-dlib", "0" * 12)):
        other = Template(model, revision, template().vectors)
        sidecar = known(Outcome("passed", notes={PRIVATE: {"template": other.to_json()}}))
        with pytest.raises(NoVerdictError, match=f"described by {model}, revision {revision}"):
            verified(anna(), sidecar)


def test_a_threshold_is_for_one_revision_of_one_model():
    for (model, revision), found in MEASURED.items():
        assert find(model).revision == revision
        assert threshold(model, revision, None) == found.distance
        low, high = found.interval
        assert low <= found.false_accepts / found.pairs <= high
    assert threshold("mine", "1", 0.7) == 0.7
    with pytest.raises(NoVerdictError, match="no threshold"):
        threshold("face-embedding-dlib", "0" * 12, None)


def test_the_key_changes_with_the_reference_and_not_with_its_place(photo):
    first = VerifyIdentity(VerifyIdentityParams(reference=["anna.png"])).revision()
    Path("moved.png").write_bytes(photo.read_bytes())
    assert VerifyIdentity(VerifyIdentityParams(reference=["moved.png"])).revision() == first
    berta().save("anna.png")
    assert VerifyIdentity(VerifyIdentityParams(reference=["anna.png"])).revision() != first
    now, before = (Identity(IdentityParams(reference=[name])).revision() for name in ("anna.png", "moved.png"))
    assert now != before


# Layers broken in turn.

REVISION = find("face-embedding-dlib").revision
KEPT = Template("face-embedding-dlib", REVISION, np.full((1, 128), 0.1, np.float32))


def held(**params: Any) -> Outcome:
    return verified(anna(), known(Outcome("passed", notes={PRIVATE: {"template": KEPT.to_json()}})), **params)


@pytest.fixture
def with_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "find", lambda pixels: [face(*UPRIGHT)])


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), MissingError("gone", hint="pip install it"), SystemExit(0)])
@pytest.mark.parametrize("layer", ["faces", "describing faces"])
def test_an_exception_is_no_verdict(monkeypatch, with_face, layer, error):
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(*((faces, "find") if layer == "faces" else (recognisers, "embeddings")), broken)
    with pytest.raises(NoVerdictError, match=f"no verdict of {layer}: ") as caught:
        held()
    assert ("pip install it" in caught.value.line()) is isinstance(error, MissingError)


def test_a_layer_that_takes_too_long_is_no_verdict(monkeypatch):
    stop = threading.Event()
    monkeypatch.setattr(faces, "find", lambda pixels: stop.wait(30) and [])
    started = time.monotonic()
    with pytest.raises(NoVerdictError, match=r"no verdict of faces: took more than 0.3 seconds"):
        held(time_limit=0.3)
    stop.set()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("value", [[float("nan")] * 128, [float("inf")] * 128, [0.1] * 127, []])
def test_a_description_that_makes_no_sense_is_no_verdict(monkeypatch, with_face, photo, value):
    class Broken:
        def compute_face_descriptor(self, chip: Any) -> list[float]:
            return value

    monkeypatch.setattr(faces, "_recogniser", lambda name: Broken())
    with pytest.raises(NoVerdictError, match="no description of a face"):
        held()
    # `identity` is no gate: there it is an invalid result of a backend, and nothing is kept.
    with pytest.raises(BackendError, match="no description of a face"):
        described("anna.png", min_face=40)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_description_for_another_number_of_faces_is_no_verdict(monkeypatch, with_face, rows):
    monkeypatch.setattr(recognisers, "embeddings", lambda *_: np.zeros((rows, 128), np.float32))
    with pytest.raises(NoVerdictError, match="not one description a face"):
        held()


@pytest.mark.parametrize("name", ["face-embedding-dlib", "face-landmarks-5"])
@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_a_model_that_is_gone_or_damaged_is_no_verdict(monkeypatch, tmp_path, photo, name, how):
    bad = tmp_path / "model.dat"
    data = bytearray(store.path_of(name).read_bytes())
    data[len(data) // 2] ^= 1
    if how != "gone":
        bad.write_bytes(bytes(data) if how == "changed" else bytes(data[:1000]))
    real = store.candidates
    monkeypatch.setattr(store, "candidates", lambda entry, file: [(bad, "here")] if entry.name == name else real(entry, file))
    faces._recogniser.cache_clear(), faces._predictor.cache_clear()
    try:
        with pytest.raises(NoVerdictError, match=f"the model {name} is needed: .*") as caught:
            held()
        assert store.command_for(find(name)) in caught.value.line()
        with pytest.raises(MissingError, match=f"the model {name} is needed"):
            described("anna.png")
    finally:
        faces._recogniser.cache_clear(), faces._predictor.cache_clear()


def test_whatever_else_fails_in_a_reference_is_an_invalid_result(monkeypatch, photo):
    monkeypatch.setattr(faces, "find", lambda pixels: 1 / 0)
    with pytest.raises(BackendError, match="ZeroDivisionError"):
        described("anna.png")
    with pytest.raises(NoVerdictError, match="no verdict of the reference"):
        verified(anna(), reference=["anna.png"])


# Other models.


@pytest.fixture
def mine(work: Path) -> str:
    """A catalogue of one's own, with an ONNX network that describes faces by their colours."""
    data = (DATA / "colours.onnx").read_bytes()
    body = {
        "task": "face-embedding", "licence": "LicenseRef-mine", "commercial": "forbidden",
        "files": [{"name": "colours.onnx", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
        "sources": [{"kind": "folder", "path": str(DATA)}],
    }  # fmt: skip
    Path("imajin.yaml").write_text("{}\n")
    Path("models.yaml").write_text(json.dumps({"mine": body}))
    return "mine"


def test_another_model_of_the_catalogue_needs_a_threshold_of_ones_own(photo, mine):
    sidecar = known(described("anna.png", model=mine))
    made = asked_for(sidecar)
    assert made is not None
    assert made.vectors.shape == (1, 48)
    assert np.linalg.norm(made.vectors) == pytest.approx(1)
    with pytest.raises(NoVerdictError, match="no threshold was measured for the model mine"):
        verified(anna(), sidecar, model=mine)
    same, other = (verified(who, sidecar, model=mine, distance=0.05) for who in (anna(), berta()))
    assert (same.status, other.status) == ("passed", "rejected")
    assert same.model is not None
    assert same.model.licence == "LicenseRef-mine"


def test_eyes_come_to_lie_where_the_template_has_them():
    pixels = np.zeros((200, 200, 3), np.uint8)
    points = ((120, 60), (110, 50), (60, 110), (70, 120), (110, 110))
    pixels[54:57, 114:117], pixels[114:117, 64:67] = (255, 0, 0), (0, 255, 0)
    chip = recognisers._aligned(pixels, face(*points))
    right, left = (np.argwhere(chip[:, :, channel] > 60).mean(axis=0) for channel in (0, 1))
    assert right == pytest.approx((51.5, 73.5), abs=1)
    assert left == pytest.approx((51.7, 38.3), abs=1)


@pytest.mark.parametrize("name", ["open-nsfw", "nothing-like-it"])
def test_a_model_that_describes_no_faces_is_refused(photo, name):
    with pytest.raises(UsageError):
        described("anna.png", model=name)


def test_the_licence_policy_holds_the_model(photo, mine, cli):
    done = cli("verify-identity", "anna.png", "--reference", "anna.png", "--model", mine, IMAJIN_RUN__LICENCE_POLICY="commercial")
    assert done.returncode == Exit.USAGE
    assert b"mine (LicenseRef-mine, commercial use forbidden)" in done.stderr


# Real processes.


def test_a_pipe_carries_the_template_and_composed_pictures_get_no_verdict(photo, sh):
    done = sh(
        'imajin identity "a portrait of a woman" --reference anna.png | tee request '
        "| imajin generate --size 256 | tee made | imajin verify-identity"
    )
    assert (done.returncode, done.stdout) == (Exit.NO_VERDICT, b""), done.stderr
    assert b"the picture is drawn" in done.stderr
    request, made = (Path(name).read_text().strip() for name in ("request", "made"))
    records = json.loads(Path(made + ".json").read_text())["stages"]
    assert [record["stage"] for record in records][-1] == "verify-identity"
    assert "anna.png" not in Path(request).read_text()
    gone = sh("imajin clean")
    assert gone.returncode == 0
    assert list(Path(".imajin/work").glob("*.json")) == []


def test_run_takes_a_reference_and_publishes_no_template(photo, cli):
    skips = [part for name in ("moderate", "semantic", "text", "quality") for part in ("--skip", name)]
    done = cli("run", "anna.png", "--reference", "anna.png", *skips, "-o", "dist", "--set", "verify-identity.distance=0.3")
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.decode().strip() + ".json").read_text()
    records = {record["stage"]: record for record in json.loads(text)["stages"]}
    assert records["identity"]["status"] == records["verify-identity"]["status"] == "passed"
    assert "float32" not in text
    assert PRIVATE not in records["identity"]["notes"]
    assert not any("float32" in path.read_text("utf-8", "replace") for path in Path("dist").iterdir())
    assert "reference" not in records["identity"]["params"]


def test_a_preset_names_the_reference(photo, cli):
    Path("who.yaml").write_text("identity:\n  reference: [anna.png]\n")
    skips = [part for name in ("moderate", "semantic", "text", "quality") for part in ("--skip", name)]
    berta().save("berta.png")
    done = cli("run", "berta.png", "-p", "who.yaml", *skips, "-o", "dist", "--set", "verify-identity.distance=0.2")
    assert (done.returncode, done.stdout) == (Exit.IDENTITY, b""), done.stderr
    assert b"another person" in done.stderr
    assert not Path("dist").exists()


@pytest.mark.slow
def test_a_template_can_be_taken_out_of_a_sidecar(photo, cli):
    berta().save("berta.png")
    assert cli("identity", "berta.png", "--reference", "anna.png").returncode == 0
    assert "float32" in Path("berta.png.json").read_text()
    assert cli("clean", "--private", "berta.png", "--dry-run").stdout == b"berta.png.json\n"
    assert "float32" in Path("berta.png.json").read_text()
    assert cli("clean", "--private", "berta.png").stdout == b"berta.png.json\n"
    left = json.loads(Path("berta.png.json").read_text())
    assert PRIVATE not in left["stages"][0]["notes"]
    assert left["stages"][0]["notes"]["references"][0]["faces"] == 1
    assert cli("clean", "--private", "berta.png").stdout == b""
    done = cli("verify-identity", "berta.png")
    assert done.returncode == Exit.NO_VERDICT
    for wrong in (("--private",), ("berta.png",), ("--private", "absent.png")):
        assert cli("clean", *wrong).returncode == Exit.USAGE


def test_only_what_is_private_is_left_out():
    record = Record(stage="identity", version="1", status="passed", notes={"a": 1, PRIVATE: {"b": 2}}, key="k")
    sidecar = Sidecar(id="x", stages=[record, record.model_copy(update={"notes": {}})])
    assert [one.notes for one in without_private(sidecar).stages] == [{"a": 1}, {}]
    assert sidecar.stages[0].notes[PRIVATE] == {"b": 2}
    bare = Sidecar(id="x")
    assert without_private(bare) is bare


def test_a_distance_of_ones_own_counts_and_one_for_another_revision_is_refused(photo, work):
    import yaml

    from imajin_cli.contract.calibration import Calibration, Rate

    gate = VerifyIdentity(VerifyIdentityParams(reference=["anna.png"]))
    rate = Rate(value=0.5, low=0.1, high=0.9)
    entry = Calibration(
        stage="verify-identity", score="face_distance", asset_class="any", revision=str(gate.model_revision("face_distance")),
        reject="above", threshold=0.001, target_false_reject=0.02, passes=30, fails=30, false_reject=rate, caught=rate,
        auc=rate, samples="0" * 64,
    )  # fmt: skip
    other = entry.model_copy(update={"revision": f"{gate.params.model} 000000000000"})
    for name, one in (("own.yaml", entry), ("other.yaml", other)):
        document = {"imajin_calibration": 1, "calibrations": [one.model_dump(mode="json", exclude_none=True)]}
        (work / name).write_text(yaml.safe_dump(document))
    again = grainy(composed("a man", 4).resize((480, 480)).resize((512, 512)))
    assert verified(again, reference=["anna.png"]).status == "passed"
    found = verified(again, reference=["anna.png"], calibration="own.yaml")
    assert (found.status, found.code) == ("rejected", Exit.IDENTITY)
    assert verified(again, reference=["anna.png"], calibration="other.yaml", distance=0.5).status == "passed"
    with pytest.raises(NoVerdictError, match="was made for revision face-embedding-dlib 000000000000") as caught:
        verified(again, reference=["anna.png"], calibration="other.yaml")
    assert "imajin calibrate FOLDER --stage verify-identity --score face_distance" in str(caught.value.hint)
