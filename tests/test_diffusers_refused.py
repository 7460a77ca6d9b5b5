"""Bad input to the diffusers backend, as a user meets it: one line, the right exit code, and no picture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imajin_cli.contract.exits import Exit
from processes import inside

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch
from safetensors.torch import load_file, save_file

import tinyfamilies
from imajin_cli.contract import need as residents
from imajin_cli.run.leasing import residence
from imajin_cli.stages.backends.diffusion import load, paint
from painting import gradient, shelf, small_glances

__all__ = ["shelf", "small_glances"]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

COMMAND = ("generate", "a robot", "--backend", "diffusers", "--steps", "2", "--dtype", "fp32", "--size", "64")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def alone() -> None:
    """Each test has its models and leases for itself."""
    for group in list(residence._groups):
        residence._let_go(group)
    load._forget()


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, work: Path, shelf: Path) -> Run:
    """`imajin generate` with the tiny sd15 and more arguments, beside some pictures and adapters."""
    gradient().save("init.png")
    gradient("L").resize((32, 32)).save("small.png")
    gradient("L").save("mask.png")
    levels = [*range(256), *range(255, -1, -1), *[90] * 256]
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").point(levels).save("photo.png")
    tinyfamilies.lora(work / "wrong.safetensors", "sd15", wrong=True)
    (work / "text.safetensors").write_text("no weights")
    shutil.copytree(shelf / "sd15-control", work / "canny")
    given = {"shelf": str(shelf)}

    def made(*more: str, model: str | None = None) -> tuple[int, str, str]:
        arguments = [text.format(**given) for text in ("--model", model or "{shelf}/sd15", *more)]
        return inside(capfd, monkeypatch, *COMMAND, *arguments)

    return made


def refused(found: tuple[int, str, str], code: Exit, said: str) -> None:
    """Hold a command to its exit code, one line of reason, and no picture."""
    assert found[0] == code, found
    assert found[1] == ""
    assert said in found[2]
    assert "Traceback" not in found[2]
    assert not list(Path(".imajin").rglob("*.png"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        # A missing adapter.
        (["--lora", "gone.safetensors"], "gone.safetensors: there is no such LoRA"),
        (["--lora", "no-such-lora"], "no-such-lora"),
        (["--control", "./gone=init.png"], "./gone: there is no such folder"),
        (["--control", "{shelf}/sd15-control=gone.png"], "gone.png: cannot be read: No such file or directory"),
        (["--ip-adapter", "./gone=init.png"], "./gone: there is no such folder"),
        (["--embedding", "gone.safetensors=word"], "gone.safetensors"),
        (["--tiny-vae", "./gone"], "./gone: there is no such folder"),
        # One for another family.
        (["--lora", "{shelf}/sdxl.safetensors"], "sdxl.safetensors"),
        (["--lora", "{shelf}/flux.safetensors"], "flux.safetensors"),
        (["--control", "{shelf}/sdxl-control=init.png"], "a ControlNet for another family of models than sd15"),
        (["--control", "{shelf}/flux-control=init.png"], "sd15 models take a ControlNetModel"),
        (["--ip-adapter", "{shelf}/sdxl-ip=init.png"], "no IP-Adapter for this model"),
        (["--ip-adapter", "{shelf}/sd3-ip=init.png"], "no IP-Adapter"),
        # A LoRA with wrong shapes, or none at all.
        (["--lora", "wrong.safetensors"], "wrong.safetensors"),
        (["--lora", "wrong.safetensors", "--fuse-lora"], "wrong.safetensors"),
        (["--lora", "text.safetensors"], "text.safetensors"),
        # Mask and picture of other sizes.
        (["--image", "init.png", "--mask", "small.png"], "the mask is 32x32, and its picture 64x64"),
        (["--mask", "mask.png"], "a mask needs the picture that it is for"),
        # A control map of the wrong kind.
        (["--control", "canny=photo.png"], "photo.png: no lines map, as canny reads them: it has colours"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_usage_error_that_names_it(run, more, said):
    refused(run(*more), Exit.USAGE, said)


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_weights_that_give_no_numbers_are_an_error_and_no_black_picture(run, shelf, work, part):
    shutil.copytree(shelf / "sd15", work / "broken")
    file = work / "broken" / part / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.startswith(("conv_out", "decoder.conv_out")))
    save_file({**weights, name: torch.full_like(weights[name], float("nan"))}, file)
    said = "the latents are no numbers after step 1 (fp32)" if part == "unet" else "came out as no numbers (fp32)"
    refused(run(model="./broken"), Exit.ERROR, said)


def test_a_picture_of_one_colour_is_an_error(run, shelf, work):
    shutil.copytree(shelf / "sd15", work / "black")
    file = work / "black" / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    save_file({name: torch.zeros_like(value) if "decoder.conv_out" in name else value for name, value in weights.items()}, file)
    refused(run(model="./black"), Exit.ERROR, "a picture came out blank (fp32)")


def test_more_memory_than_there_is_ends_before_the_model_is_loaded(run, monkeypatch):
    monkeypatch.setenv("IMAJIN_DEVICES", "cpu=100")
    monkeypatch.setattr(load, "_base", None)
    refused(run(), Exit.NO_CAPACITY, "are more than there is in all: cpu has 100 MiB")
    assert not residents.is_loaded("sd15")


def test_memory_that_runs_out_at_one_picture_is_no_capacity(run, monkeypatch):
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(paint, "_batch", full)
    refused(run(), Exit.NO_CAPACITY, "sd15: one picture of 64x64 does not fit into memory")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ([], "sd15 (a file or folder, whose licence is not known)"),
        (["--control", "{shelf}/sd15-control=init.png"], "sd15-control (a file or folder"),
        (["--ip-adapter", "{shelf}/sd15-ip=init.png"], "sd15-ip (a file or folder"),
        (["--lora", "{shelf}/sd15.safetensors"], "sd15.safetensors (a file or folder"),
        (["--embedding", "./word.safetensors"], "./word.safetensors (a file or folder"),
        (["--tiny-vae", "./tiny"], "./tiny (a file or folder"),
        (["--lora", "vague"], "vague (LicenseRef-Vague, commercial use unclear)"),
        (["--control", "stern=init.png"], "stern (CC-BY-NC-4.0, commercial use forbidden)"),
    ],
)  # fmt: skip
def test_what_has_no_licence_for_it_is_refused_under_a_commercial_policy(run, shelf, work, more, named):
    def entry(task: str, licence: str, commercial: str, folder: Path) -> dict[str, object]:
        file = {"name": "x.safetensors", "size": 1, "sha256": "0" * 64}
        sources = [{"kind": "folder", "path": str(folder)}]
        return {"task": task, "licence": licence, "commercial": commercial, "files": [file], "sources": sources}

    listed = {
        "vague": entry("lora", "LicenseRef-Vague", "unclear", work),
        "stern": entry("controlnet", "CC-BY-NC-4.0", "forbidden", work),
    }
    (work / "models.yaml").write_text(json.dumps(listed))
    (work / "imajin.yaml").write_text("run:\n  licence_policy: commercial\n")
    found = run(*more)
    refused(found, Exit.USAGE, "the licence policy is commercial: ")
    assert named in found[2]


def test_a_run_with_the_commercial_policy_names_the_model_that_it_may_not_use(run, shelf, work, capfd, monkeypatch):
    (work / "imajin.yaml").write_text(json.dumps({"generate": {"backend": "diffusers", "model": str(shelf / "sd15")}}))
    found = inside(capfd, monkeypatch, "run", "a robot", "--licence-policy", "commercial", "--size", "64")
    refused(found, Exit.USAGE, "the licence policy is commercial: ")
    assert "whose licence is not known" in found[2]
