"""imajin-mini: the embedded diffusion model through the CLI, every mode and adapter on trained weights, offline."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.models import store
from imajin_cli.models.catalogue import find
from imajin_cli.models.formats import check_format
from imajin_cli.stages import diffusion
from imajin_cli.stages.diffusion import given, models
from imajin_cli.stages.diffusion.params import DiffusionParams

COMPILED = Path(diffusion.__file__).parent / "compiled"
PARTS = ("imajin-mini", "imajin-mini-scribble", "imajin-mini-ip", "imajin-mini-line")
MOST_MEGABYTES = 14
COMMAND = ("--model", "imajin-mini", "--size", "64", "--steps", "3", "--dtype", "fp32")


# What the package carries.


@pytest.mark.parametrize("name", PARTS)
def test_the_embedded_weights_are_those_that_the_catalogue_promises(name):
    promised = find(name)
    assert (promised.licence, promised.commercial) == ("Apache-2.0", "allowed")
    folder = COMPILED / name
    assert sorted(file.name for file in promised.files) == sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )
    for file in promised.files:
        found = store.locate(promised, file, trust=False)
        assert found is not None, file.name
        assert found.path == folder / file.name
        check_format(found.path, file.name)


def test_the_package_carries_no_more_than_it_may_and_no_pickle():
    files = [file for file in COMPILED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_MEGABYTES * 1_000_000
    assert {file.suffix for file in files} == {".json", ".md", ".safetensors"}


def test_it_says_how_far_it_is_until_it_is_far_enough():
    scores = json.loads((COMPILED / "scores.json").read_bytes())
    first = scores["text"]["held"]["first"]
    said = models.known("imajin-mini").experimental
    wins = [scores[part]["wins"] for part in ("control", "adapter")]
    assert scores["text"]["prompts"] == 500
    if first < 0.5 or min(wins) <= 0.5:
        assert said.startswith("experimental")
        assert f"in {round(100 * first)} of 100" in said
        assert f"{100 * first:.1f} %" in (COMPILED / "card.md").read_text()
    else:
        assert said == ""


# A LoRA by its name.


def test_a_lora_is_found_by_its_name_and_another_task_is_none():
    p = DiffusionParams(model="imajin-mini", lora=["imajin-mini-line@0.5"])
    (found,) = given.loras(p)
    assert (found.path.name, found.scale) == ("imajin-mini-line.safetensors", 0.5)
    assert [one.path for one in given.ingredients(p)] == [None, None]
    assert given.names(p) == ["imajin-mini", "imajin-mini-line"]
    with pytest.raises(UsageError, match="not a LoRA"):
        given.loras(DiffusionParams(lora=["imajin-mini"]))
    with pytest.raises(InputError, match="no such LoRA"):
        given.loras(DiffusionParams(lora=["gone.safetensors"]))


# On trained weights.


@pytest.fixture
def painted(cli, work):
    """Paint through the CLI; the picture's levels and its record."""
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    pytest.importorskip("peft")
    draw = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(draw).ellipse((8, 8, 56, 56), fill=(230, 40, 40))
    draw.save(work / "ball.png")
    lines = Image.new("RGB", (64, 64))
    ImageDraw.Draw(lines).ellipse((8, 8, 56, 56), outline="white", width=3)
    lines.save(work / "lines.png")
    half = Image.new("L", (64, 64))
    half.paste(255, (32, 0, 64, 64))
    half.save(work / "half.png")

    def run(*more: str, prompt: str = "red apple"):
        done = cli("generate", prompt, *COMMAND, *more, timeout=200)
        assert done.returncode == 0, done.stderr
        name = done.stdout.decode().split()[0]
        record = json.loads((work / f"{name}.json").read_bytes())["stages"][-1]
        return np.asarray(Image.open(work / name).convert("RGB"), int), record, done.stderr.decode()

    return run


def test_a_prompt_alone_paints_on_white_and_says_that_it_is_experimental_once(painted):
    levels, record, said = painted("--steps", "12", "--seed", "3", "-n", "2")
    assert record["backend"] == "diffusers"
    assert record["model"] == {"name": "imajin-mini", "revision": find("imajin-mini").revision, "licence": "Apache-2.0"}
    assert record["notes"]["pipeline"] == "StableDiffusionPipeline"
    told = models.known("imajin-mini").experimental
    assert record["notes"].get("experimental", "") == told
    assert said.count("imajin-mini: experimental") == bool(told)
    corners = np.stack([levels[y, x] for y in (0, -1) for x in (0, -1)])
    assert corners.mean() > 225
    middle = levels[20:48, 20:48].reshape(-1, 3).mean(0)
    # A red apple is red: no untrained network paints that.
    assert middle[0] > middle[1] + 40
    assert middle[0] > middle[2] + 40


def test_from_a_picture_and_within_a_mask(painted, work):
    near, record, _ = painted("--image", "ball.png", "--strength", "0.4")
    assert record["notes"]["pipeline"] == "StableDiffusionImg2ImgPipeline"
    ball = np.asarray(Image.open(work / "ball.png"), int)
    assert np.abs(near - ball).mean() < np.abs(255 - ball).mean()
    inside, record, _ = painted("--image", "ball.png", "--mask", "half.png", "--strength", "1", prompt="blue heart")
    assert record["notes"]["pipeline"] == "StableDiffusionInpaintPipeline"
    off = np.abs(inside - ball).mean(2)
    # What is not in the mask only went through the autoencoder.
    assert off[:, :24].mean() < off[:, 40:].mean()


def test_by_a_scribble_and_by_another_picture_and_with_the_line_lora(painted):
    plain, _, _ = painted()
    steered, record, _ = painted("--control", "imajin-mini-scribble=lines.png")
    assert record["notes"]["pipeline"] == "StableDiffusionControlNetPipeline"
    both, record, _ = painted("--control", "imajin-mini-scribble=lines.png", "--image", "ball.png")
    assert record["notes"]["pipeline"] == "StableDiffusionControlNetImg2ImgPipeline"
    like, record, _ = painted("--ip-adapter", "imajin-mini-ip=ball.png@0.8")
    assert record["notes"]["inputs"]["ip_adapter"][0]["model"] == "imajin-mini-ip"
    drawn, record, _ = painted("--lora", "imajin-mini-line", "--steps", "12")
    assert record["notes"]["inputs"]["lora"][0]["file"] == "imajin-mini-line"
    for other in (steered, both, like, drawn):
        assert np.abs(other - plain).max() > 0
    # Black glyphs have no colour.
    assert (drawn.max(2) - drawn.min(2)).mean() < (plain.max(2) - plain.min(2)).mean()


def test_what_was_made_for_another_model_is_refused(cli, work, painted):
    del painted
    done = cli("generate", "red apple", *COMMAND, "--lora", "imajin-mini-clip")
    assert done.returncode == Exit.USAGE
    assert b"not a LoRA" in done.stderr
    done = cli("generate", "red apple", *COMMAND, "--control", "imajin-mini-scribble=ball.png")
    assert done.returncode == Exit.USAGE
    assert b"no lines map" in done.stderr
