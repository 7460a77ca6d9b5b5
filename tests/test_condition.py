"""The condition stage: what each kind of map shows, where it is kept, and what is refused."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from conftest import ROOT
from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.maps import INIT, KINDS, maps_of
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import MapRef, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.condition import Condition
from imajin_cli.stages.conditioning import clothing, poses
from imajin_cli.stages.conditioning import given as brought
from imajin_cli.stages.conditioning.params import ConditionParams
from imajin_cli.stages.conditioning.presets import PRESETS
from imajin_cli.stages.conditioning.scene import class_of
from imajin_cli.stages.imaging.control import edges
from imajin_cli.stages.imaging.control.labels import ADE20K, LIP
from imajin_cli.stages.imaging.control.relief import depth_map, normal_map
from imajin_cli.stages.imaging.control.skeleton import COLOURS, LIMBS, NAMES, draw

GOLDENS = Path(__file__).parent / "goldens"
PHOTO = ROOT / "docs" / "pictures" / "photo.jpg"
LINES = ("canny", "softedge", "lineart", "scribble")
DRAWN = ("standing", "sitting", "walking", "running")


def shapes(size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A dark disc and a pale square on white."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 80, 80), fill="#203050")
    pen.rectangle((100, 40, 140, 100), fill="#e0c080")
    return image


def condition(
    picture: Image.Image | Picture | None = None, request: Request | None = None, **params: object
) -> Outcome:
    known = Sidecar(id="x", request=request)
    shown = Picture.of(picture) if isinstance(picture, Image.Image) else picture
    return Condition(ConditionParams.model_validate(params)).apply(Asset(known, shown, "asset"))


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def pixels(outcome: Outcome, kind: str) -> np.ndarray:
    return np.asarray(outcome.maps[kind].picture.image)


# Lines and edges.


@pytest.mark.parametrize("kind", LINES)
def test_lines_stand_where_shapes_end_and_nowhere_else(kind):
    found = pixels(condition(shapes(), kind=[kind]), kind)
    assert found.shape == (120, 160)
    assert found.dtype == np.uint8
    rows, columns = np.indices(found.shape)
    rim = np.abs(np.hypot(columns - 50, rows - 50) - 30)
    corner = np.maximum(np.abs(columns - 120) - 20, np.abs(rows - 70) - 30)
    off = np.minimum(rim, np.abs(corner))
    assert found[off > 9].max() < 26
    # Most of the disc's rim has a line within two pixels.
    for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
        x, y = round(50 + 30 * math.cos(angle)), round(50 + 30 * math.sin(angle))
        assert found[y - 2 : y + 3, x - 2 : x + 3].max() > 90, (kind, angle)


@pytest.mark.parametrize("kind", LINES)
def test_an_empty_picture_has_no_lines(kind):
    assert not pixels(condition(Image.new("RGB", (64, 48), "teal"), kind=[kind]), kind).any()


def test_colours_of_the_same_lightness_are_told_apart():
    image = Image.new("RGB", (96, 96), (200, 0, 0))
    # 0.299 * 200 of red is as light as 0.587 * 102 of green.
    image.paste((0, 102, 0), (48, 0, 96, 96))
    for kind in ("softedge", "lineart", "scribble"):
        assert pixels(condition(image, kind=[kind]), kind)[48, 44:52].max() > 60, kind


def test_a_contour_in_soft_edges_stands_once_and_a_stronger_one_is_brighter():
    image = Image.new("RGB", (128, 128), "white")
    image.paste("black", (0, 0, 40, 128))
    image.paste("#e8e8e8", (90, 0, 128, 128))
    row = edges.soft_edges(np.asarray(image))[64].astype(int)
    peaks = [x for x in range(1, 127) if row[x] > row[x - 1] and row[x] >= row[x + 1] and row[x] > 30]
    assert len(peaks) == 2
    # The strong one is saturated: its line begins a little before its middle.
    assert abs(peaks[0] - 39.5) <= 2
    assert abs(peaks[1] - 89.5) <= 1
    assert row[peaks[0]] > row[peaks[1]] + 40


def test_a_scribble_is_thick_and_black_and_white():
    found = pixels(condition(shapes(), kind=["scribble"]), "scribble")
    assert set(np.unique(found)) == {0, 255}
    thin = edges.strokes(np.asarray(shapes()))
    assert found[thin].mean() > 250
    assert (found > 0).sum() > 2 * thin.sum()


@example(1, 1, "softedge", "L")
@example(1, 40, "lineart", "RGB")
@example(40, 1, "scribble", "RGBA")
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(LINES), st.sampled_from(["L", "LA", "RGB", "RGBA"]))
def test_pictures_of_every_size_and_mode_have_maps_of_their_size(width, height, kind, mode):
    noise = np.random.default_rng(width * 100 + height).integers(0, 255, (height, width, 4), np.uint8)
    done = condition(Image.fromarray(noise, "RGBA").convert(mode), kind=[kind])
    assert done.maps[kind].picture.size == (width, height)
    assert done.maps[kind].picture.image.mode == "L"


def test_a_map_is_no_larger_than_was_said_and_never_scaled_up():
    assert condition(shapes((800, 400)), kind=["canny"], side=200).maps["canny"].picture.size == (200, 100)
    assert condition(shapes((300, 200)), kind=["canny"]).maps["canny"].picture.size == (300, 200)


def test_a_light_drawing_that_is_see_through_is_seen():
    image = Image.new("RGBA", (80, 80))
    ImageDraw.Draw(image).ellipse((20, 20, 60, 60), fill=(255, 255, 255, 255))
    assert pixels(condition(image, kind=["canny"]), "canny").any()


def test_canny_goes_by_its_thresholds():
    faint = Image.new("RGB", (64, 64), (128, 128, 128))
    faint.paste((140, 140, 140), (32, 0, 64, 64))
    assert not pixels(condition(faint, kind=["canny"]), "canny").any()
    assert pixels(condition(faint, kind=["canny"], low=10, high=30), "canny").any()
    with pytest.raises(UsageError, match="--low 300 is above --high 200"):
        condition(faint, kind=["canny"], low=300)


# Poses.


def test_colours_limbs_and_names_are_openposes():
    assert (len(NAMES), len(COLOURS), len(LIMBS)) == (18, 18, 17)
    assert COLOURS[0] == (255, 0, 0)
    assert COLOURS[1] == (255, 85, 0)
    assert COLOURS[17] == (255, 0, 85)
    assert NAMES[2] == "right shoulder"
    assert NAMES[13] == "left ankle"
    assert LIMBS[0] == (1, 2)
    assert LIMBS[-1] == (15, 17)


@pytest.mark.parametrize("name", DRAWN)
def test_a_preset_looks_as_it_did(name, rewrite_goldens):
    image = condition(request=Request(prompt="x", size=["128x192"]), pose=name).maps["pose"].picture.image
    path = GOLDENS / f"pose-{name}.png"
    if rewrite_goldens:
        image.save(path, optimize=True)
    golden = opened(path)
    assert golden.size == image.size
    assert np.asarray(ImageChops.difference(golden, image), float).mean() < 0.2


def test_the_comparison_with_a_golden_can_fail():
    image = condition(request=Request(prompt="x", size=["128x192"]), pose="walking").maps["pose"].picture.image
    golden = opened(GOLDENS / "pose-running.png")
    assert np.asarray(ImageChops.difference(golden, image), float).mean() > 1


@settings(max_examples=40, deadline=None)
@given(st.integers(40, 700), st.integers(40, 700), st.sampled_from(DRAWN))
def test_a_preset_is_whole_on_every_canvas_and_keeps_its_proportions(width, height, name):
    (person,) = poses.on_canvas(poses.named(name, (width, height)), (width, height))
    there = [point for point in person if point is not None]
    assert len(there) >= 17
    assert all(0 < x < width and 0 < y < height for x, y in there)
    thigh, shin = math.dist(person[8], person[9]), math.dist(person[9], person[10])
    own = PRESETS[name].points
    assert thigh / shin == pytest.approx(math.dist(own[8], own[9]) / math.dist(own[9], own[10]), rel=1e-6)


@pytest.mark.parametrize("size", [(64, 96), (512, 512), (1800, 900)])
def test_joints_are_drawn_in_their_colours_at_their_places(size):
    points = [None] * 18
    points[0], points[1] = (size[0] * 0.5, size[1] * 0.2), (size[0] * 0.5, size[1] * 0.6)
    found = np.asarray(draw([points], size))
    assert found.shape == (size[1], size[0], 3)
    for index in (0, 1):
        x, y = points[index]
        assert np.abs(found[int(y), int(x)].astype(int) - COLOURS[index]).max() < 30
    assert found[round(size[1] * 0.4), round(size[0] * 0.5)].max() > 100
    assert not found[: round(size[1] * 0.1)].any()


def test_people_of_a_preset_have_the_proportions_of_people():
    own = PRESETS["standing"].points
    height = own[10][1] - own[0][1]
    assert own[1][1] < own[8][1] < own[9][1] < own[10][1]
    assert math.dist(own[8], own[9]) == pytest.approx(math.dist(own[9], own[10]), rel=0.1)
    assert math.dist(own[2], own[5]) / height == pytest.approx(0.245, abs=0.03)
    for a, b in ((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (14, 15), (16, 17)):
        # Standing people are their own mirror image.
        assert own[a][0] == pytest.approx(-own[b][0])
        assert own[a][1] == own[b][1]


def test_points_written_out_are_drawn_where_they_are():
    text = "0.5,0.2 0.5,0.4 " + "- " * 16
    done = condition(request=Request(prompt="x", size=["100x100"]), pose=text)
    assert done.notes["from"] == {"pose": "points"}
    rows, columns = np.nonzero(pixels(done, "pose").max(axis=2) > 40)
    assert columns.min() >= 48
    assert columns.max() <= 52
    assert rows.min() in range(18, 21)
    assert rows.max() in range(40, 43)


def openpose(points: list[tuple[float, float, float]], **canvas: object) -> str:
    return json.dumps({"people": [{"pose_keypoints_2d": [v for point in points for v in point]}], **canvas})


def test_openposes_own_file_is_read_with_18_and_with_25_points(work):
    eighteen = [(10.0 * i, 5.0 * i, 0.9) for i in range(18)]
    eighteen[4] = (0.0, 0.0, 0.0)
    (person,) = poses.from_json(openpose(eighteen, canvas_width=200, canvas_height=100).encode(), "a").people
    assert person[3] == (0.15, 0.15)
    assert person[4] is None
    more = [(float(i), float(i), 1.0) for i in range(25)]
    (person,) = poses.from_json(openpose(more, canvas_width=100, canvas_height=100).encode(), "a").people
    # The hip of BODY_25 that COCO has not is left out.
    assert [round(point[0] * 100) for point in person] == [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
    ]
    Path("pose.json").write_text(openpose(more, canvas_width=100, canvas_height=200))
    assert condition(request=Request(prompt="x", size=["64x64"]), pose="pose.json").notes["people"] == 1


POINTS = "0.1,0.1 " * 18


@pytest.mark.parametrize(
    ("pose", "said"),
    [
        ("0.1,0.1 0.2,0.2", "2 points, and OpenPose has 18"),
        (POINTS.replace("0.1,0.1", "x,0.1", 1), "is no point"),
        (POINTS.replace("0.1,0.1", "nan,0.1", 1), "a point is no number"),
        (POINTS.replace("0.1,0.1", "9,0.1", 1), "far outside"),
        ("- " * 17 + "0.5,0.5", "at least two points"),
        ("{}", "18 keypoints"),
        ("[[1]]", "holds no people"),
        ('{"people": []}', "0 people"),
        ('{"keypoints": [1]}', "18 keypoints"),
        (json.dumps({"keypoints": [[5, 5]] * 18}), "canvas is not said"),
        (json.dumps({"keypoints": [["a", 5]] * 18}), "a point is"),
        (json.dumps([{"keypoints": [[0.5, 0.5]] * 18}] * 40), "40 people"),
        ("[" * 3000, "neither a picture nor JSON"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "3 values"),
        ('{"people": [{"pose_keypoints_2d": [' + "1e999," * 53 + "1]}]}", "54 values"),
        ("missing.json", "cannot be read"),
        ("folder", "cannot be read"),
        ("text.json", "neither a picture nor JSON"),
    ],
)
def test_a_pose_that_is_none_is_an_input_error(work, pose, said):
    Path("folder").mkdir()
    Path("text.json").write_text("{ no")
    with pytest.raises(InputError, match=said):
        condition(request=Request(prompt="x"), pose=pose)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["people", "keypoints", "pose_keypoints_2d", "canvas_width"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_json_of_any_shape_is_a_pose_or_an_input_error(value):
    try:
        found = poses.from_json(json.dumps(value).encode(), "file")
    except InputError:
        return
    assert 1 <= len(found.people) <= poses.MAX_PEOPLE


# Clothing.


def test_clothing_covers_the_parts_that_it_names():
    def labels(*texts: str, palette: str = "lip") -> np.ndarray:
        done = condition(
            request=Request(prompt="x", size=["200x300"]), pose="standing", clothing=list(texts), palette=palette
        )
        return pixels(done, "segmentation")

    def share(found: np.ndarray, colour: tuple[int, int, int]) -> float:
        return float((found == colour).all(axis=2).mean())

    bare = labels("hands=gloves")
    assert share(bare, LIP["upper clothes"]) == 0
    shirt, tee, vest = (labels(f"torso={words}") for words in ("a green shirt", "white t-shirt", "vest"))
    arms = LIP["left arm"]
    assert share(shirt, arms) < share(tee, arms) < share(vest, arms)
    assert share(labels("torso=red jacket"), LIP["coat"]) > 0.05
    trousers, shorts = labels("legs=blue jeans"), labels("legs=shorts")
    assert share(trousers, LIP["trousers"]) > 1.5 * share(shorts, LIP["trousers"]) > 0
    skirt = labels("legs=long skirt")
    middle = skirt[round(300 * 0.6), 100]
    assert tuple(middle) == LIP["skirt"]
    assert tuple(trousers[round(300 * 0.62), 100]) == LIP["background"]
    ade = labels("torso=jacket", palette="ade20k")
    assert {tuple(colour) for colour in ade.reshape(-1, 3)} == {ADE20K["wall"], ADE20K["person"], ADE20K["apparel"]}


def test_clothing_is_recorded_with_its_words_and_makes_a_pose_map_only_when_asked():
    done = condition(request=Request(prompt="x"), pose="walking", clothing=["torso=red jacket", "feet=boots"])
    assert sorted(done.maps) == ["pose", "segmentation"]
    assert done.notes["clothing"] == {"torso": "red jacket", "feet": "boots"}
    assert done.maps["segmentation"].fit == "contain"


@pytest.mark.parametrize(
    "texts", [["torso"], ["torso="], ["tail=bow"], ["=red"], ["body=dress", "legs=jeans"], ["torso=" + "x" * 101]]
)
def test_clothing_that_makes_no_sense_is_a_usage_error(texts):
    with pytest.raises(UsageError, match="--clothing"):
        condition(request=Request(prompt="x"), pose="standing", clothing=texts)


def test_clothing_without_anybody_is_a_usage_error():
    with pytest.raises(UsageError, match="needs a pose"):
        condition(request=Request(prompt="x"), clothing=["torso=jacket"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.tuples(st.floats(-1, 2), st.floats(-1, 2)), min_size=18, max_size=18), st.data())
def test_any_pose_can_be_dressed(points, data):
    from imajin_cli.stages.conditioning import figure

    texts = data.draw(st.sampled_from([["body=dress", "head=hat"], ["torso=coat", "legs=skirt", "feet=boots"], []]))
    canvas = Image.new("RGB", (60, 40))
    worn = {part: garment for part, (_, garment) in clothing.worn(texts).items()}
    placed = [None if point is None else (point[0] * 60, point[1] * 40) for point in points]
    figure.draw(ImageDraw.Draw(canvas), placed, worn, clothing.palette_of("lip"))


def test_the_lip_palette_is_pascal_vocs():
    assert list(LIP.values())[:6] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]
    assert len(set(LIP.values())) == 20
    assert len(set(ADE20K.values())) == len(ADE20K)


# A scene's layers.


@pytest.fixture(scope="module")
def scene() -> Picture:
    from imajin_cli.stages.generate import Generate, GenerateParams

    stage = Generate(GenerateParams(backend="compose", background="tint", layout="spot"))
    job = next(iter(stage.plan(Request(prompt="a friendly robot looking for a lost page", size=["256x256"]))))
    picture = stage.make(job).picture
    assert picture is not None
    return picture


def test_a_layout_is_a_segmentation_its_edges_and_the_picture_itself(scene):
    done = condition(scene, kind=["layout"])
    assert sorted(done.maps) == ["canny", INIT, "segmentation"]
    assert done.notes["classes"][0] == "wall"
    alpha = np.asarray(render(scene.vector.layers["subject"], 256, 256).getchannel("A"))
    labels = pixels(done, "segmentation")
    subject = labels[alpha > 250]
    # What stands before it aside, the subject is of one class and nothing behind it is.
    colours, counts = np.unique(subject, axis=0, return_counts=True)
    assert counts.max() / counts.sum() > 0.9
    main = colours[counts.argmax()]
    assert (labels[alpha == 0] == main).all(axis=1).mean() < 0.15
    assert done.maps[INIT].picture.image.mode == "RGB"


def test_nearer_layers_are_nearer_and_what_bulges_faces_outwards(scene):
    done = condition(scene, kind=["depth", "normal"])
    near = pixels(done, "depth").astype(int)
    background = np.asarray(scene.image.convert("RGB"))[2, 2]
    assert near[2, 2] == 0, background
    x, y, wide, high = scene.vector.scene["boxes"]["subject"]
    assert near[y : y + high, x : x + wide].max() > 200
    facing = pixels(done, "normal").astype(int)
    # Flat ground looks at the viewer.
    assert np.abs(facing[2, 2] - (128, 128, 255)).max() <= 1
    # Left rims are redder than right ones, upper ones greener than lower ones.
    left, right = facing[:, x : x + wide // 2, 0].max(), facing[:, x + wide // 2 : x + wide, 0].min()
    assert left > 140
    assert right < 115
    assert facing[..., 1].max() > 140
    assert done.notes["from"]["depth"] == "the scene's layers"


def test_a_normal_map_keeps_to_controlnets_protocol():
    rows, columns = np.indices((100, 100))
    ball = np.sqrt(np.clip(1 - ((columns - 50) ** 2 + (rows - 50) ** 2) / 40**2, 0, 1)).astype(np.float32)
    found = normal_map(ball, 40).astype(int)
    assert found[50, 20, 0] > 200, "left faces are red"
    assert found[50, 80, 0] < 60
    assert found[20, 50, 1] > 200, "upper faces are green"
    assert found[80, 50, 1] < 60
    assert found[50, 50, 2] > 250
    assert not depth_map(np.full((4, 4), 0.5, np.float32)).any()
    assert normal_map(np.zeros((1, 3), np.float32), 5).tolist() == [[[128, 128, 255]] * 3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("robot-lost", "plaything"), ("potted-plant", "plant"), ("cat-sleeping", "animal"), ("phosphor:house", "house")],
)
def test_drawings_have_classes_by_their_names(name, expected):
    assert class_of(name) == expected


def test_a_picture_without_a_scene_has_no_layout():
    with pytest.raises(InputError, match="no scene with layers"):
        condition(shapes(), kind=["layout"])


def test_a_scene_whose_description_is_nonsense_still_has_a_segmentation(scene):
    from imajin_cli.contract.picture import Vector

    for told in ({}, {"parts": 3}, {"parts": [1, {"role": "subject", "box": "x"}], "size": [0, 1]},
                 {"parts": [{"role": "subject", "name": 7, "box": [-5, -5, 9e4, 9e4]}], "size": [256, 256]}):  # fmt: skip
        vector = Vector(scene.vector.svg, told, scene.vector.layers)
        done = condition(Picture(scene.size, lambda: scene.image, vector=vector), kind=["segmentation"])
        assert len(np.unique(pixels(done, "segmentation").reshape(-1, 3), axis=0)) >= 2


# Networks that are not there.


@pytest.mark.parametrize(
    ("params", "hint"),
    [
        ({"kind": ["depth"]}, "imajin models pull depth-anything-small"),
        ({"kind": ["normal"]}, "imajin models pull depth-anything-small"),
    ],
)
def test_a_network_that_is_absent_is_20_with_the_one_command(params, hint):
    with pytest.raises(MissingError) as caught:
        condition(shapes(), **params)
    assert caught.value.hint == hint


@pytest.mark.parametrize("kind", ["pose", "segmentation"])
def test_people_in_photographs_need_a_model_that_is_named(kind):
    with pytest.raises(MissingError) as caught:
        condition(shapes(), kind=[kind])
    assert caught.value.hint in (
        "pip install imajin[background]", "imajin models pull pose", "imajin models pull selfie-matte",
    )  # fmt: skip


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2, math.pi])
def test_points_of_blazepose_come_out_where_they_are_in_the_picture(monkeypatch, turn):
    """A stand-in for the two networks: the detector says where a person is and how turned, the other where its points are."""
    from imajin_cli.stages.backends import blazepose

    size, hips, radius = (300, 200), (140.0, 90.0), 60.0
    anchors = blazepose._anchors()
    assert anchors.shape == (2254, 2)
    # The square that the detector sees: the picture in the middle of 300 x 300 pixels.
    inside = np.array([hips[0] / 300, (hips[1] + 50) / 300])
    best = int(np.abs(anchors - inside).sum(axis=1).argmin())
    rim = inside + radius / 300 * np.array([math.sin(turn), -math.cos(turn)])
    boxes = np.zeros((1, 2254, 12), np.float32)
    boxes[0, best, 2:4] = 100
    boxes[0, best, 4:6] = (inside - anchors[best]) * 224
    boxes[0, best, 6:8] = (rim - anchors[best]) * 224
    scores = np.full((1, 2254, 1), -9, np.float32)
    scores[0, best] = 3
    marks = np.full((39, 5), 9, np.float32)
    # Straight up from the hips by half the radius, for the nose; the left ear is hidden, the right ankle far outside.
    step = 2 * radius * 1.25 / 256
    marks[:, :2] = 128
    marks[0, 1] = 128 - radius / 2 / step
    marks[7, 3] = -9
    marks[28, :2] = (128, 9000)

    def run(file: str, batch: np.ndarray) -> list[np.ndarray]:
        assert batch.dtype == np.float32
        if "detection" in file:
            assert batch.shape == (1, 224, 224, 3)
            assert batch.min() >= -1
            return [boxes, scores]
        assert batch.shape == (1, 256, 256, 3)
        return [marks.reshape(1, 195), np.array([[0.9]], np.float32)]

    monkeypatch.setattr(blazepose, "_run", run)
    (person,) = blazepose.people(Image.new("RGB", size))
    wanted = (hips[0] + radius / 2 * math.sin(turn), hips[1] - radius / 2 * math.cos(turn))
    assert person[0] == pytest.approx(wanted, abs=0.01)
    assert person[8] == pytest.approx(hips, abs=0.01)
    assert person[1] == pytest.approx(hips, abs=0.01), "the neck is between the shoulders"
    assert person[17] is None
    assert person[10] is None
    scores[:] = -9
    assert blazepose.people(Image.new("RGB", size)) == []


def test_depth_is_looked_at_in_whole_patches_and_comes_out_at_the_maps_size(monkeypatch):
    from imajin_cli.stages.backends import depths

    assert depths.prepared_size((1000, 500)) == (1036, 518)
    assert depths.prepared_size((4000, 400)) == (1036, 98)
    seen = []

    class Net:
        def run(self, batch: np.ndarray) -> np.ndarray:
            seen.append(batch.shape)
            assert all(side % 14 == 0 for side in batch.shape[2:])
            return np.linspace(0, 5, batch.shape[3], dtype=np.float32)[None, None, :].repeat(batch.shape[2], 1)

    monkeypatch.setattr(depths, "network", lambda *_, **__: Net())
    done = condition(shapes((160, 80)), kind=["depth", "normal"])
    found = pixels(done, "depth")
    assert found.shape == (80, 160)
    assert found[40, 2] < 10 < 245 < found[40, 157]
    assert len(seen) == 1, "depth and normals are of one look"
    assert done.notes["from"]["normal"].startswith("the slope of the depth")
    assert done.model is not None
    assert done.model.licence == "Apache-2.0"


# Maps of one's own.


def test_a_map_that_is_brought_along_wins_and_the_record_says_so(work):
    Image.new("RGB", (30, 20), (250, 0, 0)).save("mine.png")
    done = condition(request=Request(prompt="x"), pose="standing", map=["pose=mine.png"])
    assert done.maps["pose"].picture.size == (30, 20)
    assert done.notes["from"] == {"pose": "given"}
    assert done.notes["given_instead_of"] == {"pose": "the pose that was asked for"}


@pytest.mark.parametrize("text", ["pose", "=a.png", "pose=", "tile=a.png"])
def test_a_map_needs_a_kind_and_a_file(text):
    with pytest.raises(UsageError, match="--map"):
        condition(request=Request(prompt="x"), map=[text])


def test_a_map_of_a_wrong_kind_is_a_usage_error(work):
    shapes().save("photo.png")
    with pytest.raises(UsageError, match="has colours, and a depth map has none"):
        condition(request=Request(prompt="x"), map=["depth=photo.png"])
    for name, error in (("missing.png", "cannot be read"), ("text.png", "text.png")):
        Path("text.png").write_text("no picture")
        with pytest.raises(InputError, match=error):
            condition(request=Request(prompt="x"), map=[f"depth={name}"])


def test_grey_that_jpeg_has_tinted_is_still_grey():
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (200, 200), np.uint8)
    Image.fromarray(noise).convert("RGB").save(buffer, "JPEG", quality=40)
    assert not brought.is_coloured(Image.open(buffer).convert("RGB"))
    assert brought.is_coloured(shapes())


def test_a_recipe_lists_the_networks_and_the_files(work):
    shapes().save("a.png")
    stage = Condition(ConditionParams(kind=["depth"], source="a.png", pose="a.png", map=["canny=a.png"]))
    found = [(one.kind, one.name) for one in stage.ingredients()]
    assert found == [("model", "depth-anything-small"), ("model", "pose"), *[("file", "a.png")] * 3]
    assert Condition(ConditionParams(pose="standing", kind=["canny"])).ingredients() == []
    assert Condition(ConditionParams()).revision() == "nothing"
    first = stage.revision()
    shapes((40, 40)).save("a.png")
    again = Condition(ConditionParams(kind=["depth"], source="a.png", pose="a.png", map=["canny=a.png"]))
    assert again.revision() != first


# What is kept, and where.


def test_nothing_asked_for_is_skipped():
    assert condition(shapes()).status == "skipped"
    with pytest.raises(UsageError, match="no picture to make a canny map from"):
        condition(request=Request(prompt="x"), kind=["canny"])


def test_maps_hold_as_long_as_the_record_leads_to_the_pixels():
    def digest(letter: str) -> str:
        return letter * 64

    def record(status: str, before: str, after: str, **maps: str) -> Record:
        refs = {kind: MapRef(file="a.png", sha256=digest(d), width=1, height=1) for kind, d in maps.items()}
        return Record(
            stage="s", version="1", status=status, input=digest(before), output=digest(after), key="k", maps=refs
        )

    stages = [
        record("passed", "a", "a", canny="1", depth="2"),
        record("changed", "a", "b"),
        record("passed", "b", "b", depth="3"),
    ]
    sidecar = Sidecar(id="x", stages=stages)
    assert {kind: ref.sha256[0] for kind, ref in maps_of(sidecar, digest("b")).items()} == {"canny": "1", "depth": "3"}
    assert {kind: ref.sha256[0] for kind, ref in maps_of(sidecar, digest("a")).items()} == {"canny": "1", "depth": "2"}
    assert maps_of(sidecar, digest("f")) == {}
    assert set(KINDS).isdisjoint({INIT})


def record_of(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".json").read_bytes())["stages"][-1]


def test_a_map_is_an_asset_of_its_own_that_leads_to_its_source(cli, work):
    shapes().save("photo.png")
    done = cli("condition", "photo.png", "--kind", "canny", "--kind", "scribble")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"photo.png\n"
    record = record_of(work / "photo.png")
    assert (record["stage"], record["status"]) == ("condition", "passed")
    assert record["notes"]["kinds"] == ["canny", "scribble"]
    for kind, ref in record["maps"].items():
        path = work / ".imajin" / "work" / ref["file"]
        assert str(path.relative_to(work)) in done.stderr.decode()
        own = json.loads(path.with_name(path.name + ".json").read_bytes())
        assert own["image"]["sha256"] == ref["sha256"] == own["stages"][-1]["output"]
        assert own["lineage"] == [record["input"]]
        assert own["stages"][-1]["notes"]["map"] == kind
        assert own["stages"][-1]["status"] == "changed"
        assert (ref["width"], ref["height"]) == opened(path).size
        assert brought.told_kind(str(path), path.read_bytes()) == kind
        assert brought.told_kind(str(path), b"other") is None
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.*")}
    again = cli("condition", "photo.png", "--kind", "canny", "--kind", "scribble")
    assert (again.returncode, again.stdout, again.stderr) == (0, b"photo.png\n", b"")
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.*")} == before
    # A map that was cleaned away is made again.
    gone = work / ".imajin" / "work" / record["maps"]["canny"]["file"]
    gone.unlink()
    assert cli("condition", "photo.png", "--kind", "canny", "--kind", "scribble").returncode == 0
    assert gone.is_file()
    assert len(json.loads((work / "photo.png.json").read_bytes())["stages"]) == 1


def test_as_bytes_the_map_itself_comes_out(cli, work):
    buffer = io.BytesIO()
    shapes().save(buffer, "PNG")
    done = cli("condition", "-", "--kind", "canny", stdin=buffer.getvalue())
    assert done.returncode == 0, done.stderr
    image = Image.open(io.BytesIO(done.stdout))
    assert image.mode == "L"
    assert json.loads(image.text["imajin.sidecar"])["stages"][-1]["notes"]["map"] == "canny"
    both = cli("condition", "-", "--kind", "canny", "--kind", "lineart", stdin=buffer.getvalue())
    assert (both.returncode, both.stdout) == (Exit.USAGE, b"")
    assert b"ask for one --kind" in both.stderr


def test_a_run_makes_maps_where_it_is_asked_to(cli, work):
    done = cli(
        "run",
        "a robot",
        "--size",
        "96",
        "--also",
        "condition",
        "--set",
        "condition.pose=standing",
        "--until",
        "generate",
    )
    assert done.returncode == 0, done.stderr
    known = json.loads((work / f"{done.stdout.decode().strip()}.json").read_bytes())
    record = next(one for one in known["stages"] if one["stage"] == "condition")
    assert list(record["maps"]) == ["pose"]
    assert (work / ".imajin" / "work" / record["maps"]["pose"]["file"]).is_file()
    assert "pose" not in record["params"], "a file's place is nobody's business"
    plain = cli("run", "a robot", "--size", "96", "--until", "generate", "--out-dir", "plain")
    assert not list(work.glob("plain/*pose*")), plain.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("photo.png", "--kind", "depth"), Exit.MISSING, "imajin models pull depth-anything-small"),
        (("photo.png", "--kind", "layout"), Exit.USAGE, "no scene with layers"),
        (("photo.png", "--source", "gone.png", "--kind", "canny"), Exit.USAGE, "gone.png"),
        (("a robot", "--pose", "nobody.png"), Exit.USAGE, "nobody.png"),
        (("photo.png", "--kind", "mlsd"), Exit.USAGE, "mlsd"),
    ],
)
def test_what_cannot_be_used_ends_with_one_line(cli, work, arguments, code, said):
    shapes().save("photo.png")
    done = cli("condition", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert not list(work.rglob("*canny*"))
