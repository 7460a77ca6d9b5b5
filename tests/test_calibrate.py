"""`imajin calibrate`: statistics against known values, thresholds, labelled input of every kind, and gates that hold them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import PLUGINS
from imajin_cli import registry
from imajin_cli.calibration.filing import place_of, read_file, write_file
from imajin_cli.calibration.fit import LEAST, Scored, calibration, fitted, rejects, threshold
from imajin_cli.calibration.samples import read_samples
from imajin_cli.calibration.statistics import area, incomplete_beta, midranks, share
from imajin_cli.config import layers
from imajin_cli.contract.calibration import ANY, Calibration, Calibrations
from imajin_cli.contract.errors import InputError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.calibration.limits import limit
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.semantic import Semantic, SemanticParams
from processes import inside

# Statistics.


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    # Exact limits: of none and of all in closed form, the others from tables of the binomial distribution.
    [(0, 20, 0.0, 1 - 0.025**0.05), (20, 20, 0.025**0.05, 1.0), (5, 10, 0.1871, 0.8129), (1, 10, 0.0025, 0.4450)],
)
def test_an_exact_interval(hits, total, low, high):
    found = share(hits, total)
    assert found.value == hits / total
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.integers(1, 40), st.data())
def test_the_interval_s_ends_leave_a_fortieth_on_either_side(total, data):
    hits = data.draw(st.integers(0, total))
    found = share(hits, total)

    def tail(p: float, counts: range) -> float:
        return sum(math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in counts)

    if hits:
        assert tail(found.low, range(hits, total + 1)) == pytest.approx(0.025, abs=1e-9)
    if hits < total:
        assert tail(found.high, range(hits + 1)) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize(("hits", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(hits, total):
    with pytest.raises(ValueError, match="no share"):
        share(hits, total)


def test_the_incomplete_beta_function_where_it_is_known():
    for x in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert incomplete_beta(1, 1, x) == pytest.approx(x)
        assert incomplete_beta(3, 1, x) == pytest.approx(x**3)
        assert incomplete_beta(2, 2, x) == pytest.approx(3 * x**2 - 2 * x**3)
    assert incomplete_beta(4000, 1000, 0.8) == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=12), st.lists(st.integers(0, 6), min_size=2, max_size=12))
def test_the_area_is_the_share_of_pairs_in_order(good, bad):
    wins = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
    found = area(good, bad)
    assert found.value == pytest.approx(wins / (len(good) * len(bad)))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert area(bad, good).value == pytest.approx(1 - found.value)


def test_the_area_s_interval_by_delong_s_own_definition():
    good, bad = [0.9, 0.8, 0.55, 0.4, 0.7], [0.5, 0.6, 0.1, 0.3]
    over = [sum((g > b) + 0.5 * (g == b) for b in bad) / len(bad) for g in good]
    under = [sum((g > b) + 0.5 * (g == b) for g in good) / len(good) for b in bad]

    def variance(values: list[float]) -> float:
        mean = sum(values) / len(values)
        return sum((v - mean) ** 2 for v in values) / (len(values) - 1)

    value = sum(over) / len(over)
    error = math.sqrt(variance(over) / len(over) + variance(under) / len(under)) / (value * (1 - value))
    logit = math.log(value / (1 - value))
    found = area(good, bad)
    assert found.low == pytest.approx(1 / (1 + math.exp(1.959964 * error - logit)), abs=1e-6)
    assert found.high == pytest.approx(1 / (1 + math.exp(-1.959964 * error - logit)), abs=1e-6)


def test_perfect_order_leaves_doubt_and_less_with_more_pictures():
    few, many = area([2.0] * 5, [1.0] * 5), area([2.0] * 200, [1.0] * 200)
    assert few.value == many.value == few.high == many.high == 1
    assert 0.5 < few.low < many.low < 1
    assert area([1.0] * 5, [2.0] * 5).low == 0
    with pytest.raises(ValueError, match="at least two"):
        area([1.0], [1.0, 2.0])


def test_the_interval_covers_the_area_that_scores_are_drawn_from():
    stream, covered = random.Random(3), 0
    true = 0.5 * (1 + math.erf(0.5))  # normal scores one deviation apart
    for _ in range(300):
        found = area([stream.gauss(1, 1) for _ in range(40)], [stream.gauss(0, 1) for _ in range(40)])
        covered += found.low <= true <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_equal_values_share_their_rank():
    assert midranks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2]


# Thresholds.


def scored(good: list[float], bad: list[float]) -> list[Scored]:
    return [
        Scored(f"{label}{i}", label == "g", value, f"{i:03}{label}" + "0" * 60)
        for label, values in (("g", good), ("b", bad))
        for i, value in enumerate(values)
    ]


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.lists(st.floats(-5, 5), max_size=40), st.floats(0, 0.9),
    st.sampled_from(["below", "above"]),
)  # fmt: skip
def test_a_threshold_never_loses_more_good_pictures_than_was_asked(good, bad, target, side):
    found = scored(good, bad)
    limit = threshold([one for one in found if one.good], found, side, target)
    lost = sum(rejects(value, limit, side) for value in good)
    assert lost <= target * len(good) + 1e-9


def test_the_threshold_lies_between_good_and_bad_and_rates_are_of_pictures_it_did_not_see():
    good, bad = [0.6 + i / 500 for i in range(100)], [0.1 + i / 500 for i in range(100)]
    found = fitted(scored(good, bad), "below", 0.0)
    assert 0.298 < found.threshold < 0.6
    assert (found.caught.value, found.false_reject.value, found.auc.value) == (1, 0, 1)
    assert found.false_reject.high == pytest.approx(0.0362, abs=1e-4)
    mirrored = fitted(scored([-v for v in good], [-v for v in bad]), "above", 0.0)
    assert mirrored.threshold == pytest.approx(-found.threshold)
    assert (mirrored.caught, mirrored.auc) == (found.caught, found.auc)


def test_cross_validated_rates_are_near_what_fresh_pictures_show():
    stream = random.Random(5)
    made = scored([stream.gauss(1, 1) for _ in range(400)], [stream.gauss(-1, 1) for _ in range(400)])
    found = fitted(made, "below", 0.1)
    fresh = [stream.gauss(1, 1) for _ in range(20_000)]
    true = sum(rejects(value, found.threshold, "below") for value in fresh) / len(fresh)
    assert found.false_reject.low <= true <= found.false_reject.high
    assert found.caught.low > 0.6


def test_order_changes_nothing_and_doubles_count_once():
    made = scored([0.5 + i / 99 for i in range(30)], [i / 99 for i in range(30)])
    assert fitted(made, "below", 0.05) == fitted([*made[::-1], *made[:7]], "below", 0.05)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ([1.0] * (LEAST - 1), [0.0] * LEAST, "19 pictures labelled pass: at least 20"),
        ([1.0] * LEAST, [0.0] * (LEAST - 1), "19 pictures labelled fail"),
        ([0.5] * LEAST, [0.5] * LEAST, "the same score"),
        ([i / 100 for i in range(LEAST)], [1 + i / 100 for i in range(LEAST)], "--reject above"),
    ],
)
def test_labels_that_no_threshold_can_come_from(good, bad, said):
    with pytest.raises(InputError) as caught:
        fitted(scored(good, bad), "below", 0.02)
    assert said in caught.value.line()


def test_a_picture_with_both_labels_is_named():
    made = scored([1.0] * 30, [0.0] * 30)
    twin = Scored("twin.png", not made[3].good, 0.4, made[3].pixels)
    with pytest.raises(InputError, match=r"g3 and twin\.png are the same picture, labelled both"):
        fitted([*made, twin], "below", 0.02)


# Labelled input.


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test gate `bright`, as an installed package gives it, within this process."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    for cached in (registry.stages, layers.section_models):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (registry.stages, layers.section_models):
        cached.cache_clear()


def pictures(folder: Path, good: int = 24, bad: int = 24) -> None:
    """Bright pictures in pass/, dark ones in fail/; no two are alike."""
    for label, count, base in (("pass", good, 150), ("fail", bad, 20)):
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (base + i, base + i, base + i)).save(place / f"{i:02}.png")


def calibrated(capfd, monkeypatch, *arguments: str) -> tuple[int, str, str]:
    return inside(capfd, monkeypatch, "calibrate", *arguments, "--stage", "bright")


def test_a_folder_becomes_a_table_and_a_file(cli, work):
    pictures(work / "labelled")
    arguments = ("calibrate", "labelled", "--stage", "bright", "--asset-class", "icon", "--write", "project")
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    assert b"bright brightness, icon pictures, revision bright-1" in done.stdout
    assert b"labelled pass / fail    24 / 24" in done.stdout
    assert not Path(".imajin").exists()
    text = Path("calibration.yaml").read_text()
    (entry,) = yaml.safe_load(text)["calibrations"]
    assert entry["reject"] == "below"
    assert 43 < entry["threshold"] < 150
    assert (entry["passes"], entry["fails"], entry["revision"]) == (24, 24, "bright-1")
    assert entry["caught"]["value"] == 1
    stamp = Path("calibration.yaml").stat().st_mtime_ns
    again = cli(*arguments, "--json")
    assert b"holds this calibration already" in again.stderr
    assert Path("calibration.yaml").stat().st_mtime_ns == stamp
    document = json.loads(again.stdout)
    assert document.pop("digest") == Calibration(**document).digest()


def test_tables_choose_a_class_and_carry_prompts(work, capfd, monkeypatch, bright):
    pictures(work / "a")
    rows = [
        (f"a/{label}/{i:02}.png", label, "icon" if i < 22 else "photo") for label in ("pass", "fail") for i in range(24)
    ]
    Path("labels.csv").write_text("file,label,class\n" + "".join(f"{f},{lab},{c}\n" for f, lab, c in rows))
    Path("labels.jsonl").write_text(
        "".join(json.dumps({"file": f, "label": lab, "class": c, "prompt": "x"}) + "\n" for f, lab, c in rows)
    )
    outs = []
    for name in ("labels.csv", "labels.jsonl"):
        code, out, err = calibrated(capfd, monkeypatch, name, "--asset-class", "icon", "--json")
        assert code == 0, err
        outs.append(json.loads(out))
    assert outs[0] == outs[1]
    assert (outs[0]["passes"], outs[0]["fails"]) == (22, 22)
    code, out, err = calibrated(capfd, monkeypatch, "labels.csv", "--asset-class", "photo")
    assert code == Exit.USAGE
    assert "at least 20" in err
    assert read_samples(Path("labels.jsonl"), ANY)[0].prompt == "x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,label\na/pass/00.png,good\n", "labels.csv:2: label must be pass or fail, not 'good'"),
        ("name,label\nx,pass\n", "no column file"),
        ("file,label\n,pass\n", "no file is named"),
        ("file,label\na/pass/00.png,pass\na/pass/../pass/00.png,fail\n", "labelled both pass and fail"),
        ("file,label\na/pass/00.png,pass\n", "no picture is labelled fail"),
        ("file,label\n", "no picture is labelled pass"),
        ('file,label\n"a/pass/00.png,pass\n', "not CSV"),
        ("file,label,class\na/pass/00.png,pass,photo\n", "no picture is of the class icon (there are: photo)"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_read_are_one_line(work, capfd, monkeypatch, bright, text, said):
    Path("labels.csv").write_text(text)
    code, out, err = calibrated(capfd, monkeypatch, "labels.csv", "--asset-class", "icon")
    assert (code, out) == (Exit.USAGE, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["[1]\n", "{\n", '"x"\n', '{"file": 3, "label": "pass"}\n', '{"file": "a", "label": "pass", "class": []}']
)
def test_lines_that_are_no_rows(work, text):
    Path("labels.jsonl").write_text(text)
    with pytest.raises(InputError):
        read_samples(Path("labels.jsonl"), ANY)


def test_bad_input_is_one_line_and_the_right_code(work, capfd, monkeypatch, bright):
    pictures(work / "ok")
    pictures(work / "one", bad=0)
    pictures(work / "broken")
    Path("broken/pass/03.png").write_text("no picture")
    pictures(work / "mixed")
    Path("mixed/fail/x.png").write_bytes(Path("mixed/pass/07.png").read_bytes())
    Path("empty").mkdir()
    for arguments, code, said in (
        (["nosuch"], 2, "no such file or folder"),
        (["empty"], 2, "empty/pass: no such folder"),
        (["one"], 2, "no picture is labelled fail"),
        (["broken"], 2, "1 of 48 pictures cannot be read"),
        (["mixed"], 2, "labelled both pass and fail"),
        (["ok", "--score", "nosuch"], 2, "48 of 48 pictures have no such score (nosuch by bright)"),
        (["ok", "--reject", "left"], 2, "write below or above"),
        (["ok", "--reject", "above"], 2, "--reject below"),
        (["ok", "--asset-class", "poster"], 2, "there are: any, icon, photo"),
        (["ok", "--set", "bright.mode=absent"], 22, "48 of 48 pictures could not be judged"),
        (["ok", "--set", "bright.mode=nan"], 22, "could not be judged"),
        (["ok", "--set", "bright.mod=nan"], 2, "did you mean mode?"),
        (["ok", "--score", "other", "--write", "x.yaml"], 2, "reads no threshold for other from a file"),
        (["ok", "--target-false-reject", "nan"], 2, ""),
    ):
        found, out, err = calibrated(capfd, monkeypatch, *arguments)
        assert (found, out) == (code, ""), (arguments, err)
        assert said in err, arguments
    assert not Path("x.yaml").exists()
    for stage, more, said in (
        ("tint", ["--score", "x"], "no gate"),
        ("nosuch", [], "there is no stage"),
        ("quality", [], "--score is needed"),
    ):
        found, _, err = inside(capfd, monkeypatch, "calibrate", "ok", "--stage", stage, *more)
        assert found == Exit.USAGE
        assert said in err


# The file.


def entry(**changes: object) -> Calibration:
    made = calibration(
        fitted(scored([0.5 + i / 99 for i in range(30)], [i / 99 for i in range(30)]), "below", 0.05),
        ("semantic", "prompt", "icon"), "abc", "below", 0.05,
    )  # fmt: skip
    return made.model_copy(update=changes)


def test_an_entry_takes_the_place_of_the_one_about_the_same_and_a_date_is_no_difference(work):
    path = Path("deep/calibration.yaml")
    assert write_file(path, entry(made="2026-01-01"))
    assert not write_file(path, entry(made="2026-02-02"))
    assert write_file(path, entry(asset_class="photo"))
    assert write_file(path, entry(threshold=0.25))
    found = read_file(path)
    assert [(one.asset_class, one.made) for one in found.calibrations] == [("icon", None), ("photo", None)]
    assert found.find("semantic", "prompt", "icon").threshold == 0.25
    assert found.find("semantic", "prompt", "drawing") is None
    assert entry(made="2026-01-01").digest() == entry().digest() != entry(threshold=0.25).digest()
    assert Calibrations(calibrations=[entry(asset_class=ANY)]).find("semantic", "prompt", "x") is not None


def test_places_of_the_file(work, tmp_path, monkeypatch):
    assert place_of("project") == Path("calibration.yaml")
    Path("imajin.yaml").write_text("")
    Path("below").mkdir()
    monkeypatch.chdir("below")
    assert place_of("project") == work / "calibration.yaml"
    assert place_of("user") == tmp_path / "home/.config/imajin/calibration.yaml"
    assert place_of("x/y.yaml") == Path("x/y.yaml")


@pytest.mark.parametrize(
    "text", ["a: [", "imajin_calibration: 2", "calibrations: 3", "other: 1", "calibrations: [{stage: x}]"]
)
def test_another_file_is_never_written_over(work, text, capfd, monkeypatch, bright):
    pictures(work / "ok")
    Path("mine.yaml").write_text(text)
    code, _, err = calibrated(capfd, monkeypatch, "ok", "--write", "mine.yaml")
    assert code == Exit.USAGE
    assert "mine.yaml" in err
    assert Path("mine.yaml").read_text() == text


# Gates.


def drawing() -> Asset:
    from PIL import ImageDraw

    image = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 76, 76), fill="#2563eb")
    return Asset(Sidecar(id="x", request=Request(prompt="a blue disc")), Picture.of(image))


def test_semantic_holds_the_prompt_to_the_calibrated_threshold_of_the_class(work):
    revision = Semantic(SemanticParams()).model_revision("prompt")
    path = Path("c.yaml")
    for asset_class, value in (("icon", 0.0), ("drawing", 1.0)):
        write_file(path, entry(asset_class=asset_class, threshold=value, revision=revision))
    outcomes = {
        asset_class: Semantic(SemanticParams(calibration="c.yaml", asset_class=asset_class)).apply(drawing())
        for asset_class in ("icon", "auto")
    }
    assert {name: outcome.status for name, outcome in outcomes.items()} == {"icon": "passed", "auto": "rejected"}
    assert outcomes["icon"].scores[0].threshold == 0.0
    assert outcomes["icon"].notes["judged"]
    # A threshold that is given wins.
    assert Semantic(SemanticParams(calibration="c.yaml", threshold=0.0)).apply(drawing()).status == "passed"


def test_a_calibration_is_part_of_the_key_of_a_gate_s_work(work):
    for stage in (Semantic(SemanticParams(calibration="c.yaml")), Moderate(ModerateParams(calibration="c.yaml"))):
        Path("c.yaml").unlink(missing_ok=True)
        seen = {stage.revision()}
        for value in (0.1, 0.2):
            write_file(Path("c.yaml"), entry(threshold=value))
            seen.add(stage.revision())
        assert len(seen) == 3


def test_a_threshold_for_another_revision_is_no_verdict_and_the_command_is_named(work):
    write_file(Path("c.yaml"), entry(asset_class="drawing", revision="older"))
    with pytest.raises(NoVerdictError) as caught:
        Semantic(SemanticParams(calibration="c.yaml")).apply(drawing())
    again = "imajin calibrate FOLDER --stage semantic --score prompt --asset-class drawing --write c.yaml"
    assert "made for revision older" in caught.value.message
    assert caught.value.hint == again


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "cannot be read"), (b"{}", "has no threshold"), (b"", "no calibration file"),
        (b"a: [", "no calibration file"), (b"\xff\xfe", "no calibration"),
        (b"a: &x 1\nb: *x\n", "no calibration file"), (b"imajin_calibration: 9", "no calibration file"),
        (b"#" * (1 << 20) + b"##", "larger than"), (b"!!python/object/apply:os.getcwd []", "no calibration file"),
    ],
)  # fmt: skip
def test_a_calibration_that_cannot_be_used_is_no_verdict(work, data, said):
    if data is not None:
        Path("c.yaml").write_bytes(data)
    with pytest.raises(NoVerdictError) as caught:
        limit("c.yaml", stage="semantic", score="prompt", asset_class="icon", revision="abc")
    assert said in caught.value.message
    assert "imajin calibrate" in (caught.value.hint or "")


def test_moderate_takes_its_threshold_and_refuses_one_for_another_revision(work):
    stage = Moderate(ModerateParams(calibration="c.yaml"))
    revision = stage.model_revision("nsfw")
    about = {"stage": "moderate", "score": "nsfw", "asset_class": "drawing", "reject": "above"}
    write_file(Path("c.yaml"), entry(**about, revision=revision, threshold=0.0))
    outcome = stage.apply(drawing())
    assert (outcome.status, outcome.scores[0].threshold) == ("rejected", 0.0) or "NSFW_EXPLICIT" in outcome.notes[
        "flags"
    ]
    write_file(Path("c.yaml"), entry(**about, revision=revision, threshold=0.99))
    assert stage.apply(drawing()).status == "passed"
    write_file(Path("c.yaml"), entry(**about, revision="older", threshold=0.99))
    outcome = stage.apply(drawing())
    assert (outcome.status, outcome.code) == ("error", Exit.NO_VERDICT)
    assert "imajin calibrate FOLDER --stage moderate --score nsfw --asset-class drawing" in outcome.reason
