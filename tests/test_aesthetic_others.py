"""Scorers of the catalogue beside the embedded one, thresholds of one's own, and the ground of a dark theme."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from imajin_cli.contract.calibration import Calibration, Rate
from imajin_cli.contract.errors import BackendError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ParamValue, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.aesthetic import Aesthetic, AestheticParams
from imajin_cli.stages.aesthetics.look import looks_of
from imajin_cli.stages.backends import compose, preferences, scorer
from imajin_cli.stages.imaging.looks import composition
from imajin_cli.stages.imaging.looks.views import DARK
from imajin_cli.stages.scene.choose import Manner

REVISION = "hps-v2.1 0123456789ab, clip-tokenizer 0123456789ab"


def scene(seed: int = 1, theme: Any = "light") -> Image.Image:
    made, _ = compose.scene(compose.Order("an empty inbox", seed, 256, 256, Manner("spot", theme=theme)))
    return compose.picture(made.vector, 256, 256).image


def judged(image: Image.Image, sidecar: Sidecar | None = None, **params: Any) -> Outcome:
    known = sidecar or Sidecar(id="x", request=Request(prompt="an empty inbox"))
    return Aesthetic(AestheticParams(asset_class="spot", **params)).apply(Asset(known, Picture.of(image)))


def value(outcome: Outcome, name: str = "aesthetic") -> float:
    found = next(score.value for score in outcome.scores if score.name == name)
    assert found is not None
    return found


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Scorers that say what the test tells them to: a number, or an error to raise."""
    told: dict[str, Any] = {"hps": 0.3, "laion": 6.0}

    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        def score(self, image: Image.Image, prompt: str) -> float:
            assert image.mode == "RGB"
            told["prompt"] = prompt
            if isinstance(told[self.name], Exception):
                raise told[self.name]
            return float(told[self.name])

    monkeypatch.setattr(preferences, "shared", Fake)
    monkeypatch.setattr(preferences, "revision", lambda name: REVISION if name == "hps" else f"{name} 1")
    return told


def written(path: Path, **change: Any) -> str:
    """A calibration file with one entry, as `imajin calibrate` writes it."""
    rate = Rate(value=0.5, low=0.1, high=0.9)
    entry = Calibration(**{
        "stage": "aesthetic", "score": "hps", "asset_class": "spot", "revision": REVISION, "reject": "below",
        "threshold": 0.2, "target_false_reject": 0.02, "passes": 30, "fails": 30, "false_reject": rate, "caught": rate,
        "auc": rate, "samples": "0" * 64, "mean": 0.28, "spread": 0.02, **change,
    })  # fmt: skip
    path.write_text(
        yaml.safe_dump({"imajin_calibration": 1, "calibrations": [entry.model_dump(mode="json", exclude_none=True)]})
    )
    return str(path)


def test_without_a_scale_another_scorer_is_recorded_and_has_no_say(said):
    alone, beside = judged(scene()), judged(scene(), also=["hps"])
    assert value(beside, "hps") == 0.3
    assert value(beside) == value(alone)
    assert beside.notes["recorded"] == ["hps"]
    assert said["prompt"] == "an empty inbox"


def test_with_a_scale_all_weigh_the_same_in_the_open(said, tmp_path):
    scales = written(tmp_path / "c.yaml")
    alone, both = judged(scene(), threshold=-100), judged(scene(), also=["hps"], scales=scales, threshold=-100)
    z = (0.3 - 0.28) / 0.02
    assert value(both) == pytest.approx((value(alone) + z) / math.sqrt(2), abs=1e-3)
    assert both.rank == value(both)
    scorers = both.notes["scorers"]
    assert set(scorers) == {"imajin-aesthetic", "hps"}
    assert scorers["hps"] == {"z": 1.0, "weight": 0.7071}
    assert sum(one["z"] * one["weight"] for one in scorers.values()) == pytest.approx(value(both), abs=2e-3)
    said["hps"] = 0.2
    assert value(judged(scene(), also=["hps"], scales=scales, threshold=-100)) < value(alone)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"revision": "hps-v2.1 fedcba987654, clip-tokenizer absent"}, "was made for revision hps-v2.1 fedcba987654"),
        ({"asset_class": "icon"}, "no threshold for hps of spot"),
        ({"mean": None}, "says no mean and spread of hps"),
    ],
)
def test_a_scale_of_another_revision_is_refused(said, tmp_path, change, says):
    scales = written(tmp_path / "c.yaml", **change)
    with pytest.raises(NoVerdictError, match=says) as caught:
        judged(scene(), also=["hps"], scales=scales)
    assert "imajin calibrate FOLDER --stage aesthetic --score hps --asset-class spot" in str(caught.value.hint)


@pytest.mark.parametrize(
    "broken", [math.nan, math.inf, BackendError("gone wrong"), RuntimeError("fell over"), TimeoutError("late")]
)
def test_a_scorer_that_fails_is_no_verdict_and_named(said, broken):
    said["hps"] = broken
    with pytest.raises(NoVerdictError, match="hps"):
        judged(scene(), also=["laion", "hps"])


def test_one_that_was_never_pulled_is_22_with_the_command(cli):
    made = cli("generate", "an empty inbox", "--size", "96").stdout.decode().strip()
    for name, model in (("hps", "hps-v2.1"), ("image-reward", "image-reward"), ("laion", "laion-aesthetic")):
        done = cli("aesthetic", made, "--also", name, "--threshold=-100")
        assert (done.returncode, done.stdout) == (22, b"")
        assert f"imajin models pull {model}".encode() in done.stderr


def test_a_scorer_that_needs_a_prompt_and_has_none_is_no_verdict(said):
    with pytest.raises(NoVerdictError, match="no prompt is known"):
        judged(scene(), Sidecar(id="x"), also=["hps"])
    assert judged(scene(), Sidecar(id="x"), also=["laion"]).status == "passed"


def test_a_threshold_of_ones_own_counts_and_one_for_another_revision_is_refused(tmp_path):
    own = Aesthetic(AestheticParams()).model_revision("aesthetic")
    about = {"score": "aesthetic", "revision": own, "threshold": 99.0}
    found = judged(scene(), calibration=written(tmp_path / "a.yaml", **about))
    assert (found.status, found.code) == ("rejected", Exit.AESTHETIC)
    assert judged(scene(), calibration=written(tmp_path / "b.yaml", **{**about, "threshold": -99.0})).status == "passed"
    assert judged(scene(), calibration=str(tmp_path / "a.yaml"), threshold=-99).status == "passed"
    with pytest.raises(NoVerdictError, match="was made for revision 000000000000"):
        judged(scene(), calibration=written(tmp_path / "d.yaml", **{**about, "revision": "0" * 12}))
    # A combination is another model: its threshold is not that of the embedded scorer alone.
    scales = written(tmp_path / "s.yaml")
    assert Aesthetic(AestheticParams(also=["hps"], scales=scales)).model_revision("aesthetic") != own
    assert Aesthetic(AestheticParams(also=["hps"])).model_revision("aesthetic") == own


@pytest.mark.slow
def test_calibrate_writes_what_the_gate_reads(cli, work):
    for label, count in (("pass", 20), ("fail", 20)):
        (work / "labelled" / label).mkdir(parents=True)
        for seed in range(count):
            image = scene(seed)
            if label == "fail":
                image = image.resize((20, 20)).resize((256, 256), Image.Resampling.NEAREST)
            image.save(work / "labelled" / label / f"{seed}.png")
    wanted = ("--stage", "aesthetic", "--score", "aesthetic", "--asset-class", "spot")
    done = cli("calibrate", "labelled", *wanted, "--write", "c.yaml")
    assert done.returncode == 0, done.stderr
    (entry,) = yaml.safe_load((work / "c.yaml").read_text())["calibrations"]
    assert entry["score"] == "aesthetic"
    assert entry["spread"] > 0
    options = ("--asset-class", "spot", "--calibration", "c.yaml")
    assert cli("aesthetic", "labelled/pass/3.png", *options).returncode == 0
    assert cli("aesthetic", *sorted(map(str, Path("labelled/fail").glob("*.png"))), *options).returncode == 13
    (work / "c.yaml").write_text((work / "c.yaml").read_text().replace(entry["revision"], "a" * 12))
    done = cli("aesthetic", "labelled/pass/3.png", *options)
    assert done.returncode == 22
    assert b"was made for revision aaaaaaaaaaaa" in done.stderr


# The ground.


def dark(value: object = "dark") -> Sidecar:
    record = Record(stage="generate", version="1", status="changed", key="k", params={"theme": ParamValue(value=value)})
    return Sidecar(id="x", stages=[record])


def test_a_drawing_in_a_dark_theme_is_looked_at_on_a_dark_ground():
    image = scene(3, "dark")
    (own,) = looks_of(image, Sidecar(id="x"))
    (told,) = looks_of(image, dark())
    assert own.views.ground != DARK
    assert told.views.ground == DARK
    assert judged(image, dark()).notes["ground"] == "#1b1e27"
    better = [judged(scene(seed, "dark"), dark()) for seed in range(8)]
    worse = [judged(scene(seed, "dark"), Sidecar(id="x")) for seed in range(8)]
    assert np.mean([value(one) for one in better]) > np.mean([value(one) for one in worse])


def test_a_record_cannot_hide_a_drawing_on_a_dark_ground():
    # Dark ink, said to be of a dark theme: it hardly shows there, so both grounds are looked at and the worse one counts.
    ink = Image.new("RGBA", (256, 256))
    ink.paste((30, 33, 44, 255), (70, 70, 180, 180))
    own, told = judged(ink, threshold=-100), judged(ink, dark(), threshold=-100)
    assert len(looks_of(ink, dark())) == 2
    assert value(told) <= value(own)


@pytest.mark.parametrize("sidecar", [dark("light"), dark(7), dark(None), Sidecar(id="x")])
def test_other_records_change_nothing(sidecar):
    image = scene(3, "dark")
    assert value(judged(image, sidecar)) == value(judged(image, Sidecar(id="x")))


def test_an_opaque_picture_has_a_ground_of_its_own():
    image = Image.new("RGB", (256, 256), "white")
    image.paste((30, 33, 44), (70, 70, 180, 180))
    (look,) = looks_of(image, dark())
    assert not look.views.see_through
    assert "ground" not in judged(image, dark(), threshold=-100).notes


def test_best_goes_by_aesthetic_where_it_runs_and_by_quality_where_it_does_not(cli):
    fast = ("--skip", "moderate", "--skip", "semantic", "--until", "quality", "--size", "96", "--keep-work")
    for skip, stage in (((), "aesthetic"), (("--skip", "aesthetic"), "quality")):
        done = cli("run", "an empty inbox", "-n", "4", "--best", "1", *fast, *skip)
        assert done.returncode == 0, done.stderr
        ranks: dict[int, float] = {}
        for path in Path(".imajin").rglob("*.png.json"):
            known = json.loads(path.read_text())
            record = next((one for one in reversed(known["stages"]) if one["stage"] == stage), None)
            if record is not None:
                ranks[known["seed"]] = record["rank"]
        (kept,) = done.stdout.decode().split()
        assert len(ranks) == 4
        assert json.loads(Path(kept + ".json").read_text())["seed"] == max(ranks, key=lambda seed: (ranks[seed], -seed))
        for path in Path(".imajin").rglob("*"):
            if path.is_file():
                path.unlink()


@pytest.mark.parametrize("part", ["the learned scorer", "composition"])
def test_a_part_that_takes_too_long_is_no_verdict_and_named(part, monkeypatch):
    stop = threading.Event()

    def slow(*_: object) -> None:
        stop.wait(20)
        raise RuntimeError("too late to matter")

    if part == "composition":
        monkeypatch.setattr(composition, "measures", slow)
    else:
        monkeypatch.setattr(scorer.Embedded, "score", slow)
    with pytest.raises(NoVerdictError, match=f"{part} took more than 0.5 seconds"):
        judged(scene(), time_limit=0.5)
    stop.set()
