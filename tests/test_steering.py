"""What a diffusion model is steered by: which of an asset's control maps a ControlNet gets, and which it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.maps import INIT
from imajin_cli.contract.picture import ControlMap, Picture
from imajin_cli.stages.diffusion import steering
from imajin_cli.stages.generate import Generate, GenerateParams


def maps(*kinds: str) -> dict[str, ControlMap]:
    return {kind: ControlMap(Picture.of(Image.new("L", (40, 20), 10 * i))) for i, kind in enumerate(kinds)}


def chosen(text: str, *kinds: str) -> str:
    (one,) = steering.asked([text])
    return steering._kind(one, steering.kind_read_by(one.model), maps(*kinds))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./net", ("./net", None, None, 1.0)),
        ("./net@0.5", ("./net", None, None, 0.5)),
        ("./net=canny@0.5", ("./net", None, "canny", 0.5)),
        ("./net=./canny", ("./net", "./canny", None, 1.0)),
        ("./net=edges.png@1.5", ("./net", "edges.png", None, 1.5)),
        ("a@b", ("a@b", None, None, 1.0)),
    ],
)
def test_a_control_names_a_model_and_a_kind_or_a_file(text, expected):
    assert tuple(steering.asked([text])[0]) == expected


@pytest.mark.parametrize("text", ["=canny", "./net=", "./net@9"])
def test_a_control_without_a_model_or_with_a_scale_that_is_none_is_a_usage_error(text):
    with pytest.raises(UsageError):
        steering.asked([text])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sd-controlnet-canny", "canny"),
        ("control_v11p_sd15_openpose", "pose"),
        ("control_v11p_sd15_seg", "segmentation"),
        ("control_v11f1p_sd15_depth", "depth"),
        ("control_v11p_sd15_normalbae", "normal"),
        ("control_v11p_sd15_softedge", "softedge"),
        ("sd-controlnet-hed", "softedge"),
        ("controlnet-scribble-sdxl-1.0", "scribble"),
        ("control_v11p_sd15s2_lineart_anime", "lineart"),
        ("controlnet-union-sdxl-1.0", None),
        ("control_v11f1e_sd15_tile", None),
        ("canny-and-depth", None),
    ],
)
def test_published_names_tell_the_kind(name, kind):
    assert steering.kind_read_by(f"models/{name}") == kind


def test_a_folder_of_another_name_tells_it_by_its_config(work):
    folder = Path("mine")
    folder.mkdir()
    for text, kind in (
        (json.dumps({"_name_or_path": "lllyasviel/control_v11p_sd15_canny"}), "canny"),
        ("{", None), ("[]", None), (json.dumps({"_name_or_path": 7}), None),
    ):  # fmt: skip
        (folder / "config.json").write_text(text)
        assert steering.kind_read_by("mine") == kind


def test_a_controlnet_gets_the_map_that_it_reads_or_the_only_one():
    assert chosen("./control-canny", "canny", "depth") == "canny"
    assert chosen("./mine", "depth", INIT) == "depth"
    assert chosen("./mine=depth", "canny", "depth") == "depth"


@pytest.mark.parametrize(
    ("text", "there", "said"),
    [
        ("./control-canny", (), "given no map, and the asset has none"),
        ("./control-canny", (INIT,), "given no map, and the asset has none"),
        ("./control-canny", ("depth",), "reads a canny map, and the asset has depth"),
        ("./mine", ("canny", "depth"), "which map does mine read"),
        ("./control-canny=depth", ("canny", "depth"), "reads canny maps, and depth was asked for"),
        ("./mine=pose", ("canny",), "reads a pose map"),
    ],
)
def test_a_map_of_the_wrong_kind_or_none_at_all_is_a_usage_error(text, there, said):
    with pytest.raises(UsageError, match=said):
        chosen(text, *there)


def test_maps_are_brought_to_the_size_by_cutting_or_by_padding():
    half = Image.new("RGB", (40, 20), "black")
    half.paste("white", (0, 0, 40, 2))
    cut = np.asarray(steering.fitted(ControlMap(Picture.of(half)), (20, 20)))
    whole = np.asarray(steering.fitted(ControlMap(Picture.of(half), "contain"), (20, 20)))
    assert cut.shape == whole.shape == (20, 20, 3)
    assert cut[0].min() > 200
    assert cut[5:].max() < 60
    # All of it is there, and what is beside it is of the colour of its corner.
    assert whole[0].min() > 200
    assert whole[-1].min() > 200
    assert whole[8:12].max() < 60


def test_the_stage_says_when_it_cannot_do_without_maps():
    def wanted(**params: object) -> str:
        return Generate(GenerateParams.model_validate({"model": "./x", **params})).maps_wanted()

    assert wanted(backend="compose", control=["./a"]) == "no"
    assert wanted(backend="diffusers") == "offered"
    assert wanted(backend="diffusers", control=["./a=b.png"]) == "offered"
    assert wanted(backend="diffusers", control=["./a"]) == "needed"
    assert wanted(backend="diffusers", control=["./a=canny"]) == "needed"
    assert wanted(backend="diffusers", image=INIT) == "needed"


def test_a_prompt_goes_with_each_asset_of_the_pipe(cli, work, png):
    """Without torch the work itself cannot be done: what is refused, and why, shows what was taken from the pipe."""
    png("a.png")
    command = (
        "generate",
        "a robot",
        "--backend",
        "diffusers",
        "--model",
        "./none",
        "--control",
        "./control-canny",
        "--json",
    )
    bare = cli(*command, stdin=b"a.png\n")
    events = [json.loads(line) for line in bare.stdout.splitlines()]
    assert events[0]["event"] == "error"
    assert "a.png: has no control map" in events[0]["message"]
    assert bare.returncode == Exit.USAGE
    assert cli("condition", "a.png", "--kind", "canny").returncode == 0
    steered = cli(*command, stdin=b"a.png\n")
    assert b"has no control map" not in steered.stdout
    assert steered.returncode == Exit.USAGE
    assert b"no such folder" in steered.stdout
