"""Painting by the diffusers backend against a plain diffusers script: the same random weights of Stable Diffusion 1.5's classes.

All variants take turns in one process ($TORCH_PYTHON, else this interpreter); peak memory is of a process each. Speed does
not depend on the values of weights, so they are random, and the pictures noise: what differs between them is counted. The
worker is measured by whole processes that paint with imajin-mini.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.timing import interleaved
from benchmarks.worker import place

ROOT = Path(__file__).parents[1]
SIDE = 256
STEPS = 4
SEED = 7
PROMPT = "a lost robot on a moor"


def measure(rounds: int = 5) -> dict[str, Any]:
    """Seconds and ratios, warm; pictures' differences; peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        _inside("make", folder)
        found = _inside("time", folder, str(rounds))
        peaks = {name: _inside("peak", folder, name) for name in ("plain fp32", "ours fp32", "plain bf16", "ours bf16")}
    seconds = found["seconds"]
    return {
        "seconds a picture, warm": seconds,
        "fp32, ours over plain": seconds["ours fp32"] / seconds["plain fp32"],
        "bf16, ours over plain": seconds["ours bf16"] / seconds["plain bf16"],
        "plain fp32 over ours bf16": seconds["plain fp32"] / seconds["ours bf16"],
        "plain fp32 over ours as --dtype auto has it": seconds["plain fp32"] / seconds[f"ours {found['auto']}"],
        "--dtype auto": found["auto"],
        "bf16, channels last over not": seconds["ours bf16, channels last"] / seconds["ours bf16"],
        "bf16, tiny autoencoder over the model's": seconds["ours bf16, tiny autoencoder"] / seconds["ours bf16"],
        "time by operator, bf16 over fp32, one thread": _inside("operators", folder),
        "levels of 255 off plain fp32": found["levels"],
        "peak MiB": peaks,
        "peak memory fp32, ours over plain": peaks["ours fp32"] / peaks["plain fp32"],
        "peak memory bf16, ours over plain": peaks["ours bf16"] / peaks["plain bf16"],
        **through_the_worker(),
    }


def through_the_worker(repeats: int = 3) -> dict[str, float]:
    """Seconds of a whole `imajin generate` with imajin-mini, 64 px, 20 steps: in a process of its own, and by the warm worker."""
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    command = [python, "-m", "imajin_cli", "generate", "a red heart", "--model", "imajin-mini", "--size", "64", "--force"]
    with place(python) as here:
        own, warm = here.run(*command, worker="off"), here.run(*command, worker="on")
        times = interleaved({"own": own, "warm": warm}, repeats)
    return {
        "imajin-mini, a process of its own, seconds": times["own"],
        "imajin-mini, the worker, warm, seconds": times["warm"],
        "a process of its own over the warm worker": times["own"] / times["warm"],
    }


def _inside(task: str, *arguments: str) -> Any:
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    command = [python, "-m", "benchmarks.diffusion", task, *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _make(folder: Path) -> None:
    """The model, of the true classes and about a sixth of their parameters, and a tiny autoencoder."""
    sys.path.insert(0, str(ROOT / "tests"))
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny, StableDiffusionPipeline, UNet2DConditionModel

    import tinymodels

    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=32, block_out_channels=(128, 256, 512, 512), cross_attention_dim=64, attention_head_dim=8
    )
    vae = AutoencoderKL(
        block_out_channels=[64, 128, 256, 256], norm_num_groups=32, latent_channels=4, layers_per_block=2,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, scaling_factor=0.18215,
    )  # fmt: skip
    StableDiffusionPipeline(
        vae=vae, text_encoder=tinymodels._clip(64), tokenizer=tinymodels._clip_tokenizer(), unet=unet,
        scheduler=tinymodels._scheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder / "model")  # fmt: skip
    AutoencoderTiny().save_pretrained(folder / "tiny")


def _plain(folder: Path, dtype: str) -> Callable[[], Any]:
    """A plain script's pipeline, begun from the same noise so that pictures can be compared."""
    import torch
    from diffusers import StableDiffusionPipeline

    from imajin_cli.stages.backends.diffusion.noise import Stream

    number = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    pipe = StableDiffusionPipeline.from_pretrained(str(folder / "model"), torch_dtype=number, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.from_numpy(Stream(SEED).normal((1, 4, SIDE // 8, SIDE // 8))).to(number)

    def paint() -> Any:
        shown = pipe(
            PROMPT, height=SIDE, width=SIDE, num_inference_steps=STEPS, guidance_scale=7.5, latents=noise, output_type="np"
        ).images
        return (shown[0] * 255).round().astype("uint8")

    return paint


def _ours(folder: Path, dtype: Any, **speed: Any) -> Callable[[], Any]:
    """The backend, its model kept: a second one would take its place, as is right outside a benchmark."""
    from imajin_cli.stages.backends.diffusion import load, paint
    from imajin_cli.stages.backends.diffusion.order import Model, Order, Speed

    model = Model("bench", folder / "model", "sd15", dtype, "cpu", "1", Speed(**speed))
    order = Order(model, "txt2img", PROMPT, (SEED,), SIDE, SIDE, STEPS, 7.5)
    base = load._base(model, ())

    def one() -> Any:
        load._kept = lambda *_: base
        return paint.paint(order)[0].pixels

    return one


VARIANTS: dict[str, Callable[[Path], Callable[[], Any]]] = {
    "plain fp32": lambda folder: _plain(folder, "fp32"),
    "ours fp32": lambda folder: _ours(folder, "fp32"),
    "plain bf16": lambda folder: _plain(folder, "bf16"),
    "ours bf16": lambda folder: _ours(folder, "bf16"),
    "ours bf16, channels last": lambda folder: _ours(folder, "bf16", channels_last=True),
    "ours bf16, tiny autoencoder": lambda folder: _ours(folder, "bf16", tiny_vae=folder / "tiny"),
}


def _time(folder: Path, rounds: int) -> dict[str, Any]:
    import numpy as np

    from imajin_cli.stages.backends.diffusion.device import dtype_on

    made = {name: make(folder) for name, make in VARIANTS.items()}
    pictures = {name: one().astype(np.int16) for name, one in made.items()}
    least = dict.fromkeys(made, float("inf"))
    for turn in range(rounds):
        # The order turns too, so that no variant always follows the same one.
        for name in list(made)[turn % len(made) :] + list(made)[: turn % len(made)]:
            begun = time.perf_counter()
            made[name]()
            least[name] = min(least[name], time.perf_counter() - begun)
    base = pictures["plain fp32"]
    off = {name: np.abs(picture - base) for name, picture in pictures.items() if name in ("ours fp32", "ours bf16")}
    levels = {name: {"mean": float(one.mean()), "most": float(one.max())} for name, one in off.items()}
    return {"seconds": least, "levels": levels, "auto": dtype_on("cpu", "auto")}


def _operators(rounds: int = 7) -> dict[str, float]:
    """What one call takes in bf16 over fp32, by the shapes of Stable Diffusion 1.x at 256 px: least of interleaved rounds.

    It tells whether this processor can gain by bf16 at all, whatever is done around the operators.
    """
    import torch

    torch.set_num_threads(1)
    found = {}
    with torch.inference_mode():
        for name, (call, shape) in _calls(torch).items():
            wide, narrow = (torch.randn(shape).to(number) for number in (torch.float32, torch.bfloat16))
            least = [float("inf")] * 2
            for turn in range(rounds + 1):
                for at, value in enumerate((wide, narrow)):
                    begun = time.perf_counter()
                    call[at](value)
                    # The first round only warms up.
                    least[at] = min(least[at], time.perf_counter() - begun) if turn else least[at]
            found[name] = least[1] / least[0]
    return found


def _calls(torch: Any) -> dict[str, tuple[list[Callable[[Any], Any]], tuple[int, ...]]]:
    """Operators by name: in fp32 and in bf16, and the shape they are asked with."""
    layers = {
        "linear, 1024 rows of 320 to 2560": (lambda: torch.nn.Linear(320, 2560), (1024, 320)),
        "linear, 256 rows of 1280 to 1280": (lambda: torch.nn.Linear(1280, 1280), (256, 1280)),
        "convolution, 320 channels of 32x32": (lambda: torch.nn.Conv2d(320, 320, 3, padding=1), (2, 320, 32, 32)),
        "convolution, 128 channels of 128x128": (lambda: torch.nn.Conv2d(128, 128, 3, padding=1), (1, 128, 128, 128)),
    }
    found: dict[str, Any] = {
        name: ([make(), make().to(torch.bfloat16)], shape) for name, (make, shape) in layers.items()
    }
    attend = lambda value: torch.nn.functional.scaled_dot_product_attention(value, value, value)  # noqa: E731
    return {**found, "attention, 8 heads of 1024x40": ([attend, attend], (2, 8, 1024, 40))}


def _peak(folder: Path, name: str) -> float:
    VARIANTS[name](folder)()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """One task inside the interpreter that has torch; its result is the last line, as JSON."""
    from imajin_cli.stages.backends.diffusion.load import libraries

    task, folder, *rest = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
    torch, _ = libraries()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    found: Any = None
    match task:
        case "make":
            _make(folder)
        case "time":
            found = _time(folder, int(rest[0]))
        case "operators":
            found = _operators()
        case "peak":
            found = _peak(folder, rest[0])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
