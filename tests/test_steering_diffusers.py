"""Control maps all the way into a tiny diffusion model of the true classes: piped, in a run, and as the picture to begin from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imajin_cli.contract.exits import Exit

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import tinymodels

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

COMMAND = "--backend diffusers --steps 2 --dtype fp32 --size 64"


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SD 1.5 and ControlNets that are called as published ones are."""
    root = tmp_path_factory.mktemp("tiny")
    tinymodels.MAKERS["sd15"](root / "sd15")
    for kind in ("canny", "openpose", "seg"):
        tinymodels.controlnet(root / f"control-{kind}", "sd15")
    return root


def photo(path: Path) -> None:
    image = Image.new("RGB", (90, 64), "white")
    ImageDraw.Draw(image).ellipse((20, 10, 60, 50), fill="navy")
    image.save(path)


def sidecar(work: Path, name: str) -> dict:
    return json.loads((work / f"{name}.json").read_bytes())


def test_a_photographs_edges_steer_what_is_painted(sh, work, shelf):
    photo(work / "photo.png")
    model = f"--model {shelf}/sd15 --control {shelf}/control-canny@0.8"
    done = sh(f'imajin condition photo.png --kind canny | imajin generate "a robot" {COMMAND} {model} -n 2', timeout=200)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.decode().split()
    assert first != second
    known = sidecar(work, first)
    source = sidecar(work, "photo.png")["stages"][-1]
    used = known["stages"][-1]["notes"]["inputs"]["control"]
    assert used == [{"model": "control-canny", "kind": "canny", "map": source["maps"]["canny"]["sha256"][:12], "scale": 0.8}]
    assert [record["stage"] for record in known["stages"]] == ["condition", "generate"]
    assert known["lineage"] == [source["input"]]
    assert known["request"]["prompt"] == "a robot"
    again = sh(f'imajin condition photo.png --kind canny | imajin generate "a robot" {COMMAND} {model} -n 2', timeout=200)
    assert again.stdout == done.stdout
    # Another map makes another picture, under a name of its own.
    Image.new("RGB", (90, 64), "white").save(work / "empty.png")
    other = sh(f'imajin condition empty.png --kind canny | imajin generate "a robot" {COMMAND} {model}', timeout=200)
    assert other.returncode == 0, other.stderr
    (third,) = other.stdout.decode().split()
    assert third not in (first, second)
    one, two = (np.asarray(Image.open(work / name), int) for name in (first, third))
    assert np.abs(one - two).max() > 0
    assert sidecar(work, third)["id"] != known["id"]


def test_a_layout_is_repainted_from_itself(sh, work, shelf):
    model = f"--model {shelf}/sd15 --control {shelf}/control-seg --control {shelf}/control-canny@0.5"
    done = sh(
        'imajin generate "a robot" --backend compose --size 64 | imajin condition --kind layout'
        f" | imajin generate {COMMAND} {model}",
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    (name,) = done.stdout.decode().split()
    known = sidecar(work, name)
    assert [record["stage"] for record in known["stages"]] == ["generate", "condition", "generate"]
    last = known["stages"][-1]
    assert last["notes"]["pipeline"] == "StableDiffusionControlNetImg2ImgPipeline"
    assert last["notes"]["inputs"]["image"]["kind"] == "init"
    assert [one["kind"] for one in last["notes"]["inputs"]["control"]] == ["segmentation", "canny"]


def test_a_run_paints_by_a_pose_that_it_draws(cli, work, shelf):
    done = cli(
        "run", "a robot", "--size", "64", "--also", "condition", "--until", "generate",
        "--set", "condition.pose=standing", "--set", "generate.backend=diffusers", "--set", f"generate.model={shelf / 'sd15'}",
        "--set", f"generate.control={shelf / 'control-openpose'}", "--set", "generate.steps=2", "--set", "generate.dtype=fp32",
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    known = sidecar(work, done.stdout.decode().strip())
    assert [record["stage"] for record in known["stages"]] == ["validate", "identity", "condition", "generate"]
    assert known["stages"][-1]["notes"]["inputs"]["control"][0]["kind"] == "pose"


@pytest.mark.parametrize(
    ("condition", "control", "said"),
    [
        ("--kind canny", "control-openpose", "reads a pose map, and the asset has canny"),
        ("--kind canny --kind scribble", "control-canny=scribble", "reads canny maps, and scribble was asked for"),
    ],
)
def test_a_map_of_the_wrong_kind_is_2(sh, work, shelf, condition, control, said):
    photo(work / "photo.png")
    model = f"--model {shelf}/sd15 --control {shelf}/{control}"
    done = sh(f'imajin condition photo.png {condition} | imajin generate "a robot" {COMMAND} {model}', timeout=200)
    assert done.returncode == Exit.USAGE
    assert said in done.stderr.decode()
    assert done.stdout == b""


def test_a_file_that_is_a_map_of_another_kind_is_2(cli, work, shelf):
    photo(work / "photo.png")
    assert cli("condition", "photo.png", "--kind", "scribble", "--out-dir", "maps").returncode == 0
    (scribble,) = (path for path in (work / "maps").glob("*.png"))
    for file, said in ((scribble, "is a scribble map, and control-canny reads canny maps"), (work / "photo.png", "has colours")):
        done = cli(
            "generate", "a robot", *COMMAND.split(), "--model", str(shelf / "sd15"),
            "--control", f"{shelf / 'control-canny'}={file}", timeout=200,
        )  # fmt: skip
        assert done.returncode == Exit.USAGE, done.stderr
        assert said in done.stderr.decode()
