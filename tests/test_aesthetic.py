"""The aesthetic gate: what it measures, how it combines, and that a part that cannot judge is never a pass."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.aesthetic import Aesthetic, AestheticParams
from imajin_cli.stages.aesthetics import combine
from imajin_cli.stages.aesthetics.classes import CLASSES, class_of
from imajin_cli.stages.aesthetics.room import beside_text
from imajin_cli.stages.backends import compose, scorer
from imajin_cli.stages.imaging.looks import composition, features
from imajin_cli.stages.imaging.looks.views import PATCH, PATCHES, WHOLE, Views, busiest
from imajin_cli.stages.scene.choose import Manner


def art(size: int = 256, at: tuple[float, float] = (0.5, 0.5), ground: str | None = None) -> Image.Image:
    """A disc with a smaller one in it, drawn large and reduced, so that its edges are soft."""
    big = Image.new("RGBA", (size * 4, size * 4), ground or (0, 0, 0, 0))
    pen = ImageDraw.Draw(big)
    for radius, colour in ((0.3, "#3b5bdb"), (0.16, "#ffd43b")):
        x, y, r = at[0] * size * 4, at[1] * size * 4, radius * size * 4
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return big.convert("RGBa").resize((size, size), Image.Resampling.BOX).convert("RGBA")


def scene(prompt: str = "an empty inbox", seed: int = 1, layout: str = "spot", size: int = 384) -> Image.Image:
    made, _ = compose.scene(compose.Order(prompt, seed, size, size, Manner(layout)))
    return compose.picture(made.vector, size, size).image


def judged(image: Image.Image | None, sidecar: Sidecar | None = None, **params: object) -> Outcome:
    picture = None if image is None else Picture.of(image)
    return Aesthetic(AestheticParams(**params)).apply(Asset(sidecar or Sidecar(id="x"), picture))


def value(outcome: Outcome) -> float:
    found = next(score.value for score in outcome.scores if score.name == "aesthetic")
    assert found is not None
    return found


def measured(image: Image.Image) -> dict[str, float]:
    return composition.measures(Views(image).colours)


# What it says.


def test_a_composed_picture_passes_and_every_part_is_in_the_record():
    found = judged(scene(), asset_class="spot")
    assert found.status == "passed", found.reason
    assert found.rank == value(found)
    assert found.model is not None
    assert found.model.revision == scorer.revision()
    assert [score.name for score in found.scores] == ["aesthetic", *combine.PARTS]
    parts = found.notes["parts"]
    assert list(parts) == list(combine.PARTS)
    total = sum(part["weight"] * part["z"] for part in parts.values())
    mean, spread = combine.norm("spot", scorer.NAME, scorer.revision()).sum
    assert value(found) == pytest.approx((total - mean) / spread, abs=0.02)


def test_the_same_picture_gives_the_same_outcome():
    assert judged(scene(), asset_class="spot") == judged(scene(), asset_class="spot")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda i: i.convert("RGBa").filter(ImageFilter.GaussianBlur(4)).convert("RGBA"),
        lambda i: i.convert("RGBa").resize((64, 64)).resize(i.size, Image.Resampling.NEAREST).convert("RGBA"),
        lambda i: Image.fromarray(
            np.clip(np.asarray(i).astype(int) + np.random.default_rng(0).integers(-60, 60, (*i.size, 4)), 0, 255)
            .astype(np.uint8), "RGBA"),
        lambda i: i.crop((i.width // 2, 0, i.width + i.width // 2, i.height)),
        lambda i: _faint(i),
    ],
    ids=["blurred", "enlarged", "noisy", "cut off", "faint"],
)  # fmt: skip
def test_a_damaged_picture_ranks_below_its_clean_one(spoil):
    for seed in (1, 2):
        clean = scene("payment failed", seed)
        assert value(judged(clean, asset_class="spot")) > value(judged(spoil(clean), asset_class="spot"))


def _faint(image: Image.Image) -> Image.Image:
    out = image.copy()
    out.putalpha(image.getchannel("A").point([i // 8 for i in range(256)]))
    return out


def test_a_stated_threshold_counts_and_a_rejection_says_why():
    assert judged(scene(), threshold=-100).status == "passed"
    found = judged(scene(), threshold=100, asset_class="spot")
    assert (found.status, found.code) == ("rejected", Exit.AESTHETIC)
    assert "is under 100 for the class spot" in (found.reason or "")
    assert found.rank == value(found)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("RGBA", (40, 30)), "nothing to see"),
        (Image.new("RGB", (40, 30), "white"), "nothing to see"),
        (Image.new("L", (1, 1)), "too small"),
        (Image.new("RGB", (4000, 2), "red"), "too small"),
    ],
)
def test_what_shows_nothing_is_rejected(image, reason):
    found = judged(image)
    assert (found.status, found.code) == ("rejected", Exit.AESTHETIC)
    assert reason in (found.reason or "")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_and_odd_shapes_get_a_number(mode):
    for size in ((8, 8), (9, 300), (640, 11), (257, 131), (20_000, 200)):
        image = Image.linear_gradient("L").resize(size).convert(mode)
        assert math.isfinite(value(judged(image)))


def test_what_a_transparent_pixel_hides_does_not_count():
    one = art()
    two = one.copy()
    hidden = np.asarray(two).copy()
    hidden[hidden[..., 3] == 0, :3] = (255, 0, 255)
    assert value(judged(one)) == pytest.approx(value(judged(Image.fromarray(hidden, "RGBA"))), abs=0.05)


# The class.


def told(layout: str | None = None, preset: str | None = None) -> Sidecar:
    request = Request(prompt="x", preset=preset) if preset else None
    records = []
    if layout:
        records = [Record(stage="generate", version="1", status="changed", key="k", notes={"layout": layout})]
    return Sidecar(id="x", request=request, stages=records)


@pytest.mark.parametrize(
    ("sidecar", "wanted"),
    [
        (told("numerals"), ("spot", "layout")),
        (told("pattern", "icon"), ("pattern", "layout")),
        (told(None, "og-image"), ("hero", "preset")),
        (told("no such", "no such"), ("icon", "pixels")),
        (told(), ("icon", "pixels")),
    ],
)
def test_the_class_goes_by_layout_then_preset_then_pixels(sidecar, wanted):
    numbers = features.features(Views(art()))
    assert class_of(sidecar, (256, 256), numbers) == wanted


def test_pixels_tell_wide_pictures_and_photographs():
    noise = np.random.default_rng(2).integers(0, 255, (24, 24, 3), np.uint8)
    photo = Image.fromarray(noise).resize((300, 300), Image.Resampling.BICUBIC)
    assert judged(photo).notes["class"] == "photo"
    wide = Image.new("RGBA", (800, 256))
    wide.paste(art(), (270, 0))
    assert judged(wide).notes["class"] == "banner"
    assert judged(wide.crop((200, 0, 620, 256))).notes["class"] == "hero"


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_statistics_of_the_committed_weights(name):
    held = combine.norm(name, scorer.NAME, scorer.revision())
    assert -8 < held.threshold < -0.5


# Measures.


def test_balance_is_one_in_the_middle_and_falls_towards_a_corner():
    centred, shifted, corner = (measured(art(at=at))["balance"] for at in ((0.5, 0.5), (0.4, 0.5), (0.3, 0.3)))
    assert centred == pytest.approx(1, abs=0.02)
    assert centred > shifted > corner
    assert corner == pytest.approx(0.6, abs=0.03)


def test_clearance_and_cut_tell_what_runs_out_of_the_picture():
    inside, out = measured(art()), measured(art(at=(0.15, 0.5)))
    assert inside["clearance"] == pytest.approx(0.2, abs=0.02)
    assert inside["cut"] == 0
    assert out["clearance"] == 0
    assert out["cut"] > 0.05


def test_empty_and_contrast():
    found = measured(art())
    assert found["empty"] == pytest.approx(1 - math.pi * 0.09, abs=0.02)
    pale = Image.new("RGB", (128, 128), "#ffffff")
    ImageDraw.Draw(pale).rectangle((32, 32, 96, 96), fill="#d8d8d8")
    assert measured(pale)["contrast"] < 0.2 < measured(art())["contrast"]


def test_crowding_grows_with_what_is_put_in():
    one = art()
    more = Image.new("RGBA", one.size)
    for x in range(0, 256, 32):
        for y in range(0, 256, 32):
            more.alpha_composite(one.resize((32, 32)), (x, y))
    assert measured(more)["crowding"] > 1.5 * measured(one)["crowding"]


def _wheel(*hues: float) -> Image.Image:
    import colorsys

    image = Image.new("RGB", (120, 60), "white")
    for i, hue in enumerate(hues):
        rgb = tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.9, 0.8))
        ImageDraw.Draw(image).rectangle((10 + i * 100 // len(hues), 10, 9 + (i + 1) * 100 // len(hues), 50), fill=rgb)
    return image


def test_harmony_is_full_for_greys_and_neighbours_and_low_for_hues_all_round():
    grey = Image.linear_gradient("L").convert("RGB")
    assert measured(grey)["harmony"] == 1
    assert measured(_wheel(0.6, 0.62))["harmony"] > 0.98
    assert measured(_wheel(0, 0.2, 0.4, 0.6, 0.8))["harmony"] < 0.9


def test_a_mirrored_picture_has_the_same_numbers():
    image = scene(seed=5)
    one, two = (features.features(Views(i)) for i in (image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    off = {n: (one[n], two[n]) for n in one if abs(one[n] - two[n]) > 0.02 + 0.05 * abs(one[n])}
    # Blocks of a grid and lines that are read one by one begin at the left.
    assert set(off) <= {"banding", "blockiness", "crowding", "sharpness"}, off


def test_views_have_their_shapes_and_patches_show_edges():
    views = Views(art(300))
    assert views.whole().shape == (5, WHOLE, WHOLE)
    assert views.patches().shape == (PATCHES, 4, PATCH, PATCH)
    grey = np.zeros((100, 200), np.uint8)
    grey[60:90, 150:180] = np.random.default_rng(0).integers(0, 255, (30, 30))
    assert busiest(grey, 48, 1) == [(48, 144)]
    assert len(busiest(grey[:10, :10], 48, 4)) == 4


# Room for text.


def test_room_kept_for_text_is_not_judged_until_the_text_is_set():
    beside = {"boxes": {"text": [10, 10, 80, 80]}, "size": [200, 100]}
    below = {"boxes": {"text": [10, 70, 80, 20]}, "size": [100, 100]}
    sidecar = Sidecar(id="x")
    assert beside_text(beside, (400, 200), sidecar) == (180, 0, 400, 200)
    assert beside_text(below, (100, 100), sidecar) == (0, 0, 100, 70)
    done = sidecar.with_record(Record(stage="text", version="1", status="changed", key="k"))
    assert beside_text(beside, (400, 200), done) is None


@pytest.mark.parametrize(
    "scene",
    [
        {},
        {"boxes": {"text": [1, 2, 3]}, "size": [9, 9]},
        {"boxes": {"text": [0, 0, 99, 9]}, "size": [9, 9]},
        {"boxes": {"text": [0, 0, 9, 9]}, "size": [0, 9]},
        {"boxes": {"text": [0, 0, 9, 9]}, "size": [9, 9]},
        {"boxes": {"text": ["a", 0, 9, 9]}, "size": [9, 9]},
    ],
)
def test_a_scene_that_says_nothing_of_use_is_judged_whole(scene):
    assert beside_text(scene, (90, 90), Sidecar(id="x")) is None


def test_a_scene_with_room_for_text_passes():
    made, _ = compose.scene(compose.Order("page not found", 4, 640, 360, Manner("hero", aspect=16 / 9), has_text=True))
    picture = compose.picture(made.vector, 640, 360)
    found = Aesthetic(AestheticParams(asset_class="hero")).apply(Asset(Sidecar(id="x"), picture))
    assert found.status == "passed", found.reason
    assert value(found) > value(judged(picture.image, asset_class="hero"))


# Combination.


def test_no_part_decides_alone():
    weights = [weight for weight, _ in combine.PARTS.values()]
    assert sum(weights) == pytest.approx(1)
    assert max(weights) < 0.7


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from(["high", "low", "usual"]))
def test_z_keeps_the_order_and_is_bounded(a, b, side):
    one, two = combine.z_of(a, 1.0, 2.0, side), combine.z_of(b, 1.0, 2.0, side)
    better = {"high": a > b, "low": a < b, "usual": abs(a - 1) < abs(b - 1)}[side]
    if better:
        assert one >= two
    assert abs(one) < 25


# Each part broken in turn.


class Broken(scorer.Embedded):
    """A scorer whose session gives what it is told to."""

    def __init__(self, give: Callable[[], object]) -> None:
        super().__init__()
        self._session = type("Session", (), {"run": lambda self, names, feed: [give()]})()


def crash() -> object:
    raise RuntimeError("the graph fell over")


@pytest.mark.parametrize(
    ("give", "says"),
    [
        (lambda: np.array([np.nan], np.float32), "not finite"),
        (lambda: np.array([np.inf], np.float32), "not finite"),
        (lambda: np.zeros((1, 7), np.float32), r"shape \(7,\)"),
        (crash, "the graph fell over"),
    ],
)
def test_a_broken_scorer_is_no_verdict_and_named(give, says, monkeypatch):
    monkeypatch.setattr(scorer, "shared", lambda: Broken(give))
    with pytest.raises(NoVerdictError, match=says) as caught:
        judged(art())
    assert "the learned scorer" in caught.value.message


def test_missing_weights_are_no_verdict_with_the_command_that_gets_them(monkeypatch, tmp_path):
    monkeypatch.setattr(scorer, "shared", lambda: scorer.Embedded(tmp_path))
    with pytest.raises(NoVerdictError) as caught:
        judged(art())
    assert scorer.WEIGHTS in caught.value.line()
    assert "pip install" in caught.value.line()


def test_damaged_weights_are_no_verdict(monkeypatch, tmp_path):
    (tmp_path / scorer.WEIGHTS).write_bytes(b"\x08\x07 no graph")
    monkeypatch.setattr(scorer, "shared", lambda: scorer.Embedded(tmp_path))
    with pytest.raises(NoVerdictError, match="the learned scorer failed"):
        judged(art())


def test_without_onnxruntime_there_is_no_verdict(monkeypatch):
    monkeypatch.setattr(scorer, "shared", scorer.Embedded)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NoVerdictError, match="onnxruntime is not installed") as caught:
        judged(art())
    assert "pip install" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["balance", "crowding", "harmony", "contrast"])
@pytest.mark.parametrize("fault", ["nan", "crash"])
def test_a_broken_measure_is_no_verdict_and_named(name, fault, monkeypatch):
    def broken(_: object) -> float:
        if fault == "crash":
            raise ValueError("odd numbers")
        return math.nan

    monkeypatch.setattr(composition, name, broken)
    with pytest.raises(NoVerdictError, match="odd numbers" if fault == "crash" else f"{name} came out as nan"):
        judged(art())


def test_a_picture_that_cannot_be_read_is_no_verdict():
    def truncated() -> Image.Image:
        raise OSError("image file is truncated")

    picture = Picture((100, 100), truncated)
    with pytest.raises(NoVerdictError, match="reading the picture failed: OSError"):
        Aesthetic(AestheticParams()).apply(Asset(Sidecar(id="x"), picture))


def test_no_picture_is_no_verdict():
    with pytest.raises(NoVerdictError, match="no picture"):
        judged(None)


def _statistics(change: Callable[[dict], None], path: Path) -> Path:
    found = json.loads((combine.FOLDER / combine.STATISTICS).read_text())
    change(found)
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.update(revision="000000000000"), "made for imajin-aesthetic 000000000000"),
        (lambda f: f["classes"].pop("icon"), "no statistics for the class icon"),
        (lambda f: f["classes"]["icon"]["parts"].pop("harmony"), "are damaged"),
        (lambda f: f["classes"]["icon"]["parts"].update(harmony=[0.5, 0.0]), "are damaged"),
        (lambda f: f["classes"]["icon"].update(sum=[float("nan"), 1.0]), "are damaged"),
        (lambda f: f["classes"]["icon"].update(threshold=float("nan")), "is no number"),
        (lambda f: f.pop("classes"), "cannot be read"),
    ],
)
def test_statistics_that_cannot_be_used_are_no_verdict(change, says, tmp_path):
    path = _statistics(change, tmp_path / "statistics.json")
    with pytest.raises(NoVerdictError, match=says):
        combine.norm("icon", scorer.NAME, scorer.revision(), path)


def test_statistics_that_are_not_there_are_no_verdict(tmp_path):
    with pytest.raises(NoVerdictError, match="cannot be read"):
        combine.norm("icon", scorer.NAME, scorer.revision(), tmp_path / "absent.json")


def test_the_weights_are_small_and_their_card_names_them():
    assert sum(file.stat().st_size for file in scorer.FOLDER.iterdir()) < 5_000_000
    assert scorer.revision() in (scorer.FOLDER / "card.md").read_text()


# Processes.


def test_a_process_ends_with_13_and_22(cli, work):
    art().save(work / "art.png")
    assert cli("aesthetic", "art.png", "--threshold=-100").returncode == 0
    done = cli("aesthetic", "art.png", "--threshold", "100")
    assert done.returncode == Exit.AESTHETIC
    assert b"for the class icon" in done.stderr
    (work / "absent").mkdir()
    (work / "absent" / "onnxruntime.py").write_text("raise ImportError('gone')\n")
    done = cli("aesthetic", "art.png", "--threshold", "1", PYTHONPATH=f"absent:{_path()}")
    assert done.returncode == Exit.NO_VERDICT
    assert b"onnxruntime is not installed" in done.stderr


def _path() -> str:
    from conftest import environment

    return environment()["PYTHONPATH"]


def test_a_group_is_ranked_as_it_streams(cli, work):
    made = cli("generate", "an empty inbox", "-n", "3", "--size", "192").stdout.split()
    done = cli("aesthetic", "--threshold=-100", "--best", "1", stdin=b"\n".join(made))
    assert done.returncode == 0, done.stderr
    ranks = {}
    for path in made:
        sidecar = json.loads(Path(path.decode() + ".json").read_text())
        ranks[path] = next(r["rank"] for r in sidecar["stages"] if r["stage"] == "aesthetic")
    assert done.stdout.split() == [max(made, key=lambda path: ranks[path])]
