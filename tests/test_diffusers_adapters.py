"""The diffusers backend's adapters and prompts: words learnt from pictures, long prompts, fused LoRAs, maps of the wrong kind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imajin_cli.contract import steps
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.diffusion.given import split_word
from imajin_cli.stages.diffusion.maps import check_map, kind_of
from imajin_cli.stages.generate import Generate, GenerateParams

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch
from safetensors.torch import load_file, save_file

import tinyfamilies
from imajin_cli.stages.backends.diffusion import load, paint, words
from imajin_cli.stages.backends.diffusion.order import Control, Weighted, Word
from painting import SEEDS, SIZE, gradient, latents, order, same, shelf, small_glances

__all__ = ["shelf", "small_glances"]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

LONG = " ".join(f"a robot number {at} in a red hat" for at in range(12))


def vectors(path: Path, family: str, *, width: int = 16, count: int = 2, key: str = "emb_params") -> Path:
    torch.manual_seed(3)
    table = {key: torch.randn(count, width)}
    if family == "sdxl":
        table = {"clip_l": torch.randn(count, width), "clip_g": torch.randn(count, width)}
    save_file(table, str(path))
    return path


# Prompts.


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
@pytest.mark.parametrize("skip", [None, 1])
def test_a_prompt_of_one_window_is_read_as_diffusers_reads_it(shelf, family, skip, monkeypatch):
    asked = order(shelf, family, "txt2img", SEEDS[:2], clip_skip=skip, negative="a page")
    # A learnt word makes the backend read the prompt itself; this one stands for the vector of a letter.
    pipe = load.pipeline(asked.model, "txt2img")
    letter = pipe.tokenizer("z", add_special_tokens=False).input_ids
    table = [encoder.get_input_embeddings().weight[letter].detach().clone() for encoder in _encoders(pipe)]
    monkeypatch.setattr(words, "_vectors", lambda *_: table)
    read = paint.paint(replace(asked, words=(Word(Path("x"), "robot"),)))
    spelt = paint.paint(replace(asked, prompt="a lost z"))
    assert np.abs(latents(read) - latents(spelt)).max() <= 1e-5 * latents(spelt).std()
    assert not same(read, paint.paint(asked))


def _encoders(pipe: object) -> list[torch.nn.Module]:
    found = [getattr(pipe, name, None) for name in ("text_encoder", "text_encoder_2")]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_long_prompt_is_read_to_its_end(shelf, family):
    def painted(prompt: str, seeds: tuple[int, ...] = SEEDS[:2], **more: object) -> list[paint.Painted]:
        return paint.paint(replace(order(shelf, family, "txt2img", seeds, **more), prompt=prompt))

    one, other = painted(f"{LONG} by day"), painted(f"{LONG} by night")
    assert not same(one, other)
    assert same(one, painted(f"{LONG} by day"))
    alone = painted(f"{LONG} by day", SEEDS[1:2])
    assert np.abs(latents(one[1:]) - latents(alone)).max() <= 1e-4 * latents(one).std()
    kept = painted("a robot", negative=f"{LONG} by day"), painted("a robot", negative=f"{LONG} by night")
    assert not same(*kept)


@pytest.mark.parametrize(("family", "guidance", "told"), [("sd15", 0.0, 1), ("sd15", 3.0, 0), ("flux", 0.0, 0)])
def test_a_negative_prompt_without_effect_is_said(shelf, family, guidance, told):
    said: list[str] = []
    steps.listen(say=said.append)
    try:
        paint.paint(order(shelf, family, "txt2img", SEEDS[:1], negative="a page", guidance=guidance))
    finally:
        steps.listen()
    assert len([line for line in said if "the negative prompt has no effect" in line]) == told


@pytest.mark.parametrize("mode", ["img2img", "inpaint", "controlnet", "controlnet-img2img", "controlnet-inpaint"])
@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_long_prompts_work_in_every_mode(shelf, family, mode):
    asked = order(shelf, family, mode, SEEDS[:1])
    one, other = (paint.paint(replace(asked, prompt=f"{LONG} {end}")) for end in ("day", "night"))
    assert not same(one, other)


# Learnt words.


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_learnt_word_stands_for_its_vectors_and_is_gone_afterwards(shelf, tmp_path, family):
    path = vectors(tmp_path / "w.safetensors", family)
    plain = paint.paint(order(shelf, family, "txt2img", SEEDS[:2]))
    asked = order(shelf, family, "txt2img", SEEDS[:2], words=(Word(path, "robot"),))
    found = paint.paint(asked)
    assert not same(plain, found)
    assert same(found, paint.paint(asked))
    table = {name: value * 2 for name, value in load_file(str(path)).items()}
    save_file(table, str(tmp_path / "other.safetensors"))
    other = order(shelf, family, "txt2img", SEEDS[:2], words=(Word(tmp_path / "other.safetensors", "robot"),))
    assert not same(found, paint.paint(other))
    assert same(plain, paint.paint(order(shelf, family, "txt2img", SEEDS[:2])))


def test_a_learnt_word_that_does_not_fit_is_an_error(shelf, tmp_path):
    (tmp_path / "text").write_text("no weights")
    save_file({"emb_params": torch.full((1, 16), float("nan"))}, str(tmp_path / "nan"))
    save_file({"emb_params": torch.zeros(90, 16)}, str(tmp_path / "many"))
    cases = [
        ("sd15", tmp_path / "text", InputError, "no safetensors file"),
        ("sd15", vectors(tmp_path / "wide", "sd15", width=24), InputError, "have 16 values, not 24"),
        ("sd15", vectors(tmp_path / "two", "sdxl"), InputError, "needs vectors for 1 text encoders"),
        ("sdxl", vectors(tmp_path / "one", "sd15"), InputError, "needs vectors for 2 text encoders"),
        ("sd15", tmp_path / "nan", InputError, "no numbers"),
        ("sd15", tmp_path / "many", InputError, "needs vectors"),
        ("flux", vectors(tmp_path / "flux", "sd15"), UsageError, "not offered for flux"),
    ]
    for family, path, kind, said in cases:
        with pytest.raises(kind, match=said):
            paint.paint(order(shelf, family, "txt2img", SEEDS[:1], words=(Word(path, "robot"),)))
    with pytest.raises(UsageError, match='no prompt says "hat"'):
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], words=(Word(tmp_path / "one", "hat"),)))


@pytest.mark.parametrize(
    ("text", "found"),
    [("a/b.safetensors", ("a/b.safetensors", "b")), ("b.safetensors=<hat>", ("b.safetensors", "<hat>"))],
)
def test_a_word_is_named_or_is_its_files_name(text, found):
    assert split_word(text) == found


@pytest.mark.parametrize("text", ["b.safetensors=", "=hat", "b.safetensors=two words"])
def test_a_word_with_blanks_or_without_a_file_is_refused(text):
    with pytest.raises(UsageError, match="FILE=WORD"):
        split_word(text)


# LoRAs.


@pytest.mark.parametrize("family", ["sd15", "sdxl", "flux", "sd3", "z-image", "qwen-image", "flux2-klein"])
def test_fused_loras_give_what_running_ones_give_and_leave_no_trace(shelf, family):
    path = shelf / f"{family}.safetensors"
    given = {"loras": (Weighted(path, 0.5), Weighted(path, 0.25))}
    plain = paint.paint(order(shelf, family, "txt2img", SEEDS[:1]))
    beside = paint.paint(order(shelf, family, "txt2img", SEEDS[:1], **given))
    fused = paint.paint(order(shelf, family, "txt2img", SEEDS[:1], fuse=True, **given))
    assert np.abs(latents(fused) - latents(beside)).max() <= 1e-3 * latents(beside).std()
    assert not same(plain, fused)
    assert same(plain, paint.paint(order(shelf, family, "txt2img", SEEDS[:1])))


def test_a_lora_that_cannot_be_fused_is_an_input_error(shelf, tmp_path):
    wrong = tinyfamilies.lora(tmp_path / "wrong.safetensors", "sd15", wrong=True)
    weights = load_file(str(shelf / "sd15.safetensors"))
    save_file({name: value * float("inf") for name, value in weights.items()}, str(tmp_path / "inf.safetensors"))
    plain = paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1]))
    for path in (wrong, tmp_path / "inf.safetensors"):
        with pytest.raises(InputError):
            paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], loras=(Weighted(path, 1.0),), fuse=True))
    assert same(plain, paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1])))


# IP-Adapters and maps.


@pytest.mark.parametrize("key", ["image_proj.proj.0.weight", "ip_adapter.0.to_q_lora.down.weight"])
def test_an_ip_adapter_for_faces_says_that_it_is_not_offered(shelf, tmp_path, key):
    save_file({key: torch.zeros(2, 512)}, str(tmp_path / "faceid.safetensors"))
    with pytest.raises(UsageError, match="FaceID"):
        paint.paint(order(shelf, "sd15", "txt2img", SEEDS[:1], reference=Control(tmp_path, gradient(), 1.0)))


def lines() -> Image.Image:
    image = Image.new("RGB", (SIZE, SIZE))
    ImageDraw.Draw(image).ellipse((8, 8, 56, 56), outline="white", width=2)
    return image


def colours() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))


def directions() -> Image.Image:
    y, x = np.mgrid[-0.6:0.6:64j, -0.6:0.6:64j]
    vector = np.stack([x, y, np.sqrt(1 - x**2 - y**2)], 2)
    return Image.fromarray(((vector + 1) * 127.5).astype(np.uint8))


def areas() -> Image.Image:
    image = Image.new("RGB", (SIZE, SIZE), (80, 50, 50))
    ImageDraw.Draw(image).rectangle((8, 8, 40, 40), fill=(4, 200, 3))
    return image


RIGHT = {
    "control_v11p_sd15_canny": lines, "sd15-lineart": lines, "depth": gradient, "normalbae": directions, "openpose": lines,
    "my-seg": areas,
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_map_of_the_right_kind_passes_and_one_of_another_is_refused(name):
    check_map(name, "map.png", RIGHT[name]().convert("RGB"))
    with pytest.raises(InputError, match=f"map.png: no {kind_of(name)} map"):
        check_map(name, "map.png", colours())


@pytest.mark.parametrize("name", ["union", "sd15-control", "canny-depth", "softly"])
def test_a_controlnet_whose_name_says_nothing_is_not_judged(name):
    assert kind_of(name) is None
    check_map(name, "map.png", colours())


def test_dark_lines_on_white_are_no_map_of_lines():
    with pytest.raises(InputError, match="bright on dark"):
        check_map("canny", "map.png", Image.eval(lines(), lambda level: 255 - level))


def test_the_stage_refuses_a_map_of_another_kind(shelf, tmp_path, work):
    colours().save("photo.png")
    shutil.copytree(shelf / "sd15-control", tmp_path / "canny")
    values = {"backend": "diffusers", "model": str(shelf / "sd15"), "control": [f"{tmp_path / 'canny'}=photo.png"]}
    made = Generate(GenerateParams.model_validate({**values, "steps": 2, "dtype": "fp32"}))
    with pytest.raises(InputError, match="no lines map"):
        made.make(next(iter(made.plan(Request(prompt="x", size=["64x64"])))))
