"""Bad anatomy: what is looked at, what is kept, what is said. Networks stand in; test_anatomy_networks.py has real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import MissingError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Record
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.anatomy import find, measure
from imajin_cli.stages.anatomy.find import Part, hull, same
from imajin_cli.stages.anatomy.mend import mended
from imajin_cli.stages.anatomy.score import KINDS, LEAST, RAMPS, score, worst
from imajin_cli.stages.backends import landmarks, litert
from imajin_cli.stages.backends.landmarks import Frame
from imajin_cli.stages.diffusion.models import Known
from imajin_cli.stages.fix_anatomy import FixAnatomy, FixAnatomyParams
from imajin_cli.stages.mending.painter import Mender, cut
from painted import ours, texture

SIZE = (240, 180)


def part(kind: str = "face", left: float = 60, value: float = 0.1, side: float = 60) -> Part:
    box = (left, 40.0, left + side, 40.0 + side)
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float32)
    return Part(kind, box, (corners,), dict.fromkeys(RAMPS[kind], 0.0), value)


def seen(values: dict[str, float]) -> Callable[[np.ndarray, object], list[Part]]:
    """Networks that see a face at the left and a hand at the right, and score each by the mean level of its pixels."""

    def parts(pixels: np.ndarray, kinds: object = None) -> list[Part]:
        found = []
        for kind, left in (("face", 40.0), ("hand", 150.0)):
            if kind in values:
                one = part(kind, left)
                level = float(pixels[one.mask(pixels.shape)].mean()) / 255
                found.append(replace(one, score=values[kind] if level < 0.9 else 0.95))
        return found

    return parts


def white(pixels: np.ndarray, mask: np.ndarray, *_: object) -> np.ndarray:
    """A painter that paints everything white, not only what it may."""
    return np.full_like(pixels, 255)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run the stage over a picture in which the stand-ins see parts of these scores, with a painter of the test's own."""

    def run(
        asset: Asset | None = None, paint: object = white, values: dict[str, float] | None = None, **params: object
    ) -> Outcome:
        monkeypatch.setattr(find, "parts", seen({"face": 0.1, "hand": 0.8} if values is None else values))
        monkeypatch.setattr(Mender, "model_for", lambda self, made: Known("sd15", None, "r1", "openrail"))
        monkeypatch.setattr(Mender, "painting", lambda self, known: paint)
        return FixAnatomy(FixAnatomyParams.model_validate(params)).apply(asset or ours(texture(SIZE)))

    return run


def test_what_is_bad_is_painted_anew_and_kept_where_its_score_rose(stage):
    asset = ours(texture(SIZE))
    outcome = stage(asset)
    assert outcome.status == "changed"
    assert outcome.reason is None
    assert (outcome.model.name, outcome.model.revision) == ("sd15", "r1")
    (fate,) = outcome.notes["painted"]
    assert (fate["kind"], fate["before"], fate["after"], fate["kept"]) == ("face", 0.1, 0.95, True)
    before, after = (np.asarray(one.image) for one in (asset.picture, outcome.picture))
    changed = (before != after).any(-1)
    face = part("face", 40.0).mask(before.shape)
    assert (after[face] == 255).all()
    # The painter painted the whole picture: only the mask and its soft edge of 5 pixels show it.
    assert not changed[:, 112:].any()
    assert not changed[:28].any()


def test_what_got_no_better_is_put_back_and_said(stage):
    asset = ours(texture(SIZE))
    outcome = stage(asset, paint=lambda pixels, *_: 255 - pixels)
    assert outcome.status == "skipped"
    assert outcome.picture is None
    assert outcome.reason == "unfixed: face (presence): its score did not rise enough (0.10 to 0.10)"
    assert next(one for one in outcome.scores if one.name == "unfixed").value == 1
    rejected = stage(asset, paint=lambda pixels, *_: 255 - pixels, unfixed="reject")
    assert (rejected.status, rejected.code, rejected.reason) == ("rejected", Exit.QUALITY, outcome.reason)


def test_a_part_that_is_better_and_still_bad_is_kept_and_said(stage):
    outcome = stage(least_face=0.97)
    assert outcome.status == "changed"
    assert outcome.reason == "unfixed: face (presence): better, and bad still (0.95)"
    assert stage(least_face=0.97, unfixed="reject").code == Exit.QUALITY


def test_the_best_of_several_tries_counts_and_each_has_a_seed_of_its_own(stage):
    seeds, prompts = [], []

    def paint(pixels: np.ndarray, mask: np.ndarray, prompt: str, seed: int) -> np.ndarray:
        seeds.append(seed)
        prompts.append(prompt)
        return np.full_like(pixels, 255 if seed == 7 else 0)

    outcome = stage(paint=paint, tries=3)
    assert outcome.status == "changed"
    assert seeds == [5, 6, 7]
    assert all("face" in prompt and "a meadow" in prompt for prompt in prompts)


def test_nothing_bad_and_nothing_there_leave_the_picture_alone(stage):
    fine = stage(values={"face": 0.9, "hand": 0.8})
    assert (fine.status, fine.reason) == ("skipped", "nothing is bad")
    assert [one.passed for one in fine.scores] == [True, True]
    empty = stage(values={})
    assert (empty.status, empty.reason) == ("skipped", "there is no face, eye or hand to look at")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (Record(stage="condition", version="1", status="passed", key="1", notes={"kind": "pose"}), "pose map"),
        (Record.model_validate({"stage": "condition", "version": "1", "status": "passed", "key": "1",
                                "maps": {"pose": {"sha256": "a" * 64, "width": 8, "height": 8}}}), "pose map"),
        (Record(stage="generate", version="1", status="changed", key="1",
                notes={"inputs": {"control": [{"model": "control-openpose"}]}}), "pose map"),
        (Record(stage="generate", version="1", status="changed", key="1",
                notes={"inputs": {"control": [{"model": "net", "kind": "pose"}]}}), "pose map"),
    ],
)  # fmt: skip
def test_where_a_pose_map_steered_nothing_is_painted(stage, record, said):
    asset = ours(texture(SIZE))
    outcome = stage(replace(asset, sidecar=asset.sidecar.with_record(record)))
    assert outcome.status == "skipped"
    assert said in outcome.reason
    depth = Record(stage="condition", version="1", status="passed", key="1", notes={"kind": "depth"})
    assert stage(replace(asset, sidecar=asset.sidecar.with_record(depth))).status == "changed"


def test_drawings_get_no_verdict(stage):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    image = texture((9, 9))
    asset = ours(image)
    scene = stage(replace(asset, picture=Picture.of(image, vector=Vector(svg))))
    assert scene.status == "skipped"
    assert scene.reason.startswith("no verdict: a composed scene")
    flat = Image.new("RGB", SIZE, "teal")
    flat.paste("orange", (20, 20, 90, 120))
    assert stage(ours(flat)).reason.startswith("no verdict: it is drawn")


def test_a_reference_persons_face_is_not_painted_anew(stage):
    asset = ours(texture(SIZE))
    record = Record(stage="identity", version="1", status="passed", key="1")
    outcome = stage(replace(asset, sidecar=asset.sidecar.with_record(record)), parts=["face", "eyes"])
    assert outcome.status == "skipped"
    assert "reference person" in outcome.reason


def test_alpha_stays(stage):
    image = texture(SIZE)
    alpha = Image.linear_gradient("L").resize(SIZE)
    image.putalpha(alpha)
    outcome = stage(ours(image))
    assert outcome.picture.image.getchannel("A").tobytes() == alpha.tobytes()


def test_eyes_of_a_bad_face_go_with_it():
    stage = FixAnatomy(FixAnatomyParams())
    face, eyes, other = part("face", 60, 0.1), part("eyes", 70, 0.1, 30), part("eyes", 160, 0.1, 30)
    assert stage._bad([face, eyes, other]) == [face, other]


def test_without_a_model_that_could_paint_it_is_a_usage_error(monkeypatch):
    monkeypatch.setattr(find, "parts", seen({"face": 0.1}))
    with pytest.raises(UsageError, match="in no catalogue") as error:
        FixAnatomy(FixAnatomyParams()).apply(ours(texture(SIZE)))
    assert "--model" in error.value.line()
    bare = ours(texture(SIZE))
    with pytest.raises(UsageError, match="no model made this picture"):
        FixAnatomy(FixAnatomyParams()).apply(replace(bare, sidecar=bare.sidecar.model_copy(update={"stages": []})))


def test_absent_networks_are_named_with_the_command_that_gets_them(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAJIN_MODELS", str(tmp_path))
    litert.opened.cache_clear()
    with pytest.raises(MissingError) as error:
        FixAnatomy(FixAnatomyParams()).apply(ours(texture(SIZE)))
    said = error.value.line()
    assert "imajin models pull face-detect-full" in said or "pip install imajin[anatomy]" in said
    stage = FixAnatomy(FixAnatomyParams())
    assert {"face-detect-full", "face-mesh", "iris", "hands"} <= set(stage.models())
    assert FixAnatomy(FixAnatomyParams(parts=["hand"])).models() == ["hands"]


# Mending.


@given(st.integers(0, 2**31), st.floats(0, 0.4), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_whatever_is_painted_nothing_outside_the_mask_changes_and_no_score_falls(seed, feather, tries):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    bad = [part("face", float(rng.uniform(-20, 70)), 0.2, float(rng.uniform(5, 40)))]

    def find_again(levels: np.ndarray) -> list[Part]:
        return [replace(bad[0], score=float(rng.uniform(0, 1)))] if rng.random() < 0.8 else []

    done, (fate,) = mended(
        pixels, bad, lambda p, m, *_: rng.integers(0, 256, p.shape, dtype=np.uint8), find_again,
        feather=feather, gain=0.05, tries=tries,
    )  # fmt: skip
    if fate.after is None:
        assert done is pixels
        assert fate.why
    else:
        assert fate.after >= 0.25
        reach = 2 + feather * 60
        box = bad[0].box
        rows, columns = np.nonzero((done != pixels).any(-1))
        assert rows.size
        assert rows.min() >= box[1] - reach
        assert columns.max() <= box[2] + reach


def test_a_part_is_the_same_by_kind_and_place():
    face = part("face", 60)
    assert same(face, [part("hand", 60), part("face", 200), part("face", 66, 0.5)]).score == 0.5
    assert same(face, [part("hand", 60), part("face", 200)]) is None
    assert same(face, []) is None


# Scores and geometry.


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_is_that_of_the_worst_measure(kind):
    good = {name: ramp.good for name, ramp in RAMPS[kind].items()}
    assert score(kind, good) == 1
    for name, ramp in RAMPS[kind].items():
        middle = {**good, name: (ramp.bad + ramp.good) / 2}
        assert score(kind, middle) == 0.5
        assert worst(kind, middle) == name
        assert score(kind, {**good, name: ramp.bad}) == 0
    assert LEAST[kind] < 0.5


@given(st.floats(-50, 150), st.floats(-50, 150), st.floats(5, 80), st.floats(-3.1, 3.1))
@settings(max_examples=40, deadline=None)
def test_what_is_cut_out_is_where_its_frame_says(x, y, side, turn):
    frame = Frame(x, y, side, turn)
    unit = np.array([[0.5, 0.5], [0, 0], [1, 0], [0, 1]], np.float32)
    placed = frame.placed(unit)
    assert np.allclose(placed[0], (x, y), atol=1e-3)
    assert np.allclose(np.hypot(*(placed[2] - placed[1])), side, rtol=1e-4)
    # Turned a quarter, the corner that follows is where this one was.
    quarter = Frame(x, y, side, turn + np.pi / 2).placed(unit)
    assert np.allclose(quarter[1], placed[2], atol=0.02 * side)


def test_a_cut_shows_the_pixels_of_its_frame():
    pixels = np.asarray(texture((200, 160)))
    part_ = landmarks.cut_out(pixels, Frame(100, 80, 64, 0), 64)
    assert np.abs(part_ * 255 - pixels[48:112, 68:132]).max() < 1
    turned = landmarks.cut_out(pixels, Frame(100, 80, 64, np.pi / 2), 64)
    assert np.abs(turned * 255 - np.rot90(pixels[48:112, 68:132])).max() < 1.5
    assert landmarks.cut_out(pixels, Frame(-300, -300, 64, 0), 64).max() == 0
    small = landmarks.cut_out(pixels, Frame(100, 80, 128, 0), 32)
    assert np.abs(small.mean() * 255 - pixels[16:144, 36:164].mean()) < 2


def test_people_have_peoples_hands():
    mm = measure._BONES
    world = np.zeros((21, 3), np.float32)
    for finger, lengths in mm.items():
        chain = measure.FINGERS[finger]
        direction = np.array([0.2 * (finger - 2.5), -1, 0]) / np.hypot(0.2 * (finger - 2.5), 1)
        for at, length in enumerate(lengths):
            world[chain[at + 1]] = world[chain[at]] + direction * length / 1000
    assert measure.bones(world) < 1e-3
    assert measure.bones(world * 1.4) < 1e-3
    assert measure.crossed(world) == 0
    swapped = world.copy()
    swapped[[8, 12]] = swapped[[12, 8]]
    assert measure.crossed(swapped) == 1
    longer = world.copy()
    longer[12] = longer[11] + 6 * (longer[12] - longer[11])
    assert measure.bones(longer) > 0.3


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_hull_holds_all_points(points):
    given_ = np.asarray(points, np.float32)
    found = hull(given_)
    assert {tuple(map(float, p)) for p in found} <= {tuple(map(float, p)) for p in given_}
    if len(found) > 2:
        nexts = np.roll(found, -1, axis=0)
        for point in given_:
            across = (nexts[:, 0] - found[:, 0]) * (point[1] - found[:, 1]) - (nexts[:, 1] - found[:, 1]) * (
                point[0] - found[:, 0]
            )
            assert across.min() > -1e-3


@given(st.integers(0, 99), st.integers(0, 79), st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_cut_for_painting_holds_the_mask_and_lies_inside_the_picture(x, y, wide, high):
    mask = np.zeros((80, 100), bool)
    mask[y : y + high, x : x + wide] = True
    left, top, right, bottom = cut(mask)
    assert 0 <= left < right <= 100
    assert 0 <= top < bottom <= 80
    assert mask[top:bottom, left:right].sum() == mask.sum()


def test_the_command_skips_a_composed_scene(sh):
    done = sh('imajin generate "a smiling woman" --size 96 | imajin fix-anatomy --json')
    assert done.returncode == 0, done.stderr
    assert b"skipped" in done.stdout
