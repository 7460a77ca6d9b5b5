"""Cutting pictures out: alpha that is known beforehand comes back, and what cannot be told is said to be so."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import BackendError, InputError, MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import mattes
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.imaging.matte import refine
from imajin_cli.stages.imaging.matte.ground import find_ground, outside
from imajin_cli.stages.imaging.matte.scene import without_ground
from imajin_cli.stages.imaging.svglayers import layers_of
from imajin_cli.stages.remove_background import RemoveBackground, RemoveBackgroundParams

TEAL = (20, 140, 150)


def cut(picture: Picture | Image.Image, **params: object) -> Outcome:
    given_ = picture if isinstance(picture, Picture) else Picture.of(picture)
    stage = RemoveBackground(RemoveBackgroundParams.model_validate(params))
    return stage.apply(Asset(Sidecar(id="a"), given_, "a.png"))


def scene(prompt: str = "a rocket", size: int = 256, **params: object) -> Picture:
    stage = Generate(GenerateParams.model_validate(params))
    made = stage.make(next(iter(stage.plan(Request(prompt=prompt, size=[f"{size}x{size}"])))))
    assert made.picture is not None
    return made.picture


def alpha(outcome: Outcome) -> np.ndarray:
    assert outcome.picture is not None
    return np.asarray(outcome.picture.image.getchannel("A")).astype(int)


def over(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    base = Image.new("RGBA", image.size, (*colour, 255))
    base.alpha_composite(image.convert("RGBA"))
    return base.convert("RGB")


def disc(size: int = 96, colour: tuple[int, int, int] = (220, 60, 70), *, ring: int | None = None) -> Image.Image:
    """An antialiased disc on nothing, drawn eight times as large; a ring where ``ring`` is the hole's radius."""
    big = Image.new("L", (size * 8, size * 8), 0)
    draw = ImageDraw.Draw(big)
    middle, radius = size * 4, size * 3
    draw.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], fill=255)
    if ring is not None:
        hole = ring * 8
        draw.ellipse([middle - hole, middle - hole, middle + hole, middle + hole], fill=0)
    image = Image.new("RGBA", (size, size), (*colour, 255))
    image.putalpha(big.resize((size, size), Image.Resampling.BOX))
    return image


def test_a_scene_loses_its_ground_and_stays_a_vector():
    picture, truth = scene(background="#dfe8ff"), scene(background="none")
    outcome = cut(picture)
    assert outcome.status == "changed"
    assert outcome.backend == outcome.notes["method"] == "vector"
    assert outcome.picture.image.tobytes() == truth.image.tobytes()
    assert "background" not in outcome.picture.vector.layers
    assert 'data-layer="background"' not in outcome.picture.vector.svg
    assert outcome.picture.vector.scene["background"] is None
    assert "background" in picture.vector.layers


def test_the_subject_alone_can_be_kept():
    picture = scene("page not found", background="tint")
    outcome = cut(picture, keep="subject")
    layers = set(outcome.picture.vector.layers)
    assert "subject" in layers
    assert not layers & {"background", "backdrop", "ground", "companions", "marks"}
    subject = render(picture.vector.layers["subject"], *picture.size).getchannel("A")
    assert (alpha(outcome) >= np.asarray(subject).astype(int) - 1).all()


def test_a_layer_in_two_groups_is_cut_out_whole():
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9">'
    parts = [
        f'<g data-layer="{name}"><rect x="{x}" width="3" height="9"/></g>'
        for name, x in (("marks", 0), ("subject", 3), ("marks", 6))
    ]
    svg = f"{head}{''.join(parts)}</svg>"
    layers = layers_of(svg)
    assert list(layers) == ["marks", "subject"]
    assert layers["marks"] == f"{head}{parts[0]}{parts[2]}</svg>"
    picture = Picture((9, 9), lambda: render(svg, 9, 9), vector=Vector(svg, {}, layers))
    assert cut(picture, keep="subject").picture.image.getbbox() == (3, 0, 6, 9)


def test_a_drawing_of_ones_own_loses_the_rectangle_behind_all():
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" viewBox="0 0 40 20">'
    shape = '<circle cx="20" cy="10" r="6" fill="#c33"/>'
    for rect in (
        '<rect width="40" height="20" fill="#eee"/>',
        '<rect x="-1" y="-1" width="100%" height="200%" fill="#eee"></rect>',
    ):
        svg = f"{head}{rect}{shape}</svg>"
        wide = svg.replace('width="100%"', 'width="110%"')
        picture = Picture((80, 40), lambda svg=wide: render(svg, 80, 40), vector=Vector(wide, {}, layers_of(wide)))
        outcome = cut(picture)
        assert outcome.notes["left_out"] == ["the rectangle behind all"]
        assert outcome.picture.image.tobytes() == render(f"{head}{shape}</svg>", 80, 40).tobytes()


@pytest.mark.parametrize(
    "rect",
    [
        '<rect width="39" height="20" fill="#eee"/>',
        '<rect width="40" height="20" fill="#eee" opacity=".5"/>',
        '<rect width="40" height="20" fill="none"/>',
        '<rect width="40" height="20" rx="4" fill="#eee"/>',
        '<rect width="40em" height="20" fill="#eee"/>',
    ],
)
def test_what_is_no_plain_ground_is_left_alone(rect):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" viewBox="0 0 40 20">{rect}<circle r="3"/></svg>'
    assert without_ground(Vector(svg, {}, layers_of(svg)), (40, 20), "scene") is None


def test_a_flat_ground_gives_back_the_alpha_that_was_there():
    for prompt in ("a rocket", "a smiling woman with glasses"):
        truth = scene(prompt, background="none").image
        # No part of these is teal: what is enclosed was see-through.
        outcome = cut(over(truth, TEAL), enclosed="remove")
        assert outcome.backend == "flat"
        assert outcome.notes["ground"] == "#148c96"
        off = np.abs(alpha(outcome) - np.asarray(truth.getchannel("A")).astype(int))
        assert off.sum() / 255 < 45
        assert (off > 60).sum() < 80
        for ground in ((0, 0, 0), (255, 255, 255), (255, 0, 255)):
            shown = np.abs(
                np.asarray(over(outcome.picture.image, ground)).astype(int) - np.asarray(over(truth, ground))
            )
            assert shown.mean() < 0.15, ground


@settings(max_examples=40, deadline=None)
@given(
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    ground=st.tuples(*[st.integers(0, 255)] * 3),
    ring=st.sampled_from([None, 12]),
)
def test_one_shape_in_one_colour_is_exact_on_any_ground(colour, ground, ring):
    if max(abs(a - b) for a, b in zip(colour, ground, strict=True)) < 40:
        return
    truth = disc(48, colour, ring=ring)
    outcome = cut(over(truth, ground), enclosed="remove")
    contrast = max(abs(a - b) for a, b in zip(colour, ground, strict=True))
    # One level of the picture is 255 / contrast levels of alpha.
    assert np.abs(alpha(outcome) - np.asarray(truth.getchannel("A")).astype(int)).max() <= 2 + 510 / contrast
    assert (
        np.abs(np.asarray(over(outcome.picture.image, ground)).astype(int) - np.asarray(over(truth, ground))).max() <= 4
    )


def test_there_is_no_halo_on_the_other_grounds():
    truth = disc(96, (30, 30, 34))
    done = cut(over(truth, (255, 255, 255))).picture.image
    pixels = np.asarray(done).astype(int)
    soft = (pixels[..., 3] > 30) & (pixels[..., 3] < 255)
    assert soft.sum() > 100
    assert np.abs(pixels[soft][:, :3] - np.array([30, 30, 34])).max() <= 12


def test_an_edge_blended_in_linear_light_needs_to_be_told():
    truth = disc(96, (230, 230, 230))
    light = lambda levels: (np.asarray(levels, float) / 255) ** 2.2  # noqa: E731
    share = np.asarray(truth.getchannel("A")).astype(float)[..., None] / 255
    mixed = light(np.array([230, 230, 230])) * share + light(np.array([16, 16, 16])) * (1 - share)
    image = Image.fromarray(np.round(255 * mixed ** (1 / 2.2)).astype(np.uint8))
    wanted = np.asarray(truth.getchannel("A")).astype(int)
    off = {how: np.abs(alpha(cut(image, blending=how)) - wanted).max() for how in ("srgb", "linear")}
    assert off["linear"] <= 6
    assert off["srgb"] > 40


def test_what_is_enclosed_is_kept_or_removed_as_asked_and_said():
    ring = over(disc(96, ring=16), (255, 255, 255))
    kept, removed = cut(ring), cut(ring, enclosed="remove")
    assert alpha(kept)[48, 48] == 255
    assert alpha(removed)[48, 48] == 0
    assert "kept" in kept.notes["enclosed"]
    assert "removed" in removed.notes["enclosed"]
    assert alpha(kept)[0, 0] == alpha(removed)[0, 0] == 0
    assert "enclosed" not in cut(over(disc(96), (255, 255, 255))).notes


def test_the_ground_does_not_leak_through_a_corner():
    like = np.zeros((7, 7), bool)
    like[:3], like[3:6, 3:6] = True, True
    like[2, 2:], like[3, 3:6] = False, False
    # Two cells that touch at a corner alone, and a spiral that has to be followed all the way.
    corner = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], bool)
    padded = np.zeros((6, 6), bool)
    padded[:4, :4] = corner
    assert outside(padded)[:2, :2].all()
    assert not outside(padded)[2, 2]
    spiral = np.array(
        [
            [1, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 1, 0],
            [0, 1, 1, 1, 0, 1, 0],
            [0, 1, 0, 0, 0, 1, 0],
            [0, 1, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ],
        bool,
    )
    assert (outside(spiral) == spiral).all()
    assert not outside(~spiral)[0, 0]


def test_a_noisy_ground_is_still_a_ground():
    base = np.asarray(over(disc(128), (200, 205, 210))).astype(float)
    noisy = np.clip(np.round(base + np.random.default_rng(3).normal(0, 1.5, base.shape)), 0, 255).astype(np.uint8)
    ground = find_ground(noisy)
    assert np.abs(ground.colour - np.array([200, 205, 210])).max() <= 1
    assert ground.share > 0.95
    outcome = cut(Image.fromarray(noisy), min_confidence=0.5)
    off = np.abs(alpha(outcome) - np.asarray(disc(128).getchannel("A")).astype(int))
    assert (off > 40).mean() < 0.02


def test_what_was_see_through_stays_so():
    truth = disc()
    assert cut(truth).status == "skipped"
    framed = over(truth, TEAL).convert("RGBA")
    framed.putpixel((48, 48), (0, 0, 0, 0))
    assert alpha(cut(framed))[48, 48] == 0
    assert cut(scene(background="none")).status == "skipped"


@pytest.mark.parametrize(
    ("image", "params", "said"),
    [
        (Image.new("RGB", (32, 32), TEAL), {}, "nothing stands out"),
        (Image.new("RGB", (32, 32), TEAL), {"method": "vector"}, "no vector"),
        (Image.linear_gradient("L").convert("RGB"), {"method": "flat"}, "not flat"),
        (over(disc(), TEAL), {"method": "flat", "keep": "subject"}, "does not tell the subject"),
    ],
)
def test_what_cannot_be_cut_out_is_an_error_that_says_why(image, params, said):
    with pytest.raises(InputError, match=said):
        cut(image, **params)


def test_without_its_model_a_busy_picture_is_an_error_that_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAJIN_MODELS", str(tmp_path))
    with pytest.raises(MissingError) as error:
        cut(Image.linear_gradient("L").convert("RGB"))
    assert "imajin models pull isnet-small" in error.value.line()


class Network:
    """Stands in for an open session: what it was asked, and a matte that it gives."""

    def __init__(self, matte: np.ndarray) -> None:
        self.matte = matte
        self.asked: list[np.ndarray] = []

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.asked.append(batch)
        return self.matte


def photo(size: int = 128) -> tuple[Image.Image, Image.Image]:
    """A disc on a ground with noise and a slope, and the disc."""
    truth = disc(size)
    slope = np.linspace(90, 200, size)[None, :, None] + np.random.default_rng(5).normal(0, 9, (size, size, 3))
    share = np.asarray(truth.getchannel("A")).astype(float)[..., None] / 255
    pixels = np.asarray(truth.convert("RGB")) * share + slope * (1 - share)
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8)), truth


def coarse(truth: Image.Image, side: int = 32) -> np.ndarray:
    small = truth.getchannel("A").resize((side, side), Image.Resampling.BOX)
    return np.asarray(small, np.float32)[None, None] / 255


def test_a_networks_coarse_matte_is_brought_to_the_pictures_edges(monkeypatch):
    image, truth = photo()
    network = Network(coarse(truth))
    monkeypatch.setattr(mattes, "network", lambda name: network)
    wanted = np.asarray(truth.getchannel("A")).astype(int)
    fine = cut(image, method="network")
    plain = cut(image, method="network", refine=False, decontaminate=False)
    assert fine.backend == "network"
    assert fine.model.name == "isnet-small"
    assert fine.model.licence == "MIT"
    assert np.abs(alpha(fine) - wanted).mean() < 0.2 * np.abs(alpha(plain) - wanted).mean()
    assert network.asked[0].shape == (1, 3, 1024, 1024)
    assert -0.51 < network.asked[0].min() < network.asked[0].max() < 0.51
    soft = (alpha(fine) > 60) & (alpha(fine) < 200)
    colour = {
        name: np.asarray(o.picture.image)[..., :3][soft].astype(int) for name, o in (("fine", fine), ("plain", plain))
    }
    off = {name: np.abs(found - np.array([220, 60, 70])).mean() for name, found in colour.items()}
    assert off["fine"] < 0.8 * off["plain"]


@pytest.mark.parametrize(
    ("matte", "said"),
    [
        (np.zeros((1, 1, 32, 32), np.float32), "finds no outline"),
        (np.ones((1, 1, 32, 32), np.float32), "finds no outline"),
        (np.tile(np.float32(0.6), (1, 1, 32, 32)) * (np.arange(32) > 15), "is not sure"),
    ],
)
def test_a_matte_that_says_nothing_is_an_error(monkeypatch, matte, said):
    monkeypatch.setattr(mattes, "network", lambda name: Network(matte))
    with pytest.raises(InputError, match=said):
        cut(photo()[0], method="network")


@pytest.mark.parametrize("matte", [np.full((1, 1, 32, 32), np.nan, np.float32), np.zeros((1, 1, 2, 2), np.float32)])
def test_a_result_that_makes_no_sense_is_the_backends_fault(monkeypatch, matte):
    monkeypatch.setattr(mattes, "network", lambda name: Network(matte))
    with pytest.raises(BackendError):
        cut(photo()[0], method="network")


def test_every_network_that_can_be_named_has_a_recipe():
    schema = RemoveBackgroundParams.model_json_schema()["properties"]["model"]["enum"]
    assert set(schema) == set(mattes.RECIPES)


def test_a_box_mean_is_the_mean_of_its_window():
    plane = np.random.default_rng(2).random((9, 14)).astype(np.float32)
    found = refine.box(plane, 2)
    for y in range(9):
        for x in range(14):
            window = plane[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
            assert found[y, x] == pytest.approx(window.mean(), abs=1e-5)


def test_the_command_cuts_out_files_and_pipes(cli, work):
    over(disc(), TEAL).save("flat.png")
    done = cli("remove-background", "flat.png")
    assert done.returncode == 0, done.stderr
    made = done.stdout.decode().strip()
    with Image.open(made) as image:
        assert image.mode == "RGBA"
    record = json.loads((work / f"{made}.json").read_bytes())["stages"][-1]
    assert record["stage"] == "remove-background"
    assert record["backend"] == "flat"
    assert {score["name"]: score["value"] for score in record["scores"]}["confidence"] > 0.9
    Image.new("RGB", (32, 32), TEAL).save("empty.png")
    failed = cli("remove-background", "empty.png", "flat.png")
    assert failed.returncode == Exit.USAGE
    assert b"nothing stands out from the ground" in failed.stderr
    assert failed.stdout == done.stdout


def test_a_run_cuts_out_only_where_it_is_asked_to(cli, work):
    shared = ["--size", "64", "--set", "generate.background=tint", "--set", "output.require=quality", "--format", "png"]
    stages = ["--skip", "moderate", "--skip", "semantic", "--skip", "aesthetic"]
    plain = cli("run", "a rocket", *shared, *stages, "-o", "plain")
    cut_out = cli("run", "a rocket", *shared, *stages, "--also", "remove-background", "-o", "cut")
    assert (plain.returncode, cut_out.returncode) == (0, 0), plain.stderr + cut_out.stderr
    (one,), (two,) = (list((work / name).glob("*.png")) for name in ("plain", "cut"))
    with Image.open(one) as whole, Image.open(two) as cut_image:
        assert whole.convert("RGBA").getpixel((0, 0))[3] == 255
        assert cut_image.convert("RGBA").getpixel((0, 0))[3] == 0
    assert b"there is no stage" in cli("run", "a rocket", "--also", "nonsense").stderr
