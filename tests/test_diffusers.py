"""The diffusers backend on tiny models of the true classes: every cell of the table, reproducible, the same at any batch size."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import environment
from imajin_cli.contract import steps
from imajin_cli.contract.errors import BackendError, InputError, NoCapacityError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Request
from imajin_cli.models.capabilities import FAMILIES, MODES
from imajin_cli.stages.generate import Generate, GenerateParams

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch

import tinyfamilies
from imajin_cli.stages.backends.diffusion import load, paint
from imajin_cli.stages.backends.diffusion.noise import Stream, _randn, drawn_from_streams
from imajin_cli.stages.backends.diffusion.order import Control, Model, Order, Weighted
from imajin_cli.stages.backends.diffusion.schedulers import SCHEDULERS
from painting import SEEDS, SIZE, gradient, latents, order, same, shelf, small_glances

__all__ = ["shelf", "small_glances"]

# diffusers and transformers warn of what their own code does.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

CELLS = [(family, mode) for family in FAMILIES for mode in FAMILIES[family].pipelines]
# AutoPipeline's own pairs depend on the model: this one has text to image alone.
RUN = [cell for cell in CELLS if cell[0] != "auto" or cell[1] == "txt2img"]
WITH_LORA = [name for name, family in FAMILIES.items() if family.offered("lora")]
WITH_REFERENCE = [name for name, family in FAMILIES.items() if family.offered("ip-adapter")]


# Noise.


def test_the_noise_of_a_seed_is_fixed_for_good():
    found = Stream(7).normal((2, 3))
    assert found.dtype == np.float32
    wanted = [[-0.14712793, 0.50211215, -1.09110105], [0.73758703, -0.73446286, -2.1076498]]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-7)


def test_the_noise_is_normal_and_goes_on_where_it_stopped():
    found = Stream(1).normal((200_000,)).astype(float)
    assert abs(found.mean()) < 0.01
    assert abs(found.std() - 1) < 0.01
    assert abs((found**4).mean() - 3) < 0.08
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.01
    stream = Stream(1)
    first, second = stream.normal((4,)), stream.normal((4,))
    assert (np.concatenate([first, second]) == Stream(1).normal((8,))).all()
    assert (Stream(2).normal((8,)) != Stream(1).normal((8,))).all()


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_the_noise_is_the_same_to_the_bit_at_any_batch_size(batch):
    seeds = list(range(8))
    whole = np.concatenate(
        [np.asarray(_randn((batch, 4, 8, 8), [Stream(s) for s in seeds[at : at + batch]])) for at in range(0, 8, batch)]
    )
    assert (whole == np.concatenate([Stream(seed).normal((1, 4, 8, 8)) for seed in seeds])).all()


def test_noise_that_belongs_to_no_candidate_is_refused_and_the_library_is_left_as_it_was():
    from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion as module

    own = module.randn_tensor
    with drawn_from_streams():
        assert module.randn_tensor is _randn
        with pytest.raises(BackendError, match="belongs to no candidate"):
            module.randn_tensor((1, 4, 8, 8), generator=None)
    assert module.randn_tensor is own


# The table.


@pytest.mark.parametrize(("family", "mode"), RUN)
def test_every_cell_of_the_table_runs_is_reproducible_and_agrees_at_batch_1_and_8(shelf, family, mode):
    whole = paint.paint(order(shelf, family, mode, steps=2))
    two, again = (paint.paint(order(shelf, family, mode, SEEDS[:2], steps=2)) for _ in range(2))
    one = paint.paint(order(shelf, family, mode, SEEDS[:1], steps=2))
    assert same(two, again)
    assert {painted.pixels.shape for painted in whole} == {(SIZE, SIZE, 3)}
    assert len({painted.pixels.tobytes() for painted in whole}) == len(SEEDS)
    together = [8, 2] if FAMILIES[family].offered("batch") else [1, 1]
    assert [found[0].told["batch"] for found in (whole, two, one)] == [*together, 1]
    if whole[0].latents is not None:
        for found in (two, one):
            off = np.abs(latents(whole[: len(found)]) - latents(found)).max()
            assert off <= 1e-4 * latents(whole).std()
    exact = paint.paint(order(shelf, family, mode, SEEDS[:2], steps=2, deterministic=True))
    assert [painted.told["batch"] for painted in exact] == [1, 1]
    assert same(exact[:1], one)


@pytest.mark.parametrize(
    ("family", "mode"), [(f, m) for f in FAMILIES for m in MODES if (f, m) not in CELLS] + [("auto", "img2img")]
)
def test_a_pair_that_diffusers_does_not_have_is_a_usage_error(shelf, family, mode):
    model = Model(family, shelf / family, family, "fp32", "cpu", "r1")
    with pytest.raises(UsageError, match=f"no {mode} in diffusers"):
        load.pipeline(model, mode)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "auto"])
def test_what_is_put_in_makes_a_difference(shelf, family):
    table, mode = FAMILIES[family], next(iter(FAMILIES[family].pipelines))
    plain = paint.paint(order(shelf, family, mode, SEEDS[:1], guidance=3.0))

    def asked(**more: object) -> Order:
        return order(shelf, family, mode, SEEDS[:1], **{"guidance": 3.0, **more})

    others = {
        "seed": order(shelf, family, mode, (1,), guidance=3.0),
        "steps": asked(steps=4),
        "lora": asked(loras=(Weighted(shelf / f"{family}.safetensors", 1.0),)),
    }
    # Klein's guidance is distilled in for good: its pipeline has no second pass for it.
    if family != "flux2-klein":
        others["guidance"] = asked(guidance=1.5)
    if table.offered("negative"):
        others["negative"] = asked(negative="a page")
    if table.offered("clip-skip"):
        others["clip skip"] = asked(clip_skip=1)
    if "controlnet" in table.pipelines:
        others["controlnet"] = order(shelf, family, "controlnet", SEEDS[:1], guidance=3.0)
    for name, one in others.items():
        assert not same(plain, paint.paint(one)), name
    # A LoRA is off again afterwards.
    assert same(plain, paint.paint(asked()))


@pytest.mark.parametrize("family", [name for name in FAMILIES if FAMILIES[name].controlnet])
def test_a_controlnet_works_as_strongly_as_it_is_asked_to(shelf, family):
    plain = paint.paint(order(shelf, family, "txt2img", SEEDS[:1]))
    net = shelf / f"{family}-control"
    weak, strong = (
        paint.paint(order(shelf, family, "controlnet", SEEDS[:1], controls=(Control(net, gradient(), scale),)))
        for scale in (0.0, 1.5)
    )
    assert np.abs(latents(plain) - latents(weak)).max() <= 1e-4 * latents(plain).std()
    assert not same(plain, strong)


@pytest.mark.parametrize("family", [name for name in FAMILIES if FAMILIES[name].controlnet])
def test_several_controlnets_work_together_or_are_refused(shelf, family):
    net = shelf / f"{family}-control"

    def painted(mode: str, seeds: tuple[int, ...], *scales: float) -> list[paint.Painted]:
        maps = zip((gradient(), gradient().rotate(90)), scales, strict=False)
        nets = tuple(Control(net, image, scale) for image, scale in maps)
        return paint.paint(order(shelf, family, mode, seeds, controls=nets))

    for mode in FAMILIES[family].pipelines:
        if not mode.startswith("controlnet") or mode == "controlnet-fill":
            continue
        if not FAMILIES[family].offered("several-controlnets", mode):
            with pytest.raises(UsageError, match="no several ControlNets"):
                painted(mode, SEEDS[:1], 1.0, 1.0)
            continue
        one, both = painted(mode, SEEDS[:2], 1.0), painted(mode, SEEDS[:2], 1.0, 1.0)
        weak = painted(mode, SEEDS[:2], 1.0, 0.0)
        assert np.abs(latents(weak) - latents(one)).max() <= 1e-4 * latents(one).std(), mode
        assert not same(both, one), mode
        alone = painted(mode, SEEDS[1:2], 1.0, 1.0)
        assert np.abs(latents(both[1:]) - latents(alone)).max() <= 1e-4 * latents(both).std(), mode


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_every_scheduler_runs_and_draws_from_the_candidates_streams(shelf, family, name):
    asked = order(shelf, family, "txt2img", SEEDS[:2], scheduler=name, steps=4)
    found = paint.paint(asked)
    assert found[0].told["scheduler"] == SCHEDULERS[name][0]
    alone = paint.paint(order(shelf, family, "txt2img", SEEDS[1:2], scheduler=name, steps=4))
    assert np.abs(latents(found[1:]) - latents(alone)).max() <= 1e-4 * latents(found).std()
    assert same(found, paint.paint(asked))


def test_several_loras_add_up_by_their_weights(shelf, tmp_path):
    path = shelf / "sd15.safetensors"
    twice = paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], loras=(Weighted(path, 0.5), Weighted(path, 0.5))))
    once = paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], loras=(Weighted(path, 1.0),)))
    assert np.abs(latents(twice) - latents(once)).max() <= 1e-3 * latents(once).std()
    off = paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], loras=(Weighted(path, 0.0),)))
    assert same(off, paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1])))


@pytest.mark.parametrize("family", WITH_REFERENCE)
def test_an_ip_adapter_sees_its_picture_in_every_mode_and_is_off_again_afterwards(shelf, family):
    def seeing(image: Image.Image, scale: float = 1.0) -> dict[str, Control]:
        return {"reference": Control(shelf / f"{family}-ip", image, scale)}

    noise = Image.fromarray(np.random.default_rng(4).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
    for mode in FAMILIES[family].pipelines:
        if not FAMILIES[family].offered("ip-adapter", mode):
            with pytest.raises(UsageError, match=f"no IP-Adapter in {mode}"):
                paint.paint(order(shelf, family, mode, SEEDS[:2], **seeing(noise)))
            continue
        plain = paint.paint(order(shelf, family, mode, SEEDS[:2]))
        one = paint.paint(order(shelf, family, mode, SEEDS[:2], **seeing(gradient())))
        other = paint.paint(order(shelf, family, mode, SEEDS[:2], **seeing(noise)))
        assert not same(plain, one), mode
        assert not same(one, other), mode
        alone = paint.paint(order(shelf, family, mode, SEEDS[1:2], **seeing(noise)))
        assert np.abs(latents(other[1:]) - latents(alone)).max() <= 1e-4 * latents(other).std()
        assert same(plain, paint.paint(order(shelf, family, mode, SEEDS[:2])))
    mode = next(iter(FAMILIES[family].pipelines))
    off = paint.paint(order(shelf, family, mode, SEEDS[:1], **seeing(noise, 0.0)))
    plain = paint.paint(order(shelf, family, mode, SEEDS[:1]))
    assert np.abs(latents(off) - latents(plain)).max() <= 1e-4 * latents(plain).std()


def test_an_ip_adapter_that_does_not_fit_is_an_error_and_leaves_the_model_as_it_was(shelf, tmp_path):
    plain = paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))
    for folder, said in ((shelf / "sdxl-ip", "for this model"), (tmp_path, "no IP-Adapter")):
        with pytest.raises(InputError, match=said):
            paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], reference=Control(folder, gradient(), 1.0)))
    assert same(plain, paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1])))
    for family, other in (("flux", "sd15"), ("sd3", "flux"), ("sd15", "sd3")):
        with pytest.raises(InputError, match="no IP-Adapter"):
            paint.paint(
                order(shelf, family, "txt2img", SEEDS[:1], reference=Control(shelf / f"{other}-ip", gradient(), 1.0))
            )
    with pytest.raises(UsageError, match="z-image models have no IP-Adapter"):
        paint.paint(order(shelf, "z-image", "txt2img", SEEDS[:1], reference=Control(shelf / "sd15-ip", gradient(), 1.0)))


# What goes wrong.


def test_latents_that_are_no_numbers_are_an_error_at_the_step_where_they_appear(shelf, monkeypatch):
    pipe = load.pipeline(order(shelf, "sd15", "txt2img").model, "txt2img")
    forward = pipe.unet.forward
    calls = []

    def broken(*args: object, **kwargs: object) -> object:
        calls.append(1)
        out = forward(*args, **kwargs)
        return tuple(part * float("nan") for part in out) if len(calls) == 2 else out

    monkeypatch.setattr(pipe.unet, "forward", broken)
    with pytest.raises(BackendError, match="no numbers after step 2"):
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], steps=6))
    assert len(calls) == 2


def test_a_decoder_that_gives_no_numbers_or_a_blank_picture_is_an_error(shelf, monkeypatch):
    pipe = load.pipeline(order(shelf, "sd15", "txt2img").model, "txt2img")
    decode = pipe.vae.decode
    for factor, said in ((float("nan"), "no numbers"), (0.0, "blank")):
        monkeypatch.setattr(
            pipe.vae, "decode", lambda *a, factor=factor, **k: tuple(part * factor for part in decode(*a, **k))
        )
        with pytest.raises(BackendError, match=said):
            paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))


def test_out_of_memory_halves_the_batch_and_says_so(shelf, monkeypatch):
    run, said = paint._batch, []

    def small(asked: Order, seeds: tuple[int, ...]) -> list[paint.Painted]:
        if len(seeds) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return run(asked, seeds)

    monkeypatch.setattr(paint, "_batch", small)
    steps.listen(say=said.append)
    try:
        found = paint.paint(order(shelf, "sd15", "txt2img"))
    finally:
        steps.listen()
    assert [one.told["batch"] for one in found] == [2] * 8
    assert found[0].told["halved_from"] == [8, 4]
    assert said == [f"sd15: out of memory at {n} pictures at once, going on with {n // 2}" for n in (8, 4)]
    monkeypatch.setattr(
        paint, "_batch", lambda *_: (_ for _ in ()).throw(RuntimeError("DefaultCPUAllocator: not enough memory"))
    )
    with pytest.raises(NoCapacityError, match="does not fit"):
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))


def test_progress_is_told_at_each_step_and_a_listener_can_end_the_work(shelf):
    heard: list[tuple[int, int]] = []

    def listener(done: int, of: int) -> None:
        heard.append((done, of))
        if len(heard) == 5:
            raise KeyboardInterrupt

    steps.listen(listener)
    try:
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))
        assert heard == [(1, 3), (2, 3), (3, 3)]
        with pytest.raises(KeyboardInterrupt):
            paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], steps=9))
    finally:
        steps.listen()
    assert heard[3:] == [(1, 9), (2, 9)]
    assert same(
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1])), paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: shutil.rmtree(folder / "unet"), "cannot be read as safetensors"),
        (lambda folder: (folder / "model_index.json").unlink(), "no model in diffusers' format"),
        (lambda folder: (folder / "model_index.json").write_text("[1"), "no model in diffusers' format"),
        (lambda folder: (folder / "model_index.json").write_text("{}"), "names no pipeline"),
    ],
)
def test_a_folder_that_is_no_model_is_an_error_that_says_so(shelf, tmp_path, change, said):
    folder = tmp_path / "model"
    shutil.copytree(shelf / "sd15", folder)
    change(folder)
    with pytest.raises(InputError, match=said):
        load.pipeline(Model("m", folder, load.family_of(folder), "fp32", "cpu", "r2"), "txt2img")


def test_a_model_with_code_of_its_own_is_refused_and_none_of_it_runs(shelf, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(shelf / "sd15", folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["unet"] = ["evil", "Model"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "unet" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nclass Model: pass\n")
    with pytest.raises(InputError, match="code of the model's own"):
        load.family_of(folder)
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_not_opened(shelf, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(shelf / "sd15", folder)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"weight": Trap()}, folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load.pipeline(Model("m", folder, "sd15", "fp32", "cpu", "r3"), "txt2img")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("family", "other"), [("sd15", "sdxl"), ("sdxl", "sd15"), ("sd15", "flux"), ("flux", "sd15")])
def test_an_adapter_of_another_family_is_an_input_error(shelf, family, other):
    for asked in (
        order(shelf, family, "txt2img", SEEDS[:1], loras=(Weighted(shelf / f"{other}.safetensors", 1.0),)),
        order(shelf, family, "controlnet", SEEDS[:1], controls=(Control(shelf / f"{other}-control", gradient(), 1.0),)),
    ):
        with pytest.raises(InputError):
            paint.paint(asked)
    assert paint.paint(order(shelf, family, "txt2img", SEEDS[:1]))


@pytest.mark.parametrize("family", WITH_LORA)
def test_a_lora_with_wrong_shapes_or_none_at_all_is_an_input_error(shelf, tmp_path, family):
    mode = next(iter(FAMILIES[family].pipelines))
    wrong = tinyfamilies.lora(tmp_path / "wrong.safetensors", family, wrong=True)
    (tmp_path / "text.safetensors").write_text("no weights")
    plain = paint.paint(order(shelf, family, mode, SEEDS[:1]))
    for path in (wrong, tmp_path / "text.safetensors"):
        with pytest.raises(InputError, match=path.name):
            paint.paint(order(shelf, family, mode, SEEDS[:1], loras=(Weighted(path, 1.0),)))
    assert same(plain, paint.paint(order(shelf, family, mode, SEEDS[:1])))


@pytest.mark.parametrize(
    ("family", "more", "said"),
    [
        ("flux", {"clip_skip": 1}, "no clip skip"),
        ("flux", {"scheduler": "ddim"}, "keep their own scheduler"),
        ("auto", {"clip_skip": 1}, "no clip skip"),
        ("flux2", {"negative": "a page"}, "no negative prompt"),
        ("auto", {"loras": (Weighted(Path("x"), 1.0),)}, "LoRAs are not offered"),
    ],
)
def test_what_a_family_has_not_is_a_usage_error(shelf, family, more, said):
    with pytest.raises(UsageError, match=said):
        paint.paint(order(shelf, family, "txt2img", SEEDS[:1], **more))


# The stage and the command.


def stage(shelf: Path, family: str = "sd15", **params: object) -> Generate:
    values = {"backend": "diffusers", "model": str(shelf / family), "steps": 2, "dtype": "fp32", **params}
    return Generate(GenerateParams.model_validate(values))


def test_candidates_are_painted_ahead_in_batches_and_handed_out_one_by_one(shelf):
    request = Request(prompt="a robot", size=["64x64", "96x64"], count=3, seed=5)
    made = [stage(shelf, batch=2)]
    found = [made[0].make(job) for job in made[0].plan(request)]
    assert [one.picture.size for one in found] == [(64, 64), (96, 64)] * 3
    assert len({one.picture.sha256 for one in found}) == 6
    alone = stage(shelf)
    for job, one in zip(alone.plan(request), found, strict=True):
        other = alone.make(job)
        off = np.abs(np.asarray(one.picture.image).astype(int) - np.asarray(other.picture.image))
        assert off.max() <= 1
    record = found[0]
    assert record.backend == "diffusers"
    assert record.model.name == "sd15"
    assert record.model.licence is None
    assert record.notes["determinism"].startswith("close")
    assert (
        stage(shelf, deterministic=True).make(next(iter(alone.plan(request)))).notes["determinism"].startswith("exact")
    )


def test_a_size_that_the_model_cannot_paint_is_brought_up_and_scaled_back(shelf):
    job = next(iter(stage(shelf).plan(Request(prompt="x y", size=["75x50"]))))
    done = stage(shelf).make(job)
    assert done.picture.size == (75, 50)
    assert done.notes["painted"] == [80, 56]


def test_the_key_follows_the_model_and_every_file_that_is_given(shelf, tmp_path):
    gradient().save(tmp_path / "a.png")
    gradient().rotate(180).save(tmp_path / "b.png")
    seen = [
        stage(shelf).revision(),
        stage(shelf, "sdxl").revision(),
        stage(shelf, image=str(tmp_path / "a.png")).revision(),
        stage(shelf, image=str(tmp_path / "b.png")).revision(),
        stage(shelf, lora=[str(shelf / "sd15.safetensors")]).revision(),
        stage(shelf, lora=[f"{shelf / 'sd15.safetensors'}@0.5"]).revision(),
    ]
    assert len(set(seen)) == len(seen)
    shutil.copytree(shelf / "sd15", tmp_path / "sd15")
    assert stage(tmp_path).revision() == seen[0]
    assert stage(shelf, backend="compose").revision() == ""


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        ({"model": None}, UsageError, "needs a model"),
        ({"model": "./nowhere"}, InputError, "no such folder"),
        ({"mask": "mask.png"}, UsageError, "needs the picture"),
        ({"image": "small.png", "mask": "mask.png"}, InputError, "the mask is 64x64, and its picture 32x32"),
        ({"image": "absent.png"}, InputError, "there is no such file"),
        ({"control": ["alone="]}, UsageError, "MODEL=FILE"),
        ({"control": ["./nowhere=mask.png"]}, InputError, "no such folder"),
        ({"control": [f"{'x'}=mask.png@9"]}, UsageError, "a scale is 0 to 2"),
        ({"lora": ["absent.safetensors"]}, InputError, "absent.safetensors"),
    ],
)
def test_inputs_that_do_not_fit_are_one_clear_error(shelf, work, params, error, said):
    gradient("L").save("mask.png")
    gradient().resize((32, 32)).save("small.png")
    made = stage(shelf, **params)
    with pytest.raises(error, match=said):
        made.make(next(iter(made.plan(Request(prompt="x", size=["64x64"])))))


COMMAND = ("--backend", "diffusers", "--steps", "2", "--dtype", "fp32", "--size", "64")


def test_the_command_paints_and_records_what_it_was_painted_with(cli, work, shelf):
    gradient().save("init.png")
    done = cli(
        "generate", "a robot", *COMMAND, "--model", str(shelf / "sd15"), "--image", "init.png", "--strength", "0.8",
        "--control", f"{shelf / 'sd15-control'}=init.png@0.7", "--lora", f"{shelf / 'sd15.safetensors'}@0.5", "-n", "2",
        "--ip-adapter", f"{shelf / 'sd15-ip'}=init.png@0.6",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.decode().split()
    record = json.loads((work / f"{first}.json").read_bytes())["stages"][-1]
    assert record["backend"] == "diffusers"
    assert record["notes"]["pipeline"] == "StableDiffusionControlNetImg2ImgPipeline"
    assert set(record["notes"]["inputs"]) == {"image", "control", "ip_adapter", "lora"}
    assert "model" not in record["params"]
    assert str(shelf) not in (work / f"{first}.json").read_text()
    assert record["model"]["name"] == "sd15"
    assert first != second


def test_a_model_without_a_licence_is_refused_under_a_commercial_policy(cli, work, shelf):
    (work / "imajin.yaml").write_text("run:\n  licence_policy: commercial\n")
    done = cli("generate", "a robot", *COMMAND, "--model", str(shelf / "sd15"))
    assert done.returncode == Exit.USAGE
    assert b"the licence policy is commercial" in done.stderr
    assert b"whose licence is not known" in done.stderr
    assert done.stdout == b""


def test_a_model_of_the_catalogue_brings_the_settings_that_suit_it(cli, work, shelf):
    from hashlib import sha256

    files = [path for path in sorted((shelf / "sdxl").rglob("*")) if path.is_file()]
    listed = [
        {
            "name": str(p.relative_to(shelf / "sdxl")),
            "size": p.stat().st_size,
            "sha256": sha256(p.read_bytes()).hexdigest(),
        }
        for p in files
    ]
    entry = {
        "task": "diffusion", "licence": "Apache-2.0", "commercial": "allowed", "files": listed,
        "sources": [{"kind": "folder", "path": str(shelf / "sdxl")}],
        "diffusion": {"steps": 1, "guidance": 0.0, "scheduler": "euler-a"},
    }  # fmt: skip
    (work / "imajin.yaml").write_text("run:\n  licence_policy: commercial\n")
    (work / "models.yaml").write_text(json.dumps({"tiny-turbo": entry}))
    done = cli("generate", "a robot", "--model", "tiny-turbo", "--size", "64", "--dtype", "fp32")
    assert done.returncode == 0, done.stderr
    record = json.loads((work / f"{done.stdout.decode().strip()}.json").read_bytes())["stages"][-1]
    assert record["backend"] == "diffusers"
    assert record["notes"]["scheduler"] == "EulerAncestralDiscreteScheduler"
    assert record["model"]["licence"] == "Apache-2.0"


def test_auto_composes_where_the_model_is_not_to_be_had_and_says_why(cli, work):
    done = cli("generate", "a robot", "--model", "./nowhere", "--size", "64")
    assert done.returncode == 0, done.stderr
    record = json.loads((work / f"{done.stdout.decode().strip()}.json").read_bytes())["stages"][-1]
    assert record["backend"] == "compose"
    assert "the model ./nowhere is not on this machine" in record["notes"]["backend"]


def test_an_interrupt_ends_the_work_between_steps(work, shelf):
    command = [sys.executable, "-m", "imajin_cli", "generate", "a robot", "--backend", "diffusers", "--steps", "200"]
    more = ["--dtype", "fp32", "--size", "256", "-n", "64", "--model", str(shelf / "sd15")]
    process = subprocess.Popen([*command, *more], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == Exit.INTERRUPTED
    assert time.monotonic() - started < 15
    assert not list(Path().rglob("*.tmp*"))
