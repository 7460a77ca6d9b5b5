"""The moderate gate: its flags and fixed rules, its switches, the rule that has none, and how it explains itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Record, Request, Score, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.models import store
from imajin_cli.stages.backends import ages, faces, miniclip, opennsfw
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.imaging.pdq import pdq
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation import rule
from imajin_cli.stages.moderation.model import Finding, Flag
from imajin_cli.stages.moderation.origin import drawn_here

LAYERS = ["hashes", "nsfw", "faces", "prohibited", "identity", "minors"]


@cache
def scene(
    prompt: str = "a lost robot", seed: int = 1, layout: str = "auto", people: str = "auto", side: int = 256
) -> Image.Image:
    stage = Generate(GenerateParams(layout=layout, people=people, background="#dde6f0"))
    made = stage.make(next(iter(stage.plan(Request(prompt=prompt, seed=seed, size=[str(side)]))))).picture
    assert made is not None
    return made.image


def avatar() -> Image.Image:
    """A drawn person whose face the detector finds."""
    return scene("a man", 4, "avatar", "always", 512)


@cache
def noisy(side: int = 256) -> Image.Image:
    """A stand-in for a photograph: nothing in it is flat, and its PDQ quality is high."""
    stream = np.random.default_rng(3)
    soft = Image.fromarray(stream.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    grain = stream.integers(-9, 10, (side, side, 3))
    return Image.fromarray(np.clip(np.asarray(soft).astype(int) + grain, 0, 255).astype(np.uint8))


def judge(image: Image.Image | None, sidecar: Sidecar | None = None, **params: Any) -> Outcome:
    picture = None if image is None else Picture.of(image)
    return Moderate(ModerateParams(**params)).apply(Asset(sidecar or Sidecar(id="x"), picture))


def score(outcome: Outcome, name: str) -> Score:
    return next(found for found in outcome.scores if found.name == name)


def composed(prompt: str = "a robot") -> Sidecar:
    record = Record(stage="generate", version="1", backend="compose", status="changed", key="k")
    return Sidecar(id="x", stages=[record], request=Request(prompt=prompt))


@pytest.fixture
def nsfw(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the classifier give a value on every ground, or these values on white, black and the checker."""

    def give(*values: float) -> None:
        monkeypatch.setattr(
            opennsfw, "likelihoods", lambda images: list(values) if len(values) > 1 else [values[0]] * len(images)
        )

    return give


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put faces of these ages into every picture; mirrored, each looks as old as it does plain."""

    def give(*years: int, mirrored: int = 0) -> None:
        def likelihoods(_: Any, there: list[Any]) -> np.ndarray:
            found = np.zeros((2 * len(there), ages.YEARS), np.float32)
            for at in range(len(there)):
                found[at, years[at]] = 1
                found[at + len(there), years[at] + mirrored] = 1
            return found

        there = [faces.Face((0, 0, 90, 90), 1.0, None) for _ in years]
        monkeypatch.setattr(faces, "find", lambda pixels: list(there))
        monkeypatch.setattr(ages, "likelihoods", likelihoods)

    return give


def hash_list(path: Path, image: Image.Image) -> str:
    path.write_text(pdq(image).hex() + "\n")
    return str(path)


def test_a_harmless_scene_passes_and_every_layer_says_what_it_saw():
    found = judge(scene(), composed())
    assert found.status == "passed", found.reason
    assert list(found.notes["layers"]) == LAYERS
    assert found.notes["flags"] == []
    assert found.notes["layers"]["hashes"]["state"] == "not configured"
    assert found.notes["layers"]["identity"]["state"] == "not configured"
    told = found.notes["layers"]["prohibited"]
    assert told["image_encoder"] == f"imajin-mini-clip {miniclip.revision()}"
    assert "weapons, drugs, hate symbols, gore" in told["recorded"]
    assert score(found, "weapons").passed is None
    assert found.notes["layers"]["nsfw"]["kind"] == "drawing"
    assert score(found, "nsfw").passed is True


def test_the_same_picture_gives_the_same_outcome():
    assert judge(avatar()) == judge(avatar())


def test_a_drawn_face_is_aged_and_said_to_be_drawn():
    found = judge(avatar())
    assert score(found, "faces").value == 1
    people = found.notes["layers"]["faces"]["faces"]
    assert score(found, "age_lowest").value == min(people[0][key] for key in people[0] if key.startswith(("mean", "median")))
    assert "drawn faces" in found.notes["layers"]["faces"]["drawn"]


# The fixed rules, with the classifiers' words given.


@pytest.mark.parametrize(
    ("picture", "value", "flag"),
    [
        (noisy, 0.39, None),
        (noisy, 0.4, "NSFW_SUGGESTIVE"),
        (noisy, 0.69, "NSFW_SUGGESTIVE"),
        (noisy, 0.7, "NSFW_EXPLICIT"),
        (scene, 0.29, None),
        (scene, 0.3, "NSFW_SUGGESTIVE"),
        (scene, 0.49, "NSFW_SUGGESTIVE"),
        (scene, 0.5, "NSFW_EXPLICIT"),
    ],
)
def test_nsfw_is_flagged_from_its_thresholds_on(nsfw, picture, value, flag):
    nsfw(value)
    found = judge(picture())
    assert found.notes["flags"] == ([flag] if flag else [])
    explicit = flag == "NSFW_EXPLICIT"
    assert (found.status, found.code) == (("rejected", Exit.UNSAFE) if explicit else ("passed", Exit.OK))


def test_the_worst_ground_counts(nsfw):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((200, 40, 40, 255), (10, 10, 50, 50))
    for values in ((0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)):
        nsfw(*values)
        found = judge(image)
        assert found.status == "rejected"
        assert list(found.notes["layers"]["nsfw"]["grounds"].values()) == list(values)
        assert list(found.notes["layers"]["nsfw"]["grounds"]) == ["white", "black", "checker"]


@pytest.mark.parametrize(("years", "flagged"), [((24,), True), ((25,), False), ((60, 24), True), ((60, 30), False), ((7,), True)])
def test_a_young_face_is_flagged_and_alone_only_recorded(aged, nsfw, years, flagged):
    aged(*years)
    nsfw(0.05)
    found = judge(noisy())
    assert found.status == "passed"
    assert found.notes["flags"] == (["POTENTIAL_MINOR"] if flagged else [])
    assert score(found, "age_lowest").passed is not flagged


def test_the_lowest_estimate_counts(aged, nsfw):
    aged(30, mirrored=-10)
    nsfw(0.05)
    found = judge(noisy())
    assert score(found, "age_lowest").value == 20
    assert found.notes["flags"] == ["POTENTIAL_MINOR"]


def test_suggestive_and_a_potential_minor_together_reject(aged, nsfw):
    aged(20)
    nsfw(0.45)
    found = judge(noisy())
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert found.notes["flags"] == ["NSFW_SUGGESTIVE", "POTENTIAL_MINOR", "MINOR_AND_SEXUAL"]
    assert "MINOR_AND_SEXUAL" in (found.reason or "")
    aged(40)
    assert judge(noisy()).status == "passed"


WEAKENED: dict[str, Any] = {
    "hashes": False,
    "nsfw": False,
    "faces": False,
    "prohibited": False,
    "identity": False,
    "minor_below": 0,
    "nsfw_explicit": 1,
    "nsfw_suggestive": 1,
    "nsfw_drawn_explicit": 1,
    "nsfw_drawn_suggestive": 1,
    "prohibited_off": ["sexual"],
    "links": True,
    "qr_codes": True,
    "encoder": "mini",
}


@pytest.mark.parametrize("picture", [noisy, scene])
def test_no_setting_removes_the_rule_on_minors(aged, nsfw, picture):
    aged(20)
    nsfw(0.45)
    found = judge(picture(), **WEAKENED)
    assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
    assert found.reason is not None
    assert found.reason.startswith("MINOR_AND_SEXUAL")


def test_every_switch_and_threshold_is_weakened_in_that_test():
    # A calibration says where explicit begins, which is weakened above.
    beside = {"calibration", "hash_lists", "hash_distance", "word_list", "deny_lists", "deny_distance", "time_limit", "explain"}
    assert set(WEAKENED) | beside == set(ModerateParams.model_fields)


def test_settings_can_make_the_rule_stricter(aged, nsfw):
    aged(30)
    nsfw(0.25)
    assert judge(noisy()).status == "passed"
    assert judge(noisy(), minor_below=35).status == "passed"
    assert judge(noisy(), minor_below=35, nsfw_suggestive=0.2).code is Exit.UNSAFE


@pytest.mark.parametrize("prompt", ["a child on a swing", "ein Kind auf einer Schaukel"])
def test_a_minor_in_words_and_a_sexual_picture_reject(nsfw, prompt):
    nsfw(0.35)
    assert judge(scene(), composed("a robot")).status == "passed"
    found = judge(scene(), composed(prompt))
    assert found.code is Exit.UNSAFE
    assert found.notes["layers"]["minors"]["signs_of_a_minor"] == ["a minor is named in words"]


def test_words_that_were_read_count_for_the_rule():
    findings = {
        "nsfw": Finding("nsfw", notes={"kind": "photo"}, scores=[Score(name="nsfw", value=0.5)]),
        "faces": Finding("faces"),
        "prohibited": Finding("prohibited", texts=["for children"]),
    }
    assert Flag.MINOR_AND_SEXUAL in rule.judge(findings, None).flags
    findings["prohibited"] = Finding("prohibited", texts=["for robots"])
    assert not rule.judge(findings, None).flags


@pytest.mark.parametrize(
    ("switch", "value", "years"), [("nsfw", 0.95, 40), ("faces", 0.05, 10)]
)
def test_a_switch_silences_a_layer_but_it_measures_all_the_same(aged, nsfw, switch, value, years):
    nsfw(value)
    aged(years)
    found = judge(noisy(), **{switch: False})
    assert found.status == "passed"
    assert found.notes["layers"][switch]["state"] == "off"
    assert len(found.notes["flags"]) == 1


def test_every_reason_is_named_at_once(aged, nsfw, work):
    aged(12)
    nsfw(0.9)
    found = judge(noisy(), hash_lists=[hash_list(work / "bad.txt", noisy())])
    assert found.notes["flags"] == ["KNOWN_BAD_HASH", "NSFW_EXPLICIT", "POTENTIAL_MINOR", "MINOR_AND_SEXUAL"]
    assert [part.split()[0] for part in (found.reason or "").split("; ") if part[0].isupper()][:3] == [
        "KNOWN_BAD_HASH", "NSFW_EXPLICIT", "MINOR_AND_SEXUAL",
    ]  # fmt: skip


# Known pictures.


def test_a_known_picture_is_rejected_also_turned_smaller_and_as_jpeg(work):
    listed = [hash_list(work / "bad.txt", noisy())]
    for image in (noisy(), noisy().transpose(Image.Transpose.ROTATE_90), noisy().resize((140, 140)), jpeg(noisy(), work)):
        found = judge(image, hash_lists=listed)
        assert (found.status, found.code) == ("rejected", Exit.UNSAFE)
        assert found.notes["flags"] == ["KNOWN_BAD_HASH"]
    assert judge(noisy().transpose(Image.Transpose.ROTATE_90), hash_lists=listed).notes["layers"]["hashes"]["match"] == {
        "list": listed[0], "entry": 1, "turn": "rotate270", "ground": "as it is",
    }  # fmt: skip
    assert judge(noisy(), hash_lists=listed, hashes=False).status == "passed"


def jpeg(image: Image.Image, folder: Path) -> Image.Image:
    image.save(folder / "a.jpg", quality=60)
    return Image.open(folder / "a.jpg").convert("RGB")


def test_another_picture_is_not_known(work):
    listed = [hash_list(work / "bad.txt", noisy().transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((90, 256)).rotate(33))]
    found = judge(noisy(), hash_lists=listed)
    assert found.status == "passed"
    assert score(found, "hash_distance").passed is True
    assert found.notes["layers"]["hashes"]["lists"] == {listed[0]: 1}


def test_a_hash_further_than_asked_is_another_picture(work):
    own = pdq(noisy()).hex()
    near = f"{int(own, 16) ^ 0b11111:064x}"
    (work / "near.txt").write_text(near + "\n")
    assert judge(noisy(), hash_lists=["near.txt"]).code is Exit.UNSAFE
    assert judge(noisy(), hash_lists=["near.txt"], hash_distance=5).code is Exit.UNSAFE
    assert judge(noisy(), hash_lists=["near.txt"], hash_distance=4).status == "passed"


def flat() -> Image.Image:
    image = Image.new("RGB", (128, 128), "white")
    image.paste((240, 240, 240), (60, 60, 70, 70))
    return image


def test_a_see_through_picture_is_as_blank_as_it_is_without_the_checker(work):
    listed = [hash_list(work / "bad.txt", noisy())]
    blank = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    assert judge(blank, hash_lists=listed).code is Exit.NO_VERDICT
    assert judge(blank, composed(), hash_lists=listed).status == "passed"


def test_a_flat_picture_has_a_verdict_only_where_it_was_drawn_here(work):
    listed = [hash_list(work / "bad.txt", noisy())]
    drawn = judge(flat(), composed(), hash_lists=listed)
    assert drawn.status == "passed"
    assert "accepted" in drawn.notes["layers"]["hashes"]["low_quality"]
    svg = Record(stage="load", version="1", status="changed", key="k", notes={"format": "SVG"})
    assert judge(flat(), Sidecar(id="x", stages=[svg]), hash_lists=listed).status == "passed"
    for record in (None, Record(stage="generate", version="1", backend="diffusers", status="changed", key="k"),
                   Record(stage="load", version="1", status="changed", key="k", notes={"format": "PNG"})):  # fmt: skip
        found = judge(flat(), Sidecar(id="x", stages=[record] if record else []), hash_lists=listed)
        assert (found.status, found.code) == ("error", Exit.NO_VERDICT)
        assert "no verdict of hashes" in (found.reason or "")
    assert judge(flat()).status == "passed"


def test_the_first_record_says_where_the_pixels_began():
    load = Record(stage="load", version="1", status="changed", key="k", notes={"format": "JPEG"})
    drawn = Record(stage="generate", version="1", backend="compose", status="changed", key="k")
    assert drawn_here(Sidecar(id="x", stages=[drawn]))
    assert not drawn_here(Sidecar(id="x", stages=[load, drawn]))
    assert not drawn_here(Sidecar(id="x"))


# How it is asked, and how it explains itself.


def test_explain_adds_a_table_of_all_layers(nsfw):
    nsfw(0.9)
    found = judge(noisy(), explain=True)
    head, *rows = found.notes["explain"]
    assert head.split() == ["layer", "state", "measured", "limit", "flags"]
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == LAYERS
    assert any("NSFW_EXPLICIT: 0.90" in row for row in rows)
    assert "explain" not in judge(noisy()).notes


def test_thresholds_in_the_wrong_order_are_refused():
    for wrong in ({"nsfw_suggestive": 0.8}, {"nsfw_drawn_explicit": 0.1}, {"hash_distance": 32}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            ModerateParams(**wrong)


def test_the_key_changes_with_the_lists_and_with_what_is_installed(work, monkeypatch):
    stage = Moderate(ModerateParams(hash_lists=["bad.txt"]))
    absent = stage.revision()
    hash_list(work / "bad.txt", noisy())
    there = stage.revision()
    (work / "bad.txt").write_text("0" * 64 + "\n" + "f" * 64 + "\n")
    changed = stage.revision()
    monkeypatch.setattr(store, "candidates", lambda entry, file: [])
    assert len({absent, there, changed, stage.revision()}) == 4


def test_a_real_process_rejects_with_11_and_says_why(cli, work):
    noisy().save("a.png")
    hash_list(work / "bad.txt", noisy())
    done = cli("moderate", "a.png", "--hash-lists", "bad.txt", "--explain")
    assert (done.returncode, done.stdout) == (Exit.UNSAFE, b""), done.stderr
    assert b"rejected by moderate: KNOWN_BAD_HASH (0 bits from entry 1 of bad.txt)" in done.stderr
    assert b"limit" in done.stderr
    known = json.loads(Path("a.png.json").read_bytes())
    assert known["verdict"]["code"] == 11
    shown = cli("show", "a.png").stdout.decode()
    assert "KNOWN_BAD_HASH" in shown
    assert "state" in shown
    passed = cli("moderate", "a.png", "--no-hashes", "--hash-lists", "bad.txt")
    assert (passed.returncode, passed.stdout) == (0, b"a.png\n"), passed.stderr


def test_a_gate_needs_a_picture():
    with pytest.raises(Exception, match="no picture to judge") as caught:
        judge(None)
    assert caught.value.code is Exit.NO_VERDICT
