"""What makes the diffusers backend faster or smaller: each setting runs, says so in the record, or is refused with the reason."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from imajin_cli.contract import steps
from imajin_cli.contract.errors import BackendError, InputError, MissingError, UsageError
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import Request
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.models.catalogue import ours
from imajin_cli.models.memory import BYTES, LIBRARIES_MIB, by_format, parameters_in, weights_mib, working_mib
from imajin_cli.stages.backends.threads import settle, user_count
from imajin_cli.stages.diffusion import given
from imajin_cli.stages.diffusion.painter import Painter, _painted
from imajin_cli.stages.diffusion.params import DiffusionParams
from imajin_cli.stages.generate import Generate, GenerateParams
from rangeserver import Site, serve

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

import tinyfamilies
from imajin_cli.stages.backends.diffusion import device, load, paint, speed
from imajin_cli.stages.backends.diffusion.device import bf16_pays, dtype_on, offload_on, offload_within
from imajin_cli.stages.backends.diffusion.order import Order, Speed, Weighted
from imajin_cli.stages.backends.diffusion.quant import quantised
from painting import SEEDS, latents, order, same, shelf, small_glances

__all__ = ["shelf", "small_glances"]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Torch's thread count is the process's."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def sped(asked: Order, **speed: object) -> Order:
    return replace(asked, model=replace(asked.model, speed=Speed(**speed)))


# Layout, compilation, threads.


@pytest.mark.parametrize("family", ["sd15", "sdxl", "flux"])
def test_channels_last_gives_the_same_latents_and_is_recorded(shelf, family):
    asked = order(shelf, family, "txt2img", SEEDS[:2])
    plain, other = paint.paint(asked), paint.paint(sped(asked, channels_last=True))
    assert np.abs(latents(plain) - latents(other)).max() <= 1e-4 * latents(plain).std()
    assert [one[0].told["computed"]["layout"] for one in (plain, other)] == ["contiguous", "channels last"]


def test_channels_last_is_refused_for_an_autoencoder_over_time_and_left_out_where_nobody_asked(shelf):
    asked = order(shelf, "qwen-image", "txt2img", SEEDS[:1])
    with pytest.raises(UsageError, match="no convolutions over pictures"):
        paint.paint(sped(asked, channels_last=True))
    assert paint.paint(asked)


def test_threads_are_as_told_else_as_the_user_set_and_stand_in_the_record(shelf, monkeypatch):
    asked = order(shelf, "sd15", "txt2img", SEEDS[:1])
    assert paint.paint(sped(asked, threads=2))[0].told["computed"]["threads"] == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("IMAJIN_THREADS_SET", "")
    assert speed.settle_threads(torch, asked.model) == 3
    monkeypatch.setenv("IMAJIN_THREADS_SET", "OMP_NUM_THREADS")
    monkeypatch.setattr(speed, "_cores", lambda: {0, 1})
    assert speed.settle_threads(torch, asked.model) == 2


def test_a_count_that_is_ours_is_not_taken_for_the_users():
    env: dict[str, str] = {}
    settle(1, environ=env)
    assert user_count(environ=env) is None
    assert user_count(environ={"OMP_NUM_THREADS": "4"}) == 4
    assert user_count(environ={"OMP_NUM_THREADS": "4,2"}) is None
    assert user_count(environ={}) is None


def test_compiling_without_a_compiler_says_what_is_missing(shelf, monkeypatch):
    monkeypatch.setattr(speed.shutil, "which", lambda _name: None)
    with pytest.raises(MissingError, match="C\\+\\+ compiler"):
        paint.paint(sped(order(shelf, "sd15", "txt2img", SEEDS[:1]), compiled=True))


def test_compiling_is_refused_for_a_model_that_names_no_blocks(shelf):
    with pytest.raises(UsageError, match="no blocks that repeat"):
        paint.paint(sped(order(shelf, "sd3", "txt2img", SEEDS[:1]), compiled=True))


@pytest.mark.slow
def test_compiled_blocks_give_the_same_latents(shelf):
    if not shutil.which("g++"):
        pytest.fail("a C++ compiler is needed here")
    for family in ("sd15", "flux"):
        asked = order(shelf, family, "txt2img", SEEDS[:1])
        plain, compiled = paint.paint(asked), paint.paint(sped(asked, compiled=True))
        assert np.abs(latents(plain) - latents(compiled)).max() <= 1e-3 * latents(plain).std()
        assert compiled[0].told["computed"]["compiled"] == "blocks that repeat"


# Step caches.


@pytest.mark.parametrize(
    ("family", "mode"), [(name, mode) for name, one in FAMILIES.items() for mode in one.pipelines if name != "auto"]
)
def test_a_step_cache_saves_work_where_it_is_offered_and_is_refused_elsewhere(shelf, family, mode):
    asked = order(shelf, family, mode, SEEDS[:1], steps=6)
    if not FAMILIES[family].offered("step-cache", mode):
        with pytest.raises(UsageError, match="no step cache"):
            paint.paint(replace(asked, step_cache=1.0))
        return
    plain = paint.paint(asked)
    seen: list[int] = []
    hook = _last_block(asked).register_forward_hook(lambda *_: seen.append(1))
    try:
        paint.paint(asked)
        whole = len(seen)
        cached = paint.paint(replace(asked, step_cache=1.0))
        assert len(seen) - whole < whole
        assert cached[0].told["computed"]["step_cache"] == "first block, 1"
        exact = paint.paint(replace(asked, step_cache=1.0, deterministic=True))
    finally:
        hook.remove()
    assert exact[0].told["computed"]["step_cache"] == "off: deterministic"
    assert same(exact, plain)
    # The cache is off again afterwards.
    assert same(plain, paint.paint(asked))


def _last_block(asked: Order) -> torch.nn.Module:
    transformer = load.pipeline(asked.model, next(iter(FAMILIES[asked.model.family].pipelines))).transformer
    blocks = getattr(transformer, "single_transformer_blocks", None) or transformer.transformer_blocks
    # A block that is left out is still called; what is in it is not.
    return blocks[-1].attn


# Memory and number formats.


def test_a_cpu_is_asked_for_bf16_only_where_that_is_faster(monkeypatch):
    assert bf16_pays({"avx512_bf16", "amx_tile", "amx_bf16"})
    assert not bf16_pays({"avx512_bf16", "avx512_fp16"})
    assert not bf16_pays({"amx_tile", "amx_int8"})
    for flags, wanted in (({"amx_tile", "amx_bf16"}, "bf16"), ({"avx512_bf16"}, "fp32"), (set(), "fp32")):
        monkeypatch.setattr(device, "_cpu_flags", lambda flags=flags: flags)
        assert dtype_on("cpu", "auto") == wanted
        assert dtype_on("cpu", "bf16") == "bf16"


def test_offloading_is_refused_on_a_cpu_and_chosen_by_what_a_gpu_has(shelf):
    for how in ("model", "group"):
        with pytest.raises(UsageError, match="for GPUs"):
            paint.paint(sped(order(shelf, "sd15", "txt2img", SEEDS[:1]), offload=how))
    assert offload_on("cpu", "auto", 1 << 20) == "none"
    assert offload_on("cuda:0", "group", 1) == "group"
    assert [offload_within(need, 24_000) for need in (8_000, 22_800, 30_000, 34_000)] == ["none", "none", "model", "group"]


def test_memory_is_computed_from_parameters_and_size():
    assert weights_mib(3469, "fp16") == round(3469e6 * 2 / 2**20)
    assert weights_mib(1024, "fp32") == pytest.approx(2 * weights_mib(1024, "bf16"), abs=1)
    assert working_mib(1024, 1024, "fp16") == 1536
    assert working_mib(512, 512, "fp16", batch=4) == working_mib(1024, 1024, "fp16")
    table = by_format(1067, (512, 1024))
    assert set(table) == set(BYTES)
    assert table["fp16"]["512x512"] < table["fp16"]["1024x1024"] < table["fp32"]["1024x1024"]


def test_a_lease_reserves_what_is_computed_with(shelf, tmp_path, monkeypatch):
    from safetensors.torch import load_file, save_file

    def need(flags: set[str], dtype: str = "auto", **more: object) -> Need:
        monkeypatch.setattr(device, "_cpu_flags", lambda: flags)
        params = {"model": str(tmp_path / "sd15"), "dtype": dtype, **more}
        (found,) = Painter(DiffusionParams.model_validate(params)).needs()
        return found

    shutil.copytree(shelf / "sd15", tmp_path / "sd15")
    big = tmp_path / "sd15" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({"weight": torch.zeros(20, 1 << 20, dtype=torch.float16)}, big)
    millions = parameters_in(tmp_path / "sd15")
    assert 20.9 < millions < 22
    plain, amx = need(set()), need({"amx_tile", "amx_bf16"})
    # fp32 is computed where the processor has no AMX, though the file holds fp16.
    assert (plain.device, plain.dtype, plain.on_cpu.device, plain.on_cpu.dtype) == ("auto", "fp16", "cpu", "fp32")
    assert plain.on_cpu.mib - LIBRARIES_MIB == pytest.approx(2 * plain.mib, abs=2)
    assert amx.on_cpu.dtype == "bf16"
    assert amx.on_cpu.mib - LIBRARIES_MIB == amx.mib == plain.mib
    for dtype in ("fp32", "fp16"):
        told = need(set(), dtype)
        assert (told.dtype, told.on_cpu.dtype) == (dtype, dtype)
        assert told.on_cpu.mib - LIBRARIES_MIB == told.mib
    # A ControlNet is weighed with its model; what makes a model smaller is another kind of work.
    net = shelf / "sd15-control"
    more = need(set(), control=[f"{net}=map.png"]).mib - plain.mib
    assert more == pytest.approx(1.1 * weights_mib(parameters_in(net), "fp16"), abs=2)
    assert need(set(), control=["./nowhere=map.png"]).mib == plain.mib
    assert need(set(), quant="int8").on_cpu.dtype == "fp32+int8"
    # A variant beside the weights is not loaded; a file that is none is weighed by its bytes.
    save_file(load_file(big), big.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert parameters_in(tmp_path / "sd15") == millions
    big.write_bytes(b"x" * 2_000_000)
    assert parameters_in(tmp_path / "sd15") == pytest.approx(millions - 20 * 1.048576 + 1, abs=0.01)


# Quantised weights.

QUANTISED = [name for name in FAMILIES if name != "auto"]


def _rounded(part: torch.nn.Module) -> int:
    return sum("Int8Tensor" in type(layer.weight).__name__ for layer in part.modules() if isinstance(layer, torch.nn.Linear))


@pytest.mark.parametrize("family", QUANTISED)
def test_quantised_weights_give_nearly_the_same_latents_and_are_recorded(shelf, family):
    pytest.importorskip("torchao")
    asked = order(shelf, family, next(iter(FAMILIES[family].pipelines)), SEEDS[:2])
    plain, other = paint.paint(asked), paint.paint(sped(asked, quant="int8"))
    pipe = load.pipeline(sped(asked, quant="int8").model, asked.mode)
    assert _rounded(getattr(pipe, "unet", None) or pipe.transformer) > 0
    assert other[0].told["computed"]["quantised"].startswith("denoiser's weights, int8")
    assert same(other, paint.paint(sped(asked, quant="int8")))
    if plain[0].latents is not None:
        off = np.abs(latents(plain) - latents(other))
        assert 0 < off.mean() <= 0.05 * latents(plain).std()
    assert same(plain, paint.paint(asked))


def test_quantised_weights_are_refused_where_they_cannot_be(shelf, monkeypatch):
    asked = order(shelf, "auto", "txt2img", SEEDS[:1])
    with pytest.raises(UsageError, match="not offered for auto"):
        paint.paint(sped(asked, quant="int8"))
    asked = order(shelf, "sd15", "txt2img", SEEDS[:1])
    lora = (Weighted(shelf / "sd15.safetensors", 1.0),)
    for fuse in (False, True):
        with pytest.raises(UsageError, match="LoRAs do not work on quantised weights"):
            paint.paint(replace(sped(asked, quant="int8"), loras=lora, fuse=fuse))
    with pytest.raises(UsageError, match="cannot wait by layers"):
        paint.paint(sped(asked, quant="int8", offload="group"))
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(MissingError, match="torchao is not installed"):
        paint.paint(sped(asked, quant="int8"))


def test_four_bits_are_refused_on_a_cpu_and_asked_of_bitsandbytes_on_a_gpu(shelf, monkeypatch):
    asked = sped(order(shelf, "sd15", "txt2img", SEEDS[:1]), quant="nf4")
    with pytest.raises(UsageError, match="on an NVIDIA GPU alone, through diffusers, and sd15 is computed on cpu"):
        paint.paint(asked)
    on_gpu = replace(asked.model, device="cuda:0")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingError, match="bitsandbytes is not installed"):
        quantised(on_gpu, {"unet": ["diffusers", "UNet2DConditionModel"]}, torch.bfloat16)
    installed = ModuleType("bitsandbytes")
    installed.__spec__ = ModuleSpec("bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes", installed)
    # diffusers asks which it is.
    monkeypatch.setattr("importlib.metadata.version", lambda name, own=version: "0.50.2" if name == "bitsandbytes" else own(name))
    told = quantised(on_gpu, {"unet": ["diffusers", "UNet2DConditionModel"]}, torch.bfloat16)
    how = told["quantization_config"].quant_mapping["unet"]
    assert (how.load_in_4bit, how.bnb_4bit_quant_type, how.bnb_4bit_compute_dtype) == (True, "nf4", torch.bfloat16)


# GGUF files.


@pytest.mark.parametrize("family", QUANTISED)
def test_a_gguf_files_weights_take_the_place_of_the_denoisers(shelf, tmp_path, family):
    pytest.importorskip("gguf")
    part = "unet" if (shelf / family / "unet").exists() else "transformer"
    file = tinyfamilies.gguf_file(tmp_path / "a.gguf", shelf / family / part)
    asked = order(shelf, family, next(iter(FAMILIES[family].pipelines)), SEEDS[:2])
    plain, other = paint.paint(asked), paint.paint(sped(asked, gguf=file))
    own = getattr(load.pipeline(sped(asked, gguf=file).model, asked.mode), part)
    assert sum("GGUF" in type(layer).__name__ for layer in own.modules()) > 0
    assert other[0].told["computed"]["quantised"] == "denoiser's weights, a GGUF file's"
    assert same(other, paint.paint(sped(asked, gguf=file)))
    if plain[0].latents is not None:
        off = np.abs(latents(plain) - latents(other))
        assert 0 < off.mean() <= 0.05 * latents(plain).std()
    assert same(plain, paint.paint(asked))


def test_a_gguf_file_that_does_not_fit_is_an_error(shelf, tmp_path):
    pytest.importorskip("gguf")
    good = tinyfamilies.gguf_file(tmp_path / "good.gguf", shelf / "sd15" / "unet")
    other = tinyfamilies.gguf_file(tmp_path / "other.gguf", shelf / "flux" / "transformer")
    (tmp_path / "cut.gguf").write_bytes(good.read_bytes()[:3000])
    (tmp_path / "text.gguf").write_text("no weights")
    asked = order(shelf, "sd15", "txt2img", SEEDS[:1])
    for file, said in (
        (other, "other.gguf: no weights for the unet of sd15"),
        (tmp_path / "cut.gguf", "cut.gguf: no weights for the unet"),
        (tmp_path / "text.gguf", "text.gguf: no GGUF file"),
        (tmp_path / "gone.gguf", "cannot be read"),
    ):
        with pytest.raises(InputError, match=said):
            paint.paint(sped(asked, gguf=file))
    with pytest.raises(UsageError, match="rounded already"):
        paint.paint(sped(asked, gguf=good, quant="int8"))
    with pytest.raises(UsageError, match="LoRAs do not work on quantised weights"):
        paint.paint(replace(sped(asked, gguf=good), loras=(Weighted(shelf / "sd15.safetensors", 1.0),)))
    with pytest.raises(UsageError, match="not offered for auto"):
        paint.paint(sped(order(shelf, "auto", "txt2img", SEEDS[:1]), gguf=good))


def test_a_gguf_file_is_part_of_the_key_and_of_what_the_licence_policy_sees(tmp_path, work):
    Path("a.gguf").write_bytes(b"GGUF1")
    (tmp_path / "b.gguf").write_bytes(b"GGUF2")
    params = [DiffusionParams(gguf=name) for name in ("a.gguf", str(tmp_path / "b.gguf"))]
    assert given.state(params[0]) != given.state(params[1])
    assert [os.path.isabs(name) for one in params for name in given.names(one)] == [True, True]
    assert given.recorded(params[0]) == {"gguf": given.state(params[0])[0]}
    assert [one.path for one in given.ingredients(params[0])] == ["a.gguf"]
    with pytest.raises(InputError, match="there is no such GGUF file"):
        given.gguf(DiffusionParams(gguf="gone.gguf"))


# Tiny autoencoders and previews.


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import AutoencoderTiny

    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("tinyvae") / "tae"
    AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4, num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.mark.parametrize("mode", ["txt2img", "img2img", "inpaint", "controlnet"])
@pytest.mark.parametrize("family", ["sd15", "sdxl", "flux", "z-image"])
def test_a_tiny_autoencoder_takes_the_place_of_the_models_own(shelf, tiny_vae, family, mode):
    asked = order(shelf, family, mode, SEEDS[:2])
    plain, other = paint.paint(asked), paint.paint(sped(asked, tiny_vae=tiny_vae))
    assert other[0].told["computed"]["autoencoder"] == "tiny"
    assert not same(plain, other)
    if mode == "txt2img":
        assert np.abs(latents(plain) - latents(other)).max() <= 1e-5 * latents(plain).std()
    assert same(plain, paint.paint(asked))


def test_a_tiny_autoencoder_that_does_not_fit_is_an_error(shelf, tiny_vae, tmp_path):
    from diffusers import AutoencoderTiny

    AutoencoderTiny(latent_channels=16).save_pretrained(tmp_path / "other")
    asked = order(shelf, "sd15", "txt2img", SEEDS[:1])
    for folder, said in ((tmp_path / "other", "for 16 channels"), (tmp_path, "no tiny autoencoder")):
        with pytest.raises(InputError, match=said):
            paint.paint(sped(asked, tiny_vae=folder))
    with pytest.raises(UsageError, match="not offered for qwen-image"):
        paint.paint(sped(order(shelf, "qwen-image", "txt2img", SEEDS[:1]), tiny_vae=tiny_vae))


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "flux", "flux-kontext", "z-image", "qwen-image"])
def test_previews_are_small_pictures_every_so_many_steps_and_change_nothing(shelf, family):
    asked = order(shelf, family, "txt2img", SEEDS[:2], steps=5)
    plain = paint.paint(asked)
    shown: list[tuple[int, int, bytes]] = []
    steps.listen(show=lambda *what: shown.append(what))
    try:
        found = paint.paint(replace(asked, previews=2))
    finally:
        steps.listen()
    assert same(plain, found)
    assert [(done, of) for done, of, _ in shown] == [(2, 5), (4, 5)]
    for _, _, data in shown:
        image = Image.open(io.BytesIO(data))
        assert image.format == "PNG"
        assert max(image.size) <= 256


def test_previews_are_refused_where_latents_cannot_be_shown(shelf):
    with pytest.raises(UsageError, match="previews are not offered for flux2-klein"):
        paint.paint(order(shelf, "flux2-klein", "txt2img", SEEDS[:1], previews=1))


COMMAND = ("--backend", "diffusers", "--steps", "4", "--dtype", "fp32", "--size", "64")


def test_the_command_keeps_previews_among_its_intermediate_files(cli, work, shelf):
    done = cli("generate", "a robot", *COMMAND, "--model", str(shelf / "sd15"), "--preview-every", "2", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    (shown,) = [event for event in events if event["event"] == "preview"]
    assert (shown["step"], shown["steps"]) == (2, 4)
    assert (work / shown["path"]).is_file()
    gone = cli("clean")
    assert shown["path"].encode() in gone.stdout
    assert not (work / shown["path"]).exists()


def test_latents_that_are_no_numbers_end_the_work_with_every_setting(shelf, tiny_vae, monkeypatch):
    asked = sped(order(shelf, "flux", "txt2img", SEEDS[:1]), tiny_vae=tiny_vae)
    pipe = load.pipeline(asked.model, "txt2img")
    forward = pipe.transformer.forward
    monkeypatch.setattr(
        pipe.transformer, "forward", lambda *a, **k: tuple(part * float("nan") for part in forward(*a, **k))
    )
    with pytest.raises(BackendError, match="no numbers after step 1"):
        paint.paint(replace(asked, step_cache=0.1, previews=1))


# The catalogue's models.


def _served(site: Site, folder: Path, name: str) -> None:
    """The files that the catalogue names, as the hub has them: the tiny model's, its tokenizers' as words and merges."""
    entry = ours()[name]
    (source,) = entry.sources
    for file in entry.first_use:
        part, _, last = file.name.partition("/")
        tokenizer = {"merges.txt": b"#version: 0.2\n", "special_tokens_map.json": b"{}"}.get(last)
        data = _vocabulary(folder / part) if last == "vocab.json" else tokenizer or (folder / file.name).read_bytes()
        for where in ("main", site.commit):
            site.files[f"/{source.repo}/resolve/{where}/{source.inside(file)[0]}"] = data


def _vocabulary(folder: Path) -> bytes:
    return json.dumps(json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]).encode()


@pytest.mark.parametrize(("name", "family", "side"), [("sdxl-turbo", "sdxl", 512), ("sd15", "sd15", 512)])
def test_a_model_of_the_catalogue_is_pulled_by_name_and_needs_no_other_flag(
    cli, work, shelf, monkeypatch, name, family, side
):
    with serve() as site:
        site.commit = "5" * 40
        _served(site, shelf / family, name)
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        pulled = cli("models", "pull", name, "-q")
        assert pulled.returncode == 0, pulled.stderr
    done = cli("generate", "a robot", "--model", name, "--size", "96x64", "--dtype", "fp32", "--steps", "1")
    assert done.returncode == 0, done.stderr
    record = json.loads((work / f"{done.stdout.decode().strip()}.json").read_bytes())["stages"][-1]
    assert record["backend"] == "diffusers"
    assert record["notes"]["family"] == family
    width, height = record["notes"]["painted"]
    assert abs(width * height / side**2 - 1) < 0.05
    assert record["model"]["licence"] == ours()[name].licence


def test_the_command_keeps_a_models_weights_in_eight_bits(cli, work, shelf):
    pytest.importorskip("torchao")
    done = cli("generate", "a robot", *COMMAND, "--model", str(shelf / "sd15"), "--quant", "int8")
    assert done.returncode == 0, done.stderr
    record = json.loads((work / f"{done.stdout.decode().strip()}.json").read_bytes())["stages"][-1]
    assert record["notes"]["computed"]["quantised"] == "denoiser's weights, int8 by rows, torchao"


def test_the_painted_size_has_as_many_pixels_as_the_model_was_trained_on():
    assert _painted(1024, 1024, 8, 512) == (512, 512)
    assert _painted(64, 64, 8, 1024) == (1024, 1024)
    assert _painted(75, 50, 8, None) == (80, 56)
    for width, height in ((1200, 630), (390, 844), (1920, 400)):
        painted = _painted(width, height, 16, 1024)
        assert all(part % 16 == 0 for part in painted)
        assert abs(painted[0] * painted[1] / 1024**2 - 1) < 0.04
        assert abs((painted[0] / painted[1]) / (width / height) - 1) < 0.04


def test_a_size_family_needs_one_base_for_each_ratio_from_the_same_seed(shelf):
    made = Generate(GenerateParams(backend="diffusers", model=str(shelf / "sd15"), steps=1, dtype="fp32"))
    request = Request(prompt="a robot", size=["64x64", "128x128", "96x64", "192x128"], count=2, seed=5)
    jobs = list(made.plan(request))
    assert [(job.seed, job.width, job.height) for job in jobs] == [
        (5, 128, 128), (5, 192, 128), (6, 128, 128), (6, 192, 128),
    ]  # fmt: skip


def test_stable_diffusion_1s_own_checker_is_left_out_and_no_other_is_let_by(shelf, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(shelf / "sd15", folder)
    index = json.loads((folder / "model_index.json").read_text())
    for checker, fine in ((["stable_diffusion", "StableDiffusionSafetyChecker"], True), (["evil", "Checker"], False)):
        (folder / "model_index.json").write_text(json.dumps({**index, "safety_checker": checker}))
        if fine:
            asked = order(shelf, "sd15", "txt2img", SEEDS[:1])
            assert same(paint.paint(replace(asked, model=replace(asked.model, folder=folder))), paint.paint(asked))
        else:
            with pytest.raises(InputError, match="code of the model's own"):
                load.family_of(folder)
